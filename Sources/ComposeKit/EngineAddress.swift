import Foundation

/// Where this process reaches the ports that an engine publishes.
struct EngineAddress: Sendable, Hashable {
  /// A name or an address.
  var host: String
  /// Whether the engine runs on another machine, with a clock and processes of its own.
  var isRemote = false
  /// Whether this process runs in a container beside the engine: the loopback addresses of the engine's host are not its own.
  var isInContainer = false

  /// The environment variable that says where published ports are reached, whatever is found out.
  static let overrideVariable = "COMPOSEKIT_ENGINE_HOST"

  /// Finds out where the engine's ports are.
  ///
  /// - Parameter address: of the engine, as in DOCKER_HOST; nil for that of the docker context in use.
  /// - Throws: ``ComposeError`` if the context cannot be read.
  static func find(_ address: String?, override: String?) async throws -> EngineAddress {
    let address = if let address, !address.isEmpty { address } else { try await contextAddress() }
    var found = EngineAddress(host: ComposeEngine.host(ofEngine: address))
    found.isRemote = found.host != ComposeEngine.localHost
    if let override, !override.isEmpty {
      found.host = override
      return found
    }
    if let url = URL(string: address), url.scheme == "ssh", let resolved = await resolvedBySSH(url) {
      found.host = resolved
    } else if !found.isRemote, let gateway = await OwnContainer.gateway() {
      found.host = gateway
      found.isInContainer = true
    }
    return found
  }

  private static func contextAddress() async throws -> String {
    let command = Command(
      program: "docker", arguments: ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
      deadline: .seconds(20))
    return try await command.runChecked().trimmed
  }

  /// The host that ssh connects to for an alias of its configuration; nil where ssh cannot tell, or is not there.
  private static func resolvedBySSH(_ url: URL) async -> String? {
    guard let host = url.host, !host.isEmpty, !host.hasPrefix("-") else { return nil }
    var arguments = ["-G"]
    // The configuration may depend on them.
    if let user = url.user { arguments += ["-l", user] }
    if let port = url.port { arguments += ["-p", "\(port)"] }
    let command = Command(program: "ssh", arguments: arguments + [host], deadline: .seconds(10))
    guard let output = try? await command.run(), output.succeeded else { return nil }
    return hostName(inConfiguration: output.standardOutput)
  }

  /// The host name in what `ssh -G` prints (pure).
  static func hostName(inConfiguration text: String) -> String? {
    for line in text.outputLines {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2, words[0].lowercased() == "hostname" else { continue }
      let name = String(words[1]).trimmed
      return ["localhost", "127.0.0.1", "::1"].contains(name) ? ComposeEngine.localHost : name
    }
    return nil
  }
}
