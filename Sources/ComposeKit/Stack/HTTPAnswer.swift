import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

extension URLSession {
  /// The answer to a request; waiting for it can be cancelled, the request itself ends by its own time-out.
  ///
  /// `data(for:)` must not be cancelled on Linux (Swift 6.3.1): its cancellation handler waits for the session's queue, which may be
  /// resuming the very task that is being cancelled and waits for that task's lock. Both threads then wait for ever, and with two
  /// cores these are all that tasks run on: no deadline and no signal is heard any more.
  package func answer(to request: URLRequest) async throws -> (Data, URLResponse) {
    let (answers, input) = AsyncStream<Result<(Data, URLResponse), any Error>>.makeStream()
    let task = dataTask(with: request) { data, response, error in
      if let response, error == nil {
        input.yield(.success((data ?? Data(), response)))
      } else {
        input.yield(.failure(error ?? URLError(.unknown)))
      }
      input.finish()
    }
    task.resume()
    for await answer in answers { return try answer.get() }
    throw CancellationError()
  }
}
