import Synchronization

/// Engines that went away while this process had projects there, and are not waited for any more.
///
/// What they have stays registered: the watchdog goes on with it when the process has ended, and leaves word for the next start.
final class GivenUpEngines: Sendable {
  static let shared = GivenUpEngines()
  // A lock: asked wherever something is taken down.
  private let all = Mutex<Set<EngineAccess>>([])

  func insert(_ access: EngineAccess) { all.withLock { _ = $0.insert(access) } }
  func contains(_ access: EngineAccess) -> Bool { all.withLock { $0.contains(access) } }
}

extension ComposeEngine {
  /// Waits no more for this engine: what is taken down there from now on is left to the watchdog, and to the next run on it.
  package func giveUp() { GivenUpEngines.shared.insert(access) }

  /// Asks whether the engine is there.
  ///
  /// - Parameter deadline: how long it may take to answer.
  /// - Throws: ``ComposeError`` if it does not answer; `CancellationError`.
  package func requireAnswer(within deadline: Duration) async throws {
    let command = access.command(["version", "--format", "{{.Server.Version}}"], deadline: deadline)
    try await command.runChecked(.engineUnavailable, "the \(access.program) engine does not answer")
  }
}
