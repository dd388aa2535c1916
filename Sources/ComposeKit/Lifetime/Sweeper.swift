/// Removes, once for each engine and process, what runs have left behind whose owner is gone.
///
/// The last resort: it finds what was left when the watchdog was killed too, or the machine lost power.
actor Sweeper {
  static let shared = Sweeper()
  /// Owned here: several callers wait for the one sweep of their engine.
  private var sweeps: [String: Task<Void, Never>] = [:]

  func begin(_ access: EngineAccess) {
    if sweeps.isEmpty {
      for entry in LeftBehind.ofThisUser.entries() where entry.key != access.watchdogKey {
        StandardError.write("composekit: \(entry.message)\n")
      }
    }
    sweeps[access.key] = sweeps[access.key] ?? Task { _ = await ProjectRemoval(access: access).sweep() }
  }

  /// Waits for the end of the sweep.
  func finish(_ access: EngineAccess) async { await sweeps[access.key]?.value }
}

extension ProjectRemoval {
  /// Removes projects whose owner ran on this machine and is gone, and says which.
  func sweep() async -> [String] {
    let here = await RunIdentity.next(isKept: false)
    var names: Set<String> = []
    let format = ["--format", access.projectLabelFormat, "--filter", "label=\(ComposeLabel.project)"]
    async let containers = onEngine(["ps", "--all"] + format).run()
    async let networks = onEngine(["network", "ls"] + format).run()
    async let volumes = onEngine(["volume", "ls"] + format).run()
    do {
      for output in try await [containers, networks, volumes] {
        names.formUnion(output.standardOutput.outputLines.compactMap { ComposeLabel.project(in: $0) })
      }
    } catch {
      Command.logger.warning("no sweep for projects whose owner is gone: \(error)")
      return []
    }
    var swept: [String] = []
    var isClean = true
    for name in names.sorted() {
      guard let owner = RunIdentity(projectName: name),
        await owner.isAbandoned(seenFrom: here, mark: ProcessMark.of)
      else { continue }
      do {
        try await remove(project: name, deadline: .seconds(20))
        Command.logger.notice("removed \(name), left behind by process \(owner.pid), which is gone")
        swept.append(name)
      } catch {
        isClean = false
        Command.logger.warning("\(error)")
      }
    }
    if isClean { LeftBehind.ofThisUser.forget(access) }
    return swept
  }
}
