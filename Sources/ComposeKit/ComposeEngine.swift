import Foundation
import Synchronization

/// The engine and the compose command that are used, found once for each process.
public struct ComposeEngine: Sendable, Hashable {
  /// The compose command: `docker compose`, `docker-compose`, or what COMPOSE_COMMAND says.
  public let command: [String]
  /// The version of compose, e.g. "2.26.1".
  public let composeVersion: String
  /// The version of the engine, e.g. "20.10.24".
  public let engineVersion: String
  /// The host on which published ports are reached: "127.0.0.1", unless the engine is remote or this process runs in a container
  /// beside it; the environment variable `COMPOSEKIT_ENGINE_HOST` overrides it.
  public let host: String
  /// Whether the engine runs elsewhere, with a clock and processes of its own.
  let isRemote: Bool
  /// Whether this process runs in a container of the engine, from which the loopback addresses of the engine's host are not reached.
  let isInContainer: Bool

  init(
    command: [String], composeVersion: String, engineVersion: String, host: String, isRemote: Bool? = nil,
    isInContainer: Bool = false
  ) {
    self.command = command
    self.composeVersion = composeVersion
    self.engineVersion = engineVersion
    self.host = host
    self.isRemote = isRemote ?? (host != Self.localHost)
    self.isInContainer = isInContainer
  }

  /// Whether the compose command is the first generation (1.x), which lacks some options.
  var isFirstGeneration: Bool { composeVersion.hasPrefix("1.") }

  static let localHost = "127.0.0.1"

  public var description: String {
    "\(command.joined(separator: " ")) \(composeVersion), engine \(engineVersion)"
      + (host == Self.localHost ? "" : " on \(host)")
  }

  private static let found = Mutex<ComposeEngine?>(nil)

  /// The one that was found before, or the one that is there as a rule: what is read with its help before ``detect()`` has
  /// returned holds only if that finds the same.
  static var expected: ComposeEngine {
    if let engine = found.withLock({ $0 }) { return engine }
    let forced = words(ofForced: ProcessInfo.processInfo.environment["COMPOSE_COMMAND"])
    return ComposeEngine(
      command: forced ?? candidates[0], composeVersion: "2", engineVersion: "", host: localHost)
  }

  /// Whether compose reads files in the same way.
  func readsFiles(like other: ComposeEngine) -> Bool {
    command == other.command && isFirstGeneration == other.isFirstGeneration
  }

  private static let candidates = [["docker", "compose"], ["docker-compose"]]

  private static func words(ofForced forced: String?) -> [String]? {
    let words = forced?.split(separator: " ").map(String.init) ?? []
    return words.isEmpty ? nil : words
  }

  /// Finds the compose command and asks the engine for its version.
  ///
  /// A found engine is remembered; a failure is not, so that a later call finds an engine that was started in between.
  /// - Throws: ``ComposeError`` with code `engineUnavailable` that says what to do.
  public static func detect() async throws -> ComposeEngine {
    if let engine = found.withLock({ $0 }) { return engine }
    async let engineVersion = serverVersion()
    let environment = ProcessInfo.processInfo.environment
    async let address = EngineAddress.find(
      environment["DOCKER_HOST"], override: environment[EngineAddress.overrideVariable])
    async let compose = composeCommand(environment["COMPOSE_COMMAND"])
    let (command, composeVersion) = try await compose
    let found = try await address
    let engine = try await ComposeEngine(
      command: command, composeVersion: composeVersion, engineVersion: engineVersion, host: found.host,
      isRemote: found.isRemote, isInContainer: found.isInContainer)
    Self.found.withLock { $0 = engine }
    return engine
  }

  /// The address of the host on the engine's default bridge, which `host.docker.internal:host-gateway` resolves to.
  ///
  /// - Throws: ``ComposeError`` if the engine has no default bridge (a rootless engine, or one started with `--bridge none`).
  public static func bridgeGateway() async throws -> String {
    let command = Command(program: "docker", arguments: ["network", "inspect", "bridge"])
    let text = try await command.runChecked()
    guard let gateway = try NetworkRecord.decode(text).first?.gateway else {
      throw ComposeError(
        .commandFailed, "the engine's bridge network has no address", command: command.line,
        evidence: text.outputLines.suffix(20))
    }
    return gateway
  }

  // MARK: Finding

  private static func serverVersion() async throws -> String {
    var command = Command(program: "docker", arguments: ["version", "--format", "{{.Server.Version}}"])
    command.deadline = .seconds(20)
    return try await command.runChecked(.engineUnavailable, "the docker engine does not answer").trimmed
  }

  static func composeCommand(_ forced: String?) async throws -> (command: [String], version: String) {
    let words = words(ofForced: forced)
    let candidates = words.map { [$0] } ?? candidates
    var tried: [String] = []
    for candidate in candidates {
      var command = Command(program: candidate[0], arguments: candidate.dropFirst() + ["version", "--short"])
      command.deadline = .seconds(20)
      do {
        let output = try await command.run()
        let version = output.standardOutput.trimmed
        if output.succeeded, version.first(where: { $0 != "v" })?.isNumber == true {
          return (candidate, String(version.drop(while: { $0 == "v" })))
        }
        let said = (output.standardError + output.standardOutput).outputLines.first ?? ""
        tried.append("\(command.line): exit \(output.exitCode) \(said)")
      } catch let error as ComposeError {
        tried.append("\(command.line): \(error.summary)")
      }
    }
    throw ComposeError(
      .engineUnavailable,
      words.map { "COMPOSE_COMMAND=\($0.joined(separator: " ")) does not work" } ?? "docker compose is not installed",
      evidence: tried,
      next: words == nil ? SetupAdvice.or("install the docker compose plugin") : "unset or correct it")
  }

  /// The host that an engine's address names: `tcp://` and `ssh://` name one, sockets and pipes are local.
  static func host(ofEngine address: String) -> String {
    guard let url = URL(string: address), ["tcp", "ssh", "http", "https"].contains(url.scheme ?? ""),
      var host = url.host, !host.isEmpty
    else { return localHost }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return host == "localhost" ? localHost : host
  }

  /// The error for an engine that does not answer, if that is what a command's output says.
  static func unavailability(in text: String, command: String) -> ComposeError? {
    let lower = text.lowercased()
    let evidence = text.outputLines.suffix(5)
    if lower.contains("permission denied while trying to connect") {
      return ComposeError(
        .engineUnavailable, "this user may not use the docker engine", command: command, evidence: Array(evidence),
        next: "sudo usermod -aG docker $USER, then log in again")
    }
    let signs = [
      "cannot connect to the docker daemon", "is the docker daemon running", "error during connect",
      "couldn't connect to docker daemon", "failed to connect to the docker api",
    ]
    guard signs.contains(where: lower.contains) else { return nil }
    return ComposeError(
      .engineUnavailable, "the docker engine does not run, or cannot be reached", command: command,
      evidence: Array(evidence), next: SetupAdvice.or("start dockerd (systemctl start docker)"))
  }
}
