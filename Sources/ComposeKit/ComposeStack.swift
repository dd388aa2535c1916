import Foundation

/// An address that this process can connect to.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// "host:port", with brackets around an IPv6 address.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How a command inside a container ended and what it printed.
public struct ExecResult: Sendable, Hashable {
  public var exitCode: Int
  public var standardOutput: String
  public var standardError: String
}

/// A running compose project, valid inside the closure of ``withComposeStacks(_:options:progress:isolation:_:)``.
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

  // MARK: Addresses

  /// The address of a published port; a binding to loopback is preferred, a wildcard becomes the engine's host.
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
    let all = try await endpoints(of: service, port: port, protocol: proto, replica: replica)
    return all.first { $0.host == ComposeEngine.localHost } ?? all[0]
  }

  /// Every address of a published port, IPv4 before IPv6; never empty.
  ///
  /// - Throws: as ``endpoint(of:port:protocol:replica:)``.
  public func endpoints(
    of service: String, port: Int, protocol proto: PortProtocol = .tcp, replica: Int = 1
  ) async throws -> [Endpoint] {
    let record = try await container(of: service, replica: replica)
    let endpoints = Self.endpoints(record.bindings(port: port, protocol: proto), engineHost: engine.host)
    guard !endpoints.isEmpty else {
      throw ComposeError(
        .unknownPort, "\(service) of \(project.name) does not publish port \(port)/\(proto.rawValue)", service: service,
        project: projectName, next: record.portAdvice(port: port, engineHost: engine.host))
    }
    return endpoints
  }

  /// What bindings mean for someone who wants to connect (pure).
  static func endpoints(_ bindings: [ContainerRecord.Binding], engineHost: String) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    for binding in bindings {
      guard let port = Int(binding.hostPort ?? ""), port > 0 else { continue }
      let host: String
      switch binding.hostIp ?? "" {
      case "", "0.0.0.0": host = engineHost
      // The wildcard of IPv6 has no address of its own; a remote engine is reached by its name.
      case "::": host = engineHost == ComposeEngine.localHost ? "::1" : engineHost
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

  /// The log so far, each line with the container's name before it.
  ///
  /// - Parameters:
  ///   - service: only this service; all if nil.
  ///   - tail: only the last lines of each container.
  ///   - since: only what was printed after this time.
  ///   - timestamps: whether each line begins with the engine's time.
  public func logs(service: String? = nil, tail: Int? = nil, since: Date? = nil, timestamps: Bool = false) async throws
    -> String
  {
    var arguments = ["logs", "--no-color"]
    if timestamps { arguments.append("--timestamps") }
    if let tail { arguments += ["--tail", "\(max(0, tail))"] }
    if let since { arguments += ["--since", since.engineTime] }
    if let service {
      try requireKnown(service)
      arguments.append(service)
    }
    var command = running.compose(arguments)
    command.mergesError = true
    return try await command.runChecked()
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
    let output = try await running.docker(arguments + [record.id] + command, deadline: timeout).run()
    return ExecResult(
      exitCode: output.exitCode, standardOutput: output.standardOutput, standardError: output.standardError)
  }

  // MARK: Disturbing

  /// Stops a service's containers: SIGTERM, and SIGKILL after `timeout`.
  public func stop(_ service: String, timeout: Duration = .seconds(10)) async throws {
    try await act(
      ["stop", "--timeout", "\(Int(timeout.seconds.rounded(.up)))"], service, deadline: timeout + .seconds(30))
  }

  /// Starts a stopped service; it does not wait for its health, see ``waitUntilReady(_:timeout:)``.
  public func start(_ service: String) async throws { try await act(["start"], service) }

  /// Stops and starts a service; it does not wait for its health, see ``waitUntilReady(_:timeout:)``.
  public func restart(_ service: String, timeout: Duration = .seconds(10)) async throws {
    try await act(
      ["restart", "--timeout", "\(Int(timeout.seconds.rounded(.up)))"], service, deadline: timeout + .seconds(30))
  }

  /// Sends a signal to the main process of a service's containers.
  public func kill(_ service: String, signal: String = "SIGKILL") async throws {
    try await act(["kill", "-s", signal], service)
  }

  /// Freezes a service's containers.
  public func pause(_ service: String) async throws { try await act(["pause"], service) }

  /// Lets a paused service go on.
  public func unpause(_ service: String) async throws { try await act(["unpause"], service) }

  /// Freezes a service while `body` runs, and lets it go on afterwards however the body ended.
  public func withPaused<R>(
    _ service: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    try await pause(service)
    return try await undoing({ try await unpause(service) }, after: body)
  }

  /// Stops a service while `body` runs, and starts it afterwards however the body ended, waiting until it is ready again.
  public func withStopped<R>(
    _ service: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    try await stop(service)
    return try await undoing(
      {
        try await start(service)
        try await waitUntilReady(service)
      }, after: body)
  }

  func undoing<R>(
    isolation: isolated (any Actor)? = #isolation, _ undo: @escaping @Sendable () async throws -> Void,
    after body: () async throws -> R
  ) async throws -> R {
    do {
      let result = try await body()
      try await shielded(undo)
      return result
    } catch {
      // The body's error matters more than that of undoing, which is logged.
      do { try await shielded(undo) } catch { Command.logger.error("\(error)") }
      throw error
    }
  }

  /// Waits until a service that was started again is ready, by the same rules and probes as at the beginning.
  ///
  /// - Throws: ``ComposeError`` as for the start of a project.
  public func waitUntilReady(_ service: String, timeout: Duration = .seconds(60)) async throws {
    try requireKnown(service)
    var options = options
    options.timeout = timeout
    options.timeouts[service] = nil
    options.services = [service]
    let watcher = StackStarter(running: running, configuration: configuration, options: options, progress: nil)
    let records = try await running.inspect(service: service)
    guard !records.isEmpty else {
      throw ComposeError(
        .notRunning, "\(service) of \(project.name) has no container", service: service, project: projectName)
    }
    _ = try await watcher.watch(records)
  }

  // MARK: Inside

  private func act(_ arguments: [String], _ service: String, deadline: Duration = .seconds(60)) async throws {
    try requireKnown(service)
    try await running.compose(arguments + [service], deadline: deadline).runChecked()
  }

  func requireKnown(_ service: String) throws {
    guard configuration.services[service] == nil else { return }
    throw ComposeError(
      .unknownService, "project \(project.name) has no service \(service)", service: service, project: projectName,
      next: "its services are \(configuration.services.keys.sorted().joined(separator: ", "))")
  }

  func container(of service: String, replica: Int) async throws -> ContainerRecord {
    try requireKnown(service)
    let records = try await running.inspect(service: service)
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
