import Foundation

/// An address that this process can connect to.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// A name or address, such as `localhost`.
  public var host: String
  /// 1 to 65535.
  public var port: Int

  /// A port of a host.
  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// "host:port", with brackets around an IPv6 address.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How a command inside a container ended and what it printed.
public struct ExecResult: Sendable, Hashable {
  /// 0 where all was well.
  public var exitCode: Int
  /// What it printed, as text.
  public var standardOutput: String
  /// What it complained of, as text.
  public var standardError: String
}

/// A running compose project, valid inside the closure of ``withComposeStacks(_:on:options:progress:isolation:_:)``.
public struct ComposeStack: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration
  let options: UpOptions

  /// The project as it was described.
  public var project: ComposeProject { running.project }
  /// The unique name of this run of it.
  public var projectName: String { running.projectName }
  /// The engine that it runs on.
  public var engine: ComposeEngine { running.engine }
  /// The time from `up` until every service was ready and its probes held; building and pulling images is not in it.
  public let readyAfter: Duration
  /// The time from `up` until a service was ready, by service.
  public let serviceReadyAfter: [String: Duration]

  init(running: RunningProject, configuration: ProjectConfiguration, options: UpOptions, times: StartTimes) {
    self.running = running
    self.configuration = configuration
    self.options = options
    readyAfter = times.readyAfter
    serviceReadyAfter = times.serviceReadyAfter
  }

  // MARK: Addresses

  /// The address of a published port; where the engine's ports are reached is preferred, a wildcard becomes the engine's host.
  ///
  /// - Parameters:
  ///   - service: its name in the compose file.
  ///   - port: the container's port.
  ///   - proto: TCP or UDP.
  ///   - replica: which container of a scaled service, from 1.
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning`, `unknownPort` (says which ports there are).
  public func endpoint(
    of service: String, port: Int, protocol proto: PortProtocol = .tcp, replica: Int = 1
  ) async throws -> Endpoint {
    try preferred(await endpoints(of: service, port: port, protocol: proto, replica: replica))
  }

  /// The endpoints of several services' ports, and the containers' ids, with one look at the project.
  ///
  /// - Throws: as ``endpoint(of:port:protocol:replica:)``.
  package func endpoints(
    of ports: [(service: String, port: Int)]
  ) async throws -> (endpoints: [Endpoint], containers: [String]) {
    let records = try await running.inspect()
    let found = try ports.map { service, port in
      try requireKnown(service)
      let record = try container(of: service, replica: 1, among: records.filter { $0.status.service == service })
      return preferred(try endpoints(of: service, port: port, protocol: .tcp, in: record))
    }
    return (found, records.compactMap(\.status.containerID))
  }

  /// The one for a test; a service may publish the port for other containers of the engine, too.
  private func preferred(_ endpoints: [Endpoint]) -> Endpoint {
    let wanted = [engine.bindAddress, engine.host, ComposeEngine.localHost]
    return wanted.lazy.compactMap { host in endpoints.first { $0.host == host } }.first ?? endpoints[0]
  }

  /// Every address of a published port, IPv4 before IPv6; never empty.
  ///
  /// - Throws: as ``endpoint(of:port:protocol:replica:)``.
  public func endpoints(
    of service: String, port: Int, protocol proto: PortProtocol = .tcp, replica: Int = 1
  ) async throws -> [Endpoint] {
    try endpoints(of: service, port: port, protocol: proto, in: await container(of: service, replica: replica))
  }

  private func endpoints(
    of service: String, port: Int, protocol proto: PortProtocol, in record: ContainerRecord
  ) throws -> [Endpoint] {
    let bindings = record.bindings(port: port, protocol: proto)
    // Where ports are published on an address that somebody has said, they are reached where the engine is.
    let bound = engine.bindAddress == engine.route?.engine ? nil : engine.bindAddress
    let endpoints = Self.endpoints(
      bindings, engineHost: engine.host, boundTo: bound, reachesLoopback: !engine.isInContainer)
    guard !endpoints.isEmpty else {
      if let binding = bindings.first(where: { ($0.hostPort ?? "") != "" }) {
        throw ComposeError(
          .unknownPort,
          "\(service) of \(project.name) publishes port \(port)/\(proto.rawValue) on \(binding.hostIp ?? "") of the engine's "
            + "host, which this process in a container cannot reach", service: service, project: projectName,
          next: "publish it on all addresses (\"\(port)\"), run this container with --network host, or say in "
            + "\(EngineAddress.overrideVariable) where the host is reached")
      }
      throw ComposeError(
        .unknownPort, "\(service) of \(project.name) does not publish port \(port)/\(proto.rawValue)", service: service,
        project: projectName, next: record.portAdvice(port: port, engineHost: engine.host))
    }
    return endpoints
  }

  /// What bindings mean for someone who wants to connect (pure).
  ///
  /// - Parameters:
  ///   - boundTo: an address of the engine's host that means `engineHost`.
  ///   - reachesLoopback: false in a container beside the engine: the loopback of the engine's host is another one.
  package static func endpoints(
    _ bindings: [ContainerRecord.Binding], engineHost: String, boundTo: String? = nil, reachesLoopback: Bool = true
  ) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    let isLocal = engineHost == ComposeEngine.localHost
    let hasIPv4 = bindings.contains { ["", "0.0.0.0"].contains($0.hostIp ?? "") }
    for binding in bindings {
      // The engine may choose another port for IPv6; with one name for both, it could lead to another container.
      if binding.hostIp == "::" && hasIPv4 && !isLocal { continue }
      if !reachesLoopback, let address = binding.hostIp, address.hasPrefix("127.") || address == "::1" { continue }
      guard let port = Int(binding.hostPort ?? ""), port > 0 else { continue }
      let host: String
      switch binding.hostIp ?? "" {
      case "", "0.0.0.0": host = engineHost
      // The wildcard of IPv6 has no address of its own; a remote engine is reached by its name.
      case "::": host = isLocal ? "::1" : engineHost
      case let address where address == boundTo: host = engineHost
      // Loopback of the engine's host is of no use from here if that is another one, but it is what the file says.
      case let address: host = address
      }
      let endpoint = Endpoint(host: host, port: port)
      if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
    }
    return endpoints.filter { !$0.host.contains(":") } + endpoints.filter { $0.host.contains(":") }
  }

  // MARK: Looking

  /// The state of every container of the project, ordered by service and number.
  public func services() async throws -> [ServiceStatus] {
    try await running.inspect().map(\.status)
  }

  /// What a service's container was given to find others by: its variables, and the hosts that its files add to those it knows.
  ///
  /// - Returns: `NAME=value` each, the image's own among them; `name:address` each.
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` without a container.
  package func given(to service: String) async throws -> (variables: [String], hosts: [String]) {
    let record = try await container(of: service, replica: 1)
    return (record.config?.env ?? [], record.hostConfig?.extraHosts ?? [])
  }

  /// Runs a command in a service's container; a non-zero exit code is a result, not an error.
  ///
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning`, `timedOut`.
  public func exec(
    _ service: String, _ command: [String], user: String? = nil, environment: [String: String] = [:], replica: Int = 1,
    timeout: Duration = .seconds(60)
  ) async throws -> ExecResult {
    let record = try await container(of: service, replica: replica)
    try requireRunning(record)
    var arguments = ["exec"]
    if let user { arguments += ["--user", user] }
    for (key, value) in environment.sorted(by: { $0.key < $1.key }) { arguments += ["--env", "\(key)=\(value)"] }
    let output: Command.Output
    do {
      output = try await running.onEngine(arguments + [record.id] + command, deadline: timeout).run()
    } catch var error as ComposeError where error.code == .timedOut {
      // The engine has no way to end a command in a container: what has ended is the one that waited for it.
      let line = command.map(Command.quoted).joined(separator: " ").prefix(200)
      error.summary = "\(line) in \(service) of \(project.name) did not end within \(timeout.text)"
      error.service = service
      error.project = projectName
      error.next = "it goes on inside: give exec a longer timeout, or let the command end itself, e.g. with timeout(1)"
      throw error
    }
    return ExecResult(
      exitCode: output.exitCode, standardOutput: output.standardOutput, standardError: output.standardError)
  }

  // MARK: Waiting

  /// Waits until a service that was started again is ready, by the same rules and probes as at the beginning.
  ///
  /// - Throws: ``ComposeError`` as for the start of a project.
  public func waitUntilReady(_ service: String, timeout: Duration = .seconds(60)) async throws {
    try requireKnown(service)
    var options = options
    options.timeout = timeout
    options.timeouts[service] = nil
    options.services = [service]
    let watcher = StackStarter(
      running: running, configuration: configuration, settings: options.startSettings(),
      probing: ProbeRunner.probing(running, configuration, options), progress: nil)
    let records = try await running.inspect(service: service)
    guard !records.isEmpty else {
      throw ComposeError(
        .notRunning, "\(service) of \(project.name) has no container", service: service, project: projectName)
    }
    _ = try await watcher.watch(records)
  }

  // MARK: Inside

  func requireKnown(_ service: String) throws {
    guard configuration.services[service] == nil else { return }
    throw ComposeError(
      .unknownService, "project \(project.name) has no service \(service)", service: service, project: projectName,
      next: "its services are \(configuration.services.keys.sorted().joined(separator: ", "))")
  }

  func container(of service: String, replica: Int) async throws -> ContainerRecord {
    try requireKnown(service)
    return try container(of: service, replica: replica, among: await running.inspect(service: service))
  }

  private func container(of service: String, replica: Int, among records: [ContainerRecord]) throws -> ContainerRecord {
    guard let record = records.first(where: { $0.replica == replica }) else {
      throw ComposeError(
        .notRunning, "\(service) of \(project.name) has no container number \(replica)", service: service,
        project: projectName, next: "it has \(records.count)")
    }
    return record
  }

  private func requireRunning(_ record: ContainerRecord) throws {
    let status = record.status
    guard status.state != .running else { return }
    throw ComposeError(
      .notRunning,
      "\(status.service) of \(project.name) is not running: it is \(status.state.rawValue)"
        + (status.exitCode.map { " with exit code \($0)" } ?? ""), service: status.service, project: projectName,
      exitCode: status.exitCode)
  }
}

/// Runs something to its end even if the current task is cancelled.
///
/// The task is unstructured only because a child task would inherit the cancellation; it is awaited here.
func shielded<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
  try await Task { try await body() }.value
}
