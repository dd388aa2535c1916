extension ComposeStack {
  // Each acts on the service's own containers, by docker: compose 2 starts and restarts dependencies with a service, also those that
  // were stopped on purpose and jobs that have ended.

  /// Stops a service's containers: SIGTERM, and SIGKILL after `timeout`; one that has ended already stays so.
  ///
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` if it has no container, `commandFailed`.
  public func stop(_ service: String, timeout: Duration = .seconds(10)) async throws {
    let ids = try await containers(of: service).map(\.id)
    try await running.onEngine(["stop", "--time", timeout.wholeSeconds] + ids, deadline: timeout + .seconds(30))
      .runChecked()
  }

  /// Starts a stopped service, and nothing else; it does not wait for its health, see ``waitUntilReady(_:timeout:)``.
  ///
  /// - Throws: as ``stop(_:timeout:)``.
  public func start(_ service: String) async throws {
    let ids = try await containers(of: service).map(\.id)
    try await running.onEngine(["start"] + ids, deadline: .seconds(60)).runChecked()
  }

  /// Stops and starts a service, and nothing else; it does not wait for its health, see ``waitUntilReady(_:timeout:)``.
  ///
  /// - Throws: as ``stop(_:timeout:)``.
  public func restart(_ service: String, timeout: Duration = .seconds(10)) async throws {
    let ids = try await containers(of: service).map(\.id)
    try await running.onEngine(["restart", "--time", timeout.wholeSeconds] + ids, deadline: timeout + .seconds(60))
      .runChecked()
  }

  /// Sends a signal to the main process of a service's containers from outside.
  ///
  /// The engine takes any signal that is sent in this way, also SIGHUP, for a wish to have the container stopped: if it ends, its
  /// restart policy does not apply. ``signal(_:_:)`` sends one from inside, which the policy does not notice.
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` if none of its containers runs: nothing was disturbed.
  public func kill(_ service: String, signal: String = "SIGKILL") async throws {
    let ids = try await containers(of: service, in: [.running, .paused, .restarting], to: "be killed").map(\.id)
    try await running.onEngine(["kill", "--signal", signal] + ids).runChecked()
  }

  /// Sends a signal to the main process of a service's containers from inside, so that a restart policy still applies.
  ///
  /// The image needs a `kill` or a shell. The kernel protects a container's first process from signals that it does not handle:
  /// without a handler nothing happens, and SIGKILL and SIGSTOP never arrive. With `init: true` the service's own process gets it.
  ///
  /// - Parameters:
  ///   - service: whose containers get it.
  ///   - signal: its name, e.g. "HUP" or "SIGUSR1".
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning`, `unsupported` for SIGKILL and SIGSTOP and without `kill` in the image.
  public func signal(_ service: String, _ signal: String) async throws {
    let name = signal.hasPrefix("SIG") ? String(signal.dropFirst(3)) : signal
    guard !["KILL", "STOP", "9", "19"].contains(name), name.allSatisfy({ $0.isLetter || $0.isNumber }), !name.isEmpty
    else {
      throw ComposeError(
        .unsupported, "\(signal) cannot be sent to the first process of a container from inside", service: service,
        project: projectName, next: "kill(_:signal:) sends it from outside, which also ends the restart policy")
    }
    for record in try await containers(of: service, in: [.running], to: "get a signal") {
      var said = ""
      var isSent = false
      for words in [["kill", "-s", name, "1"], ["sh", "-c", "kill -s \(name) 1"]] where !isSent {
        let output = try await running.onEngine(["exec", "--user", "0", record.id] + words).run()
        // A process that ends on the signal may take the command in its container with it.
        isSent = output.succeeded || output.exitCode == 137
        said = output.standardError + output.standardOutput
      }
      guard isSent else {
        throw ComposeError(
          .unsupported, "\(name) could not be sent to \(service) of \(project.name) from inside", service: service,
          project: projectName, evidence: said.outputLines.suffix(5).map { String($0) },
          next: "its image needs kill or sh; kill(_:signal:) sends it from outside, which also ends the restart policy")
      }
    }
  }

  /// Freezes a service's containers.
  ///
  /// While it is frozen the engine calls a service with a health check unhealthy; ``waitUntilReady(_:timeout:)`` does not take that for
  /// an illness.
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` if none of its containers runs: nothing was disturbed.
  public func pause(_ service: String) async throws {
    let ids = try await containers(of: service, in: [.running], to: "be paused").map(\.id)
    try await running.onEngine(["pause"] + ids).runChecked()
  }

  /// Lets a paused service go on.
  ///
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` if none of its containers is paused.
  public func unpause(_ service: String) async throws {
    let ids = try await containers(of: service, in: [.paused], to: "be unpaused").map(\.id)
    try await running.onEngine(["unpause"] + ids).runChecked()
  }

  /// Freezes a service while `body` runs, and lets it go on afterwards however the body ended.
  public func withPaused<R>(
    _ service: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    try await pause(service)
    return try await undoing(
      {
        // Whatever the body has ended or unpaused itself is left as it is.
        let ids = try await containers(of: service).filter { $0.status.state == .paused }.map(\.id)
        if !ids.isEmpty { try await running.onEngine(["unpause"] + ids).runChecked() }
      }, after: body)
  }

  /// Stops a service while `body` runs, and starts it afterwards however the body ended, waiting until it is ready again.
  public func withStopped<R>(
    _ service: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    _ = try await containers(of: service, in: [.running, .paused, .restarting], to: "be stopped")
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

  /// A service's containers, or those of them that are in one of these states; never empty.
  private func containers(
    of service: String, in states: Set<ServiceStatus.State>? = nil, to purpose: String = ""
  ) async throws -> [ContainerRecord] {
    try requireKnown(service)
    let all = try await running.inspect(service: service)
    guard !all.isEmpty else {
      throw ComposeError(
        .notRunning, "\(service) of \(project.name) has no container", service: service, project: projectName)
    }
    guard let states else { return all }
    let matching = all.filter { states.contains($0.status.state) }
    guard !matching.isEmpty else {
      let found = Set(all.map(\.status.state.rawValue)).sorted().joined(separator: ", ")
      throw ComposeError(
        .notRunning, "\(service) of \(project.name) cannot \(purpose): it is \(found), so nothing was disturbed",
        service: service, project: projectName, exitCode: all.compactMap(\.status.exitCode).first,
        next: "did it end by itself, or was it stopped before? start(_:) starts it")
    }
    return matching
  }
}

extension Duration {
  /// For docker's options: whole seconds, rounded up, not less than 0.
  var wholeSeconds: String { "\(Swift.max(0, Int(seconds.rounded(.up))))" }
}

extension ComposeStack {
  /// Cuts a service's containers off a network, or off all of theirs, while `body` runs; afterwards they are connected as before.
  ///
  /// An ephemeral host port may be another one afterwards: ask ``endpoint(of:port:protocol:replica:)`` again.
  ///
  /// - Parameters:
  ///   - service: its name in the compose file; all of its containers are cut off.
  ///   - network: its key in the compose file, e.g. "default", or its name in the engine; all networks if nil.
  ///   - isolation: the actor on which `body` runs: the caller's.
  ///   - body: what is done meanwhile.
  /// - Throws: what `body` throws; ``ComposeError`` `unknownService`, `notRunning`, `commandFailed` if nothing was connected.
  public func withDisconnected<R>(
    _ service: String, network: String? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> R
  ) async throws -> R {
    try requireKnown(service)
    var names: Set<String>?
    if let network {
      names = try await NetworkNames(running: running, configuration: configuration).engineNames(of: network)
    }
    let links = try await running.inspect(service: service).flatMap(\.attachments).filter {
      names?.contains($0.network) ?? true
    }
    guard !links.isEmpty else {
      throw ComposeError(
        .commandFailed, "\(service) of \(project.name) is not connected to \(network ?? "any network")",
        service: service,
        project: projectName,
        next: engine.access.line("network ls --filter label=\(ComposeLabel.project)=\(projectName)"))
    }
    // Undone from the first cut on, also if a later one fails.
    return try await undoing(
      { for link in links { try await connect(link) } },
      after: {
        for link in links {
          try await running.onEngine(["network", "disconnect", link.network, link.container]).runChecked()
        }
        return try await body()
      })
  }

  private func connect(_ link: ContainerRecord.Attachment) async throws {
    let output = try await running.onEngine(link.connectArguments).run()
    // Still connected, because cutting it failed; that has been told by then.
    guard output.succeeded || output.standardError.contains("already exists in network") else {
      throw running.onEngine(link.connectArguments).failure(output)
    }
  }
}

extension ContainerRecord {
  /// A container's place in a network, with what it takes to get it back.
  struct Attachment: Sendable, Hashable {
    var container: String
    var network: String
    var aliases: [String]
    var address: String?

    var connectArguments: [String] {
      var arguments = ["network", "connect"]
      for alias in aliases { arguments += ["--alias", alias] }
      // Only an address that the file fixes; one that the engine chose may belong to somebody else by now.
      if let address, !address.isEmpty { arguments += ["--ip", address] }
      return arguments + [network, container]
    }
  }

  var attachments: [Attachment] {
    (networkSettings?.networks ?? [:]).sorted { $0.key < $1.key }.map { name, network in
      Attachment(
        container: id, network: name, aliases: network.aliases ?? [], address: network.ipamConfig?.iPv4Address)
    }
  }
}
