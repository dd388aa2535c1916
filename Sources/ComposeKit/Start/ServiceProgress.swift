/// One step of a service on its way up or down.
public struct ServiceProgress: Sendable, Hashable {
  /// Where the service is.
  public enum Phase: String, Sendable, Hashable {
    case building, pulling, created, starting, running, healthy, completed, restarting, unhealthy, failed, removing,
      removed
    /// Its image is copied from this machine's engine to one on another machine.
    case loading
    /// Its health check is content, or it runs; now its probes are tried.
    case probing
    /// All of its probes hold.
    case ready
    /// The engine has no address range left for a network; other runs have some, and give them back at their end.
    case waiting
    /// It runs already and is used as it is, see ``UpOptions/reuse``.
    case adopted
  }
  /// The project's base name.
  public var project: String
  /// The unique name of the running project.
  public var projectName: String
  /// The service, with its number if it has more than one container; empty where the step is the project's.
  public var service: String
  /// How far it has come.
  public var phase: Phase
  /// The time since the project was started (or, for `removing` and `removed`, since its removal began).
  public var elapsed: Duration
  /// Why it is `failed`, `unhealthy` or `waiting`, in one sentence; the error follows when everything is down, with its evidence.
  public var reason: String?

  /// A step of a service, for tests of what shows progress.
  package init(
    project: String, projectName: String, service: String, phase: Phase, elapsed: Duration, reason: String? = nil
  ) {
    self.project = project
    self.projectName = projectName
    self.service = service
    self.phase = phase
    self.elapsed = elapsed
    self.reason = reason
  }

  /// Whether the service has come up: healthy, running or completed; probes of its own may still follow.
  package var isReady: Bool {
    switch phase {
    case .healthy, .running, .completed, .ready, .adopted: true
    default: false
    }
  }
}

/// Gives the progress of whatever `body` starts as a stream, which ends when `body` has ended.
///
/// ```swift
/// try await withServiceProgress { steps in
///   for await step in steps where step.phase == .failed { notify(step.reason) }
/// } during: { progress in
///   try await withComposeStacks([media, sts], progress: progress) { … }
/// }
/// ```
///
/// - Parameters:
///   - reader: reads the steps in their order, all of them however slowly it reads; it has ended when this returns.
///   - isolation: the actor on which `body` runs: the caller's.
///   - body: gets the function to hand to ``withComposeStacks(_:on:options:progress:isolation:_:)``.
/// - Throws: what `body` throws.
public func withServiceProgress<R: Sendable>(
  _ reader: @escaping @Sendable (AsyncStream<ServiceProgress>) async -> Void,
  isolation: isolated (any Actor)? = #isolation,
  during body: (@escaping @Sendable (ServiceProgress) -> Void) async throws -> R
) async rethrows -> R {
  let (steps, input) = AsyncStream<ServiceProgress>.makeStream()
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await reader(steps) }
    // Finished before the group waits for the reader, however the body ends.
    defer { input.finish() }
    return try await body { input.yield($0) }
  }
}
