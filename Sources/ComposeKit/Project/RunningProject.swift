import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A project with its unique name: builds the commands for it.
package struct RunningProject: Sendable {
  /// What becomes of a project at the end of its run.
  package enum Lifetime: Sendable {
    /// It is removed.
    case run
    /// It is left for a person to look at.
    case kept
    /// It is left for the next run.
    case reusable
  }
  package let project: ComposeProject
  let projectName: String
  let engine: ComposeEngine
  let lifetime: Lifetime
  /// A file that is laid over the project's own, see ``PortOverlay``; nil on an engine of this machine.
  package var overlay: String?

  package init(_ project: ComposeProject, named name: String, engine: ComposeEngine, lifetime: Lifetime) {
    self.project = project
    self.engine = engine
    self.lifetime = lifetime
    projectName = name
  }

  /// The project's name with the part that only this run has, or only these files.
  static func name(of project: ComposeProject, lifetime: Lifetime, on access: EngineAccess) async -> String {
    let suffix =
      lifetime == .reusable
      ? reuseSuffix(of: project, on: access) : await RunIdentity.next(isKept: lifetime == .kept).text
    return project.name + "-" + suffix
  }

  /// The unique part of a reusable project's name: the same for the same files of the same user on the same machine and engine.
  package static func reuseSuffix(of project: ComposeProject, on access: EngineAccess) -> String {
    let paths = (project.files + [project.projectDirectory ?? ""]).map {
      URL(fileURLWithPath: $0).standardized.path(percentEncoded: false)
    }
    let engine = access.key.isEmpty ? [] : [access.key]
    return "reuse-" + Digest.of((["\(getuid())"] + paths + engine).joined(separator: "\u{0}"), width: 8)
  }

  /// A `docker compose` command for this project.
  package func compose(_ arguments: [String], deadline: Duration = .seconds(60)) -> Command {
    var command = Command(
      program: engine.command[0],
      arguments: Array(engine.command.dropFirst()) + project.arguments(projectName: projectName)
        + (overlay.map { ["-f", $0] } ?? []) + arguments,
      environment: project.environment, engineVariables: engine.access.variables, deadline: deadline)
    // Compose asks the engine to stop what it was doing; it needs a moment for that.
    command.patience = .milliseconds(500)
    return command
  }

  /// A command of the engine's program; these concern single containers, so they get no environment of the project.
  func onEngine(_ arguments: [String], deadline: Duration = .seconds(30)) -> Command {
    engine.access.command(arguments, deadline: deadline)
  }

  var labelFilter: [String] { ["--filter", "label=\(ComposeLabel.project)=\(projectName)"] }

  private var configurationCommand: Command {
    compose(["config"] + (engine.isFirstGeneration ? [] : ["--format", "json"]), deadline: .seconds(30))
  }

  /// Lets compose check the files; what it says is for ``configuration(from:)``.
  func checkedFiles() async -> Result<Command.Output, any Error> {
    do { return .success(try await configurationCommand.run()) } catch { return .failure(error) }
  }

  /// Reads what compose says of the files, or lets it check them first.
  ///
  /// - Throws: ``ComposeError`` with code `invalidConfiguration` that quotes compose.
  func configuration(from checked: Result<Command.Output, any Error>? = nil) async throws -> ProjectConfiguration {
    let isFirst = engine.isFirstGeneration
    guard !isFirst || project.envFiles.count < 2 else {
      throw ComposeError(
        .unsupported,
        "docker-compose \(engine.composeVersion) takes one env file, project \(project.name) has \(project.envFiles.count)",
        project: projectName, engine: engine.description, next: "use compose v2, or join the files")
    }
    let command = configurationCommand
    let output: Command.Output
    do {
      if let checked { output = try checked.get() } else { output = try await command.run() }
    } catch var error as ComposeError where error.code == .timedOut {
      // The engine has no part in this: compose reads files. Compose v2 expands aliases of aliases for hours.
      error.code = .invalidConfiguration
      error.summary =
        "compose did not finish reading \(project.files.joined(separator: ", ")) of project \(project.name) "
        + "within \(command.deadline.text)"
      error.project = projectName
      error.engine = engine.description
      error.next = "does a file hold aliases of aliases (a YAML bomb), or is it a pipe that nobody writes to?"
      throw error
    }
    guard output.succeeded else {
      var error = command.failure(
        output, .invalidConfiguration,
        "compose does not accept \(project.files.joined(separator: ", ")) of project \(project.name)")
      error.project = projectName
      error.engine = engine.description
      if error.code == .invalidConfiguration { error.next = "correct the file; this is what compose says of it" }
      throw error
    }
    let configuration =
      isFirst
      ? ProjectConfiguration(
        firstGeneration: output.standardOutput, projectName: projectName, profiles: project.enabledProfiles)
      : try ProjectConfiguration(json: output.standardOutput, projectName: projectName)
    guard !configuration.services.isEmpty else {
      throw ComposeError(
        .invalidConfiguration,
        "\(project.files.joined(separator: ", ")) of project \(project.name) describes no service",
        project: projectName, command: command.line, next: "is a profile missing?")
    }
    return configuration
  }

  /// Inspects the project's containers, ordered by service and number.
  func inspect(service: String? = nil) async throws -> [ContainerRecord] {
    var list = ["ps", "--all", "--quiet", "--no-trunc"] + labelFilter
    if let service { list += ["--filter", "label=com.docker.compose.service=\(service)"] }
    let ids = try await onEngine(list).runChecked().outputLines
    return try await inspect(ids: ids)
  }

  func inspect(services: [String]) async throws -> [ContainerRecord] {
    try await inspect().filter { services.contains($0.service) }
  }

  func inspect(ids: [String]) async throws -> [ContainerRecord] {
    guard !ids.isEmpty else { return [] }
    // A container that is gone by now makes the command fail, but it still prints the others.
    let command = onEngine(["container", "inspect"] + ids)
    let output = try await command.run()
    guard output.succeeded || EngineRefusal.saysContainerIsMissing(output.standardError) else {
      throw command.failure(output)
    }
    return try ContainerRecord.decode(output.standardOutput).filter { !$0.isOneOff }
      .sorted { ($0.service, $0.replica) < ($1.service, $1.replica) }
  }

  /// The last lines that a container printed, with the container's name before each.
  func lastLog(of record: ContainerRecord, lines: Int = 50) async -> [String] {
    do {
      let name = "\(record.service)-\(record.replica) | "
      let log = try await ContainerLog(running: self, record: record).lines(tail: lines)
      return log.joined(separator: "\n").outputLines.suffix(lines).map { name + String($0.prefix(400)) }
    } catch let error as ComposeError where error.code == .noLog {
      return ["(\(record.service) keeps no log that can be read)"]
    } catch {
      return ["(its log could not be read)"]
    }
  }
}
