import ComposeKit
import Synchronization

/// Something costly that the tests of a suite share: it is started when the first of them asks, and ended with the suite.
///
/// Swift Testing enters a suite's scope even if all of its tests are disabled, cancelled or filtered out. What a scope starts
/// eagerly is then started for nobody. This starts it on the first ``value()``, hands the same value to everyone who asks, and
/// waits for its end when the scope is left:
///
/// ```swift
/// let environment = LazyEnvironment<URL>("mock server") { ready in
///   try await withMockServer { server in try await ready(server.url) }   // `ready` returns when the suite is over
/// }
/// ```
///
/// A start that fails is reported in full to the first who asked; the others get an error that points there. If nobody waits for it
/// any more, because a time limit has ended the test that asked, the next who asks gets the reason, or else the scope throws it.
public final class LazyEnvironment<Value: Sendable>: Sendable {
  /// Starts the environment, calls `ready` once with its value, and ends it when `ready` has returned.
  public typealias Start = @Sendable (_ ready: @Sendable (Value) async throws -> Void) async throws -> Void

  /// What the environment is called in errors.
  public let name: String
  private let start: Start

  private enum Phase: Sendable {
    case closed, idle, starting
    case ready(Value)
    /// Its reason is kept as long as nobody has been told.
    case failed(untold: (any Error)?)
  }
  private struct State: Sendable {
    var phase = Phase.closed
    var waiters: [(id: Int, continuation: CheckedContinuation<Value, any Error>)] = []
    var nextID = 0
    var request: AsyncStream<Void>.Continuation?
  }
  private let state = Mutex(State())

  /// An environment that `start` brings up; the name is for messages.
  public init(_ name: String, start: @escaping Start) {
    self.name = name
    self.start = start
  }

  // MARK: The scope

  /// Runs `body`, in which ``value()`` may be asked for, and then ends the environment if it was started.
  ///
  /// - Throws: what `body` throws; else what the end of the environment throws; ``EnvironmentError`` if the scope is open already.
  public func scope<R: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    let (requests, request) = AsyncStream<Void>.makeStream()
    let (ends, end) = AsyncStream<Void>.makeStream()
    let isOpen = state.withLock { state -> Bool in
      guard case .closed = state.phase else { return false }
      state.phase = .idle
      state.request = request
      return true
    }
    guard isOpen else { throw EnvironmentError(name: name, kind: .alreadyOpen) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.hold(requests: requests, ends: ends) }
      let result: Result<R, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      let untold = close()
      request.finish()
      end.finish()
      do {
        try await group.waitForAll()
        if let untold { throw untold }
      } catch {
        // What happened first is what should be read first.
        if case .success = result { throw error }
      }
      return try result.get()
    }
  }

  /// Waits for the first request, and holds the environment open until the scope ends.
  private func hold(requests: AsyncStream<Void>, ends: AsyncStream<Void>) async throws {
    var requests = requests.makeAsyncIterator()
    guard await requests.next() != nil else { return }
    do {
      try await start { value in
        self.fulfil(value)
        for await _ in ends {}
      }
      fail(EnvironmentError(name: name, kind: .neverReady))
    } catch {
      // Before it was ready the error belongs to those who wait; afterwards nobody would see it, so the scope throws it.
      let isTold = fail(error)
      // Compose projects whose start has failed are removed behind their error; the scope ends when nothing is left.
      await waitForFailedStartsToBeRemoved()
      guard isTold || error is CancellationError else { throw error }
    }
  }

  // MARK: The value

  /// Whether anybody has asked for the value in this scope.
  package var isStarted: Bool {
    state.withLock {
      switch $0.phase {
      case .closed, .idle: false
      case .starting, .ready, .failed: true
      }
    }
  }

  /// The environment's value if it is ready now; does not start it.
  package var valueIfReady: Value? {
    state.withLock { if case .ready(let value) = $0.phase { value } else { nil } }
  }

  /// The environment's value; the first call starts it, everyone waits for the same start.
  ///
  /// - Throws: the error of the start to the first who asked, ``EnvironmentError`` to the others and outside of a scope;
  ///   `CancellationError`.
  public func value() async throws -> Value {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let answer = state.withLock { state in self.answer(to: continuation, id: id, in: &state) }
        if let answer { continuation.resume(with: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
      }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }

  /// The answer that is known at once, or nil after the asker has been put among the waiters.
  private func answer(
    to continuation: CheckedContinuation<Value, any Error>, id: Int, in state: inout State
  ) -> Result<Value, any Error>? {
    switch state.phase {
    case .ready(let value): return .success(value)
    case .failed(let untold):
      // A task that is cancelled tells nobody what it is told.
      guard let untold, !Task.isCancelled else { return .failure(EnvironmentError(name: name, kind: .failedBefore)) }
      state.phase = .failed(untold: nil)
      return .failure(untold)
    case .closed: return .failure(EnvironmentError(name: name, kind: .outsideScope))
    case .idle, .starting: break
    }
    // The handler of a cancellation that came before this has found no waiter.
    guard !Task.isCancelled else { return .failure(CancellationError()) }
    if case .idle = state.phase { state.request?.yield() }
    state.phase = .starting
    state.waiters.append((id, continuation))
    return nil
  }

  private func fulfil(_ value: Value) {
    let waiters = state.withLock { state in
      guard case .starting = state.phase else { return state.waiters }
      state.phase = .ready(value)
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.continuation.resume(returning: value) }
  }

  /// Hands the error of a start to those who wait, or keeps it; false if it was not starting.
  @discardableResult
  private func fail(_ error: any Error) -> Bool {
    let waiters = state.withLock { state -> [(id: Int, continuation: CheckedContinuation<Value, any Error>)]? in
      guard case .starting = state.phase else { return nil }
      state.phase = .failed(untold: state.waiters.isEmpty ? error : nil)
      defer { state.waiters = [] }
      return state.waiters
    }
    guard let waiters else { return false }
    for (index, waiter) in waiters.enumerated() {
      waiter.continuation.resume(throwing: index == 0 ? error : EnvironmentError(name: name, kind: .failedBefore))
    }
    return true
  }

  /// Ends the scope; gives the reason of a failed start that nobody has been told.
  private func close() -> (any Error)? {
    let (waiters, untold) = state.withLock { state in
      var reason: (any Error)?
      if case .failed(let untold) = state.phase { reason = untold }
      state.phase = .closed
      state.request = nil
      defer { state.waiters = [] }
      return (state.waiters, reason)
    }
    for waiter in waiters { waiter.continuation.resume(throwing: EnvironmentError(name: name, kind: .outsideScope)) }
    return untold
  }
}

/// Why a shared environment has no value to give.
public struct EnvironmentError: Error, Sendable, CustomStringConvertible {
  /// What kept it from having one.
  public enum Kind: Sendable, Hashable {
    /// Its start failed, and whoever asked first got the reason.
    case failedBefore
    /// The suite that has the environment is over, or the test is not in it.
    case outsideScope
    /// The start ended without giving a value.
    case neverReady
    /// The scope is open already.
    case alreadyOpen
  }
  /// The environment's name.
  public var name: String
  /// What kept it from having a value.
  public var kind: Kind

  public var description: String {
    switch kind {
    case .failedBefore: "\(name) failed to start: see the first failure of this run"
    case .outsideScope: "\(name) is asked for outside of the suite that provides it: put the test into that suite"
    case .neverReady: "\(name) ended before it was ready"
    case .alreadyOpen:
      "\(name) is in use by another suite at the same time: put one suite around both and give it the trait, or make a trait for each"
    }
  }
}
