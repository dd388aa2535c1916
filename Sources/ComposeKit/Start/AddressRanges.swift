/// The address ranges that an engine gives to networks: some thirty unless its daemon.json says otherwise, one for each network.
///
/// Runs side by side use them up before anything else of the engine. Those of other runs come back when these end, so that
/// giving up at once would make a red run of a full moment.
struct AddressRanges: Sendable {
  let running: RunningProject

  /// How often the engine is asked whether another run has given one back.
  static let interval = Duration.milliseconds(500)

  /// Runs `start`; while the engine has no range left and other runs hold some, waits for one of theirs and tries again.
  ///
  /// - Parameters:
  ///   - patience: how long to wait, all tries together.
  ///   - waiting: called when a wait begins, with the number of networks that other runs hold.
  /// - Throws: what `start` throws; its `networkPoolExhausted` at once if no other run has a network, else after `patience`.
  func whenThereIsOne<R: Sendable>(
    patience: Duration, waiting: (Int) -> Void, _ start: () async throws -> R
  ) async throws -> R {
    let deadline = ContinuousClock.now + patience
    while true {
      do {
        return try await start()
      } catch let error as ComposeError where error.code == .networkPoolExhausted {
        let lent = try await lentToOtherRuns()
        guard !lent.isEmpty else { throw error }
        waiting(lent.count)
        guard try await oneComesBack(of: lent, before: deadline) else {
          var error = error
          error.summary += ", and none of the \(lent.count) that other runs have came back within \(patience.text)"
          throw error
        }
      }
    }
  }

  private func oneComesBack(of lent: Set<String>, before deadline: ContinuousClock.Instant) async throws -> Bool {
    while ContinuousClock.now < deadline {
      try await Task.sleep(for: Self.interval)
      if try await !lent.isSubset(of: lentToOtherRuns()) { return true }
    }
    return false
  }

  /// The networks of runs that remove them at their end, by name: not this project's, and none that is kept or reused.
  private func lentToOtherRuns() async throws -> Set<String> {
    let format = FoundResource.format(running.engine.access)
    let list = running.onEngine(["network", "ls", "--format", format, "--filter", "label=\(ComposeLabel.project)"])
    let networks = FoundResource.read(try await list.runChecked(), kind: .network).filter { network in
      guard let project = network.owner, project != running.projectName else { return false }
      return RunIdentity(projectName: project)?.isKept == false
    }
    return Set(networks.map(\.name))
  }
}
