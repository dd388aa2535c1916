extension ComposeStack {
  /// Cuts a service's containers off a network, or off all of theirs, while `body` runs; afterwards they are connected as before.
  ///
  /// An ephemeral host port may be another one afterwards: ask ``endpoint(of:port:protocol:replica:)`` again.
  ///
  /// - Parameters:
  ///   - service: its name in the compose file; all of its containers are cut off.
  ///   - network: the name in the compose file, e.g. "default"; all networks if nil.
  ///   - isolation: the actor on which `body` runs: the caller's.
  ///   - body: what is done meanwhile.
  /// - Throws: what `body` throws; ``ComposeError`` `unknownService`, `notRunning`, `commandFailed` if nothing was connected.
  public func withDisconnected<R>(
    _ service: String, network: String? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> R
  ) async throws -> R {
    try requireKnown(service)
    let links = try await running.inspect(service: service).flatMap(\.attachments).filter { link in
      network.map { [$0, "\(projectName)_\($0)"].contains(link.network) } ?? true
    }
    guard !links.isEmpty else {
      throw ComposeError(
        .commandFailed, "\(service) of \(project.name) is not connected to \(network ?? "any network")",
        service: service,
        project: projectName, next: "docker network ls --filter label=\(ProjectRemoval.label)=\(projectName)")
    }
    // Undone from the first cut on, also if a later one fails.
    return try await undoing(
      { for link in links { try await connect(link) } },
      after: {
        for link in links {
          try await running.docker(["network", "disconnect", link.network, link.container]).runChecked()
        }
        return try await body()
      })
  }

  private func connect(_ link: ContainerRecord.Attachment) async throws {
    let output = try await running.docker(link.connectArguments).run()
    // Still connected, because cutting it failed; that has been told by then.
    guard output.succeeded || output.standardError.contains("already exists in network") else {
      throw running.docker(link.connectArguments).failure(output)
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
