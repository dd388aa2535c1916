import Foundation
import Synchronization

/// An engine for containers, with the compose command for it: where projects run.
///
/// A value; ``detect(program:address:context:composeCommand:)`` makes it. Without arguments that is the engine of the environment,
/// which everything uses that is not given another one:
///
/// ```swift
/// let podman = try await ComposeEngine.detect(address: "unix:///run/podman/podman.sock")
/// try await withComposeStacks([shop], on: podman) { … }
/// ```
public struct ComposeEngine: Sendable, Hashable, CustomStringConvertible {
  let access: EngineAccess
  /// The engine's program: docker, podman or nerdctl.
  public var program: String { access.program }
  /// Where the engine listens, as in DOCKER_HOST; nil if the program finds it itself.
  public var address: String? { access.address }
  /// The program's context; nil for the one in use.
  public var context: String? { access.context }
  /// The compose command: `docker compose`, `docker-compose`, or what COMPOSE_COMMAND says.
  public let command: [String]
  /// The version of compose, e.g. "2.26.1".
  package let composeVersion: String
  /// The version of the engine, e.g. "20.10.24".
  package let engineVersion: String
  /// The host on which published ports are reached: "127.0.0.1", unless the engine is remote or this process runs in a container
  /// beside it; the environment variable `COMPOSEKIT_ENGINE_HOST` overrides it for the engine of the environment.
  public let host: String
  /// Whether the engine runs elsewhere, with a clock and processes of its own.
  package let isRemote: Bool
  /// Whether this process runs in a container of the engine, from which the loopback addresses of the engine's host are not reached.
  let isInContainer: Bool
  /// Where ports are published that the files publish on loopback, or nowhere in particular; nil: as the files say.
  package let bindAddress: String?
  /// How this machine and the engine's reach each other; nil beside the engine, and where nothing leads there.
  package let route: EngineRoute?

  package init(
    access: EngineAccess = EngineAccess(), command: [String], composeVersion: String, engineVersion: String,
    host: String,
    isRemote: Bool? = nil, isInContainer: Bool = false, bindAddress: String? = nil, route: EngineRoute? = nil
  ) {
    self.bindAddress = bindAddress
    self.route = route
    self.access = access
    self.command = command
    self.composeVersion = composeVersion
    self.engineVersion = engineVersion
    self.host = host
    self.isRemote = isRemote ?? (host != Self.localHost)
    self.isInContainer = isInContainer
  }

  /// Whether the compose command is the first generation (1.x), which lacks some options.
  var isFirstGeneration: Bool { composeVersion.hasPrefix("1.") }

  /// Whether a file can replace a list of the files before it (`!override`), which compose can from 2.24.4 on.
  package var replacesLists: Bool {
    let numbers = composeVersion.split { !$0.isNumber }.prefix(3).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([2, 24, 4])
  }

  static let localHost = "127.0.0.1"

  /// "docker compose 2.26.1, engine 20.10.24", with the engine's program and place where they are not the usual ones.
  public var description: String {
    "\(command.joined(separator: " ")) \(composeVersion), engine \(engineVersion)"
      + (access.family == .docker ? "" : " (\(program))")
      + (address.map { $0.hasPrefix("unix:") ? " at \($0)" : "" } ?? "")
      + (host == Self.localHost ? "" : " on \(host)")
  }

  /// The engines that were found, by how they are called.
  private static let found = Mutex<[EngineAccess: ComposeEngine]>([:])

  /// The detected engine, or a guess; discard results read with the guess if it turns out to be another one.
  static func expected(_ access: EngineAccess) -> ComposeEngine {
    if let engine = found.withLock({ $0[access] }) { return engine }
    return ComposeEngine(
      access: access, command: access.composeCandidates[0], composeVersion: "2", engineVersion: "", host: localHost)
  }

  /// Whether compose reads files in the same way.
  func readsFiles(like other: ComposeEngine) -> Bool {
    command == other.command && isFirstGeneration == other.isFirstGeneration
  }

  /// Finds an engine and its compose command, and asks both for their versions.
  ///
  /// What is not given is read from the environment: the program from `COMPOSEKIT_ENGINE`, the address from `DOCKER_HOST` (podman:
  /// `CONTAINER_HOST`), the context from `DOCKER_CONTEXT`, compose from `COMPOSE_COMMAND`. A found engine is remembered; a failure is
  /// not, so that a later call finds an engine that was started in between.
  ///
  /// - Parameters:
  ///   - program: docker, podman or nerdctl, or the path of one of them.
  ///   - address: where the engine listens, e.g. "unix:///run/podman/podman.sock" or "ssh://ci@builder".
  ///   - context: a context of docker's; not beside an address.
  ///   - composeCommand: the words that call compose, e.g. ["docker-compose"].
  /// - Throws: ``ComposeError`` with code `engineUnavailable` that says what to do, or `unsupported`.
  public static func detect(
    program: String? = nil, address: String? = nil, context: String? = nil, composeCommand: [String]? = nil
  ) async throws -> ComposeEngine {
    try await detect(EngineAccess(program: program, address: address, context: context, composeCommand: composeCommand))
  }

  static func detect(_ access: EngineAccess) async throws -> ComposeEngine {
    if let engine = found.withLock({ $0[access] }) { return engine }
    try access.validate()
    async let engineVersion = serverVersion(access)
    // It is said of the engine of the environment, and of no other one.
    let overrides = access.key == EngineAccess().key ? ProcessInfo.processInfo.environment : [:]
    async let address = EngineAddress.find(
      access, override: overrides[EngineAddress.overrideVariable], bind: overrides[EngineAddress.bindVariable])
    async let compose = composeCommand(access)
    let (command, composeVersion) = try await compose
    let place = try await address
    let engine = try await ComposeEngine(
      access: place.access, command: command, composeVersion: composeVersion, engineVersion: engineVersion,
      host: place.host, isRemote: place.isRemote, isInContainer: place.isInContainer, bindAddress: place.bindAddress,
      route: place.route)
    found.withLock { $0[access] = engine }
    return engine
  }

  /// The address of the host on the engine's default bridge, which `host.docker.internal:host-gateway` resolves to.
  ///
  /// - Throws: ``ComposeError`` if the engine has no default bridge (a rootless engine, or one started with `--bridge none`).
  public func bridgeGateway() async throws -> String { try await Self.bridgeGateway(access) }

  /// The same for the engine of the environment.
  package static func bridgeGateway() async throws -> String { try await bridgeGateway(EngineAccess()) }

  private static func bridgeGateway(_ access: EngineAccess) async throws -> String {
    let command = access.command(["network", "inspect", access.defaultNetwork])
    let text = try await command.runChecked()
    guard let gateway = try NetworkRecord.decode(text).first?.gateway else {
      throw ComposeError(
        .commandFailed, "the engine's bridge network has no address", command: command.line,
        evidence: text.outputLines.suffix(20))
    }
    return gateway
  }

  // MARK: Finding

  private static func serverVersion(_ access: EngineAccess) async throws -> String {
    let command = access.command(["version", "--format", "{{.Server.Version}}"], deadline: .seconds(20))
    return try await command.runChecked(.engineUnavailable, "the \(access.program) engine does not answer").trimmed
  }

  static func composeCommand(_ access: EngineAccess) async throws -> (command: [String], version: String) {
    var tried: [String] = []
    for candidate in access.composeCandidates {
      let command = Command(
        program: candidate[0], arguments: candidate.dropFirst() + ["version", "--short"],
        engineVariables: access.variables,
        deadline: .seconds(20))
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
      access.composeCommand.map { "COMPOSE_COMMAND=\($0.joined(separator: " ")) does not work" }
        ?? "\(access.composeCandidates[0].joined(separator: " ")) is not installed",
      evidence: tried,
      next: access.composeCommand == nil
        ? SetupAdvice.or("install the docker compose plugin") : "unset or correct it")
  }

  /// The host that an engine's address names: `tcp://` and `ssh://` name one, sockets and pipes are local.
  static func host(ofEngine address: String) -> String {
    // As a rule it is a socket, of which nothing has to be parsed.
    guard ["tcp", "ssh", "http", "https"].contains(address.prefix { $0 != ":" }), let url = URL(string: address),
      var host = url.host, !host.isEmpty
    else { return localHost }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return host == "localhost" ? localHost : host
  }
}
