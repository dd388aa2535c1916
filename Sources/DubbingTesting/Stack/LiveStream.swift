import AudioPrint
import Foundation
import SocketIOLite

/// One stream of one test case: a name that nothing else uses, and the way from publishing to the verdict.
public struct LiveStream: Sendable {
  /// Unique on the media server, `test_<case>_<unique>`.
  public var name: String
  public var environment: DualStackEnvironment
  public var transport: StreamPublisher.Transport
  /// Where recording, events and logs of this stream are kept.
  public var folder: URL

  /// Publishes the fixture, follows it through both stacks, records what comes out, and judges it.
  ///
  /// The verdict may well be that the stream failed; what is thrown is only what prevents a verdict.
  /// - Throws: ``FixtureError``, ``ProbeError``, ``StreamError`` when the fixture cannot be published.
  public func dub(_ fixture: Fixture) async throws -> DubbingVerdict {
    try await fixture.check()
    Console.print("… \(fixture.name): publishing \(fixture.duration) s over \(transport.rawValue) as \(name)")
    let recording = folder.appending(path: "output.flv")
    let problem = try await publishAndRecord(fixture, to: recording)
    let records = environment.tap.records(of: name)
    try EventLog.write(records, to: folder.appending(path: "events.jsonl"))
    let events = StreamEvents(records.map(ObservedEvent.init), stream: name)
    let analysis = OutputAnalysis(stream: name, fixture: fixture, budget: environment.stack.budget, events: events)
    return DubbingVerdict(try await analysis.evidence(of: problem == nil ? recording : nil, problem: problem))
  }

  /// Runs publisher and recorder side by side; answers why there is no recording, where there is none.
  private func publishAndRecord(_ fixture: Fixture, to file: URL) async throws -> String? {
    let publisher = StreamPublisher(
      fixture: fixture, url: environment.inputURL(of: name, over: transport), transport: transport)
    let recorder = StreamRecorder(url: environment.outputURL(of: name), file: file)
    let budget = environment.stack.budget
    let output = environment.path(environment.stack.outputPath, of: name)
    // The first fragment is cut after one segment and may take its whole time before it falls back to the original.
    let firstOutput = budget.segment + budget.fragment + .seconds(10)
    return try await withThrowingTaskGroup(of: String?.self) { group in
      group.addTask {
        try await publisher.run()
        return nil
      }
      group.addTask {
        do {
          try await environment.controlAPI.wait(for: output, timeout: firstOutput)
          try await recorder.run(timeout: budget.pipeline)
          return nil
        } catch let error as StreamError {
          return error.description
        }
      }
      var problem: String?
      for try await result in group { problem = problem ?? result }
      return problem
    }
  }
}
