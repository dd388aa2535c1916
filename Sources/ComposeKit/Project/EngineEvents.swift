import Foundation

/// Listens to what the engine says of a project's containers, and listens anew when the connection ends while the engine still answers.
///
/// Proxies before an engine close connections on which nothing was said for some seconds. What happened in between is replayed from
/// the last event on, and an inspection follows, so that nothing is missed.
struct EngineEvents: Sendable {
  let running: RunningProject
  /// The engine's time from which it is replayed; nil where the engine's clock is another one than this machine's.
  let since: String?
  /// What is done meanwhile, for the error of an engine that goes away: "shop was starting".
  let occasion: String

  /// What has been heard: an event that is replayed is not handed over twice.
  private actor Memory {
    private var heard: Set<EngineEvent> = []
    private var last: Int64?

    func isNew(_ event: EngineEvent) -> Bool {
      guard let time = event.timeNano else { return true }
      last = max(last ?? time, time)
      return heard.insert(event).inserted
    }

    /// Where to go on; two events of one moment may come in either order.
    var position: String? { last.map(EngineMoment.text) }
  }

  /// How often in a row the engine may end the stream at once before that is an error.
  private static let patience = 20

  /// Hands over events until it is cancelled.
  ///
  /// - Parameters:
  ///   - handle: gets each event once.
  ///   - relistened: is called after each time that listening was interrupted, when the engine is listened to again.
  /// - Throws: ``ComposeError`` `engineUnavailable` when the engine has gone away.
  func listen(
    _ handle: @escaping @Sendable (EngineEvent) -> Void, relistened: @escaping @Sendable () async throws -> Void
  ) async throws {
    let memory = Memory()
    var interruptions = 0
    try await withThrowingDiscardingTaskGroup { group in
      defer { group.cancelAll() }
      while true {
        let began = ContinuousClock.now
        let command = command(since: await memory.position ?? since)
        // A line that is cut off by the end of the connection is replayed whole.
        let end = try await command.stream { line in
          if line.isEmpty { return }
          guard let event = try EngineEvent(line: String(decoding: line, as: UTF8.self)) else { return }
          if await memory.isNew(event) { handle(event) }
        }
        try Task.checkCancellation()
        let isShort = ContinuousClock.now - began < .seconds(1)
        interruptions = isShort ? interruptions + 1 : 0
        guard interruptions < Self.patience, await engineAnswers() else {
          try Task.checkCancellation()
          throw ComposeError(
            .engineUnavailable, "the engine stopped sending events (\(end.status)) while \(occasion)",
            project: running.projectName, command: command.line, engine: running.engine.description,
            next: "was the engine restarted? \(running.engine.access.line("info")) tells whether it answers")
        }
        if isShort { try await Task.sleep(for: .milliseconds(250)) }
        let isReplayed = await memory.position ?? since != nil
        group.addTask {
          // Without a place to replay from, what happens until the engine listens is seen by an inspection only.
          if !isReplayed { try await Task.sleep(for: .seconds(1)) }
          // If it fails the engine is gone, and the next round says so.
          try? await relistened()
        }
      }
    }
  }

  private func command(since: String?) -> Command {
    var arguments = ["events", "--format", "{{json .}}", "--filter", "type=container"] + running.labelFilter
    if let since { arguments += ["--since", since] }
    var command = running.onEngine(arguments)
    command.patience = .zero
    return command
  }

  private func engineAnswers() async -> Bool {
    let command = running.onEngine(["version", "--format", "{{.Server.Version}}"], deadline: .seconds(10))
    guard let output = try? await command.run() else { return false }
    return output.succeeded
  }
}
