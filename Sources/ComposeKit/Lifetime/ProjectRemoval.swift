import Foundation

/// Removes what belongs to a project by its label, with no need of its compose files.
struct ProjectRemoval: Sendable {
  let access: EngineAccess
  /// Whether the images that are named after the project go as well.
  var removesImages = true

  /// Removes containers, networks, volumes and the images named after the project, until nothing has appeared for a while.
  ///
  /// - Parameter isQuietAfter: how long nothing may have appeared; more than 0 where an interrupted `up` may still be at work.
  /// - Throws: ``ComposeError`` with code `downFailed` when something is left at the deadline, or the engine stays away.
  func remove(
    project: String, isQuietAfter quiet: Duration = .zero, deadline: Duration = .seconds(40)
  ) async throws {
    let end = ContinuousClock.now + deadline
    var lastSeen = ContinuousClock.now
    var awaySince: ContinuousClock.Instant?
    var problem = ""
    while ContinuousClock.now < end {
      do {
        let found = try await removeOnce(project: project)
        awaySince = nil
        if found.isEmpty && ContinuousClock.now - lastSeen >= quiet { return }
        if !found.isEmpty {
          lastSeen = .now
          problem = found.joined(separator: "\n")
          continue
        }
      } catch let error as ComposeError {
        problem = error.description
        lastSeen = .now
        if error.code == .engineUnavailable {
          awaySince = awaySince ?? .now
          guard ContinuousClock.now - (awaySince ?? .now) < Self.patienceWithAbsentEngine else { break }
        }
      }
      try? await Task.sleep(for: .milliseconds(200))
    }
    let byHand =
      access.line("ps -a --filter label=\(ComposeLabel.project)=\(project)")
      + ", and the same with network ls and volume ls"
    throw ComposeError(
      .downFailed,
      awaySince == nil
        ? "not everything of \(project) could be removed within \(deadline.text)"
        : "\(project) could not be removed: the engine does not answer any more", project: project,
      evidence: problem.outputLines,
      next: awaySince == nil
        ? byHand
        : "start the engine: what is left is removed by the watchdog if that is within a minute of this process's end, "
          + "and otherwise by the next run on this machine; by hand: \(byHand)")
  }

  /// How long an engine that does not answer is waited for: one that is being restarted needs some seconds.
  static let patienceWithAbsentEngine = Duration.seconds(15)

  /// Removes what is there now and says what it found.
  private func removeOnce(project: String) async throws -> [String] {
    let byLabel = ["--filter", "label=\(ComposeLabel.project)=\(project)"]
    var found: [String] = []
    // In this order: a network or volume in use cannot be removed.
    found += try await removeEach(
      listed: ["ps", "--all", "--quiet", "--no-trunc"] + byLabel, by: ["rm", "--force", "--volumes"])
    async let networks = removeEach(
      listed: ["network", "ls", "--quiet", "--no-trunc"] + byLabel, by: ["network", "rm"])
    async let volumes = removeEach(listed: ["volume", "ls", "--quiet"] + byLabel, by: ["volume", "rm", "--force"])
    async let images = removeImages(of: project)
    found += try await networks + volumes + images
    return found
  }

  private func removeImages(of project: String) async throws -> [String] {
    guard removesImages else { return [] }
    // By name: by its id an image would lose the names that others gave it, too.
    return try await removeEach(
      listed: [
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=\(project)-*",
        "--filter", "reference=\(project)_*",
      ], by: ["image", "rm", "--force"])
  }

  private func removeEach(listed list: [String], by remove: [String]) async throws -> [String] {
    let ids = Set(try await onEngine(list).runChecked(.downFailed).outputLines.map(\.trimmed)).subtracting([""])
      .sorted()
    guard !ids.isEmpty else { return [] }
    // Its failure is not the end: "already in progress" and "no such" come from somebody who removes the same thing.
    let output = try await onEngine(remove + ids).run()
    return output.succeeded ? ids : ids + output.standardError.outputLines
  }

  func onEngine(_ arguments: [String]) -> Command {
    var command = access.command(arguments, deadline: .seconds(30))
    command.isTeardown = true
    return command
  }
}
