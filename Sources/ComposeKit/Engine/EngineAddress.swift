import Foundation

/// Where this process reaches the ports that an engine publishes.
struct EngineAddress: Sendable, Hashable {
  /// How the engine is called, with what had to be asked for.
  var access = EngineAccess()
  /// A name or an address.
  var host: String
  /// Whether the engine runs on another machine, with a clock and processes of its own.
  var isRemote = false
  /// Whether this process runs in a container beside the engine: the loopback addresses of the engine's host are not its own.
  var isInContainer = false
  /// How this machine and that one reach each other; nil beside the engine, and where nothing leads there.
  var route: EngineRoute?
  /// Where ports are published that the files publish on loopback, or nowhere in particular; nil: as the files say.
  var bindAddress: String?

  /// The environment variable that says where published ports are reached, whatever is found out.
  static let overrideVariable = "COMPOSEKIT_ENGINE_HOST"
  /// The environment variable that says on which address of the engine's host ports are published; `file`: as the files say.
  static let bindVariable = "COMPOSEKIT_ENGINE_BIND"

  /// Finds out where the engine's ports are.
  ///
  /// - Parameters:
  ///   - access: how it is called.
  ///   - override: where they are reached; nil to find out.
  ///   - bind: where they are published, or `file`; nil to find out.
  /// - Throws: ``ComposeError`` if the context cannot be read, or `bind` is no address.
  static func find(_ access: EngineAccess, override: String?, bind: String? = nil) async throws -> EngineAddress {
    let bind = bind.flatMap { $0.isEmpty ? nil : $0 }
    guard bind.map({ $0 == "file" || EngineRoute.isAddress($0) }) ?? true else {
      throw ComposeError(
        .invalidProject, "\(bindVariable)=\(bind ?? "") is not an address",
        next: "say an address of the engine's host (0.0.0.0 for all), or file for what the compose files say")
    }
    var found = try await located(access, override: override)
    if found.isRemote { found.route = try? await EngineRoute.find(to: found.host) }
    found.bindAddress = bind == "file" ? nil : bind ?? found.route?.engine
    return found
  }

  private static func located(_ access: EngineAccess, override: String?) async throws -> EngineAddress {
    let (access, address) = try await resolved(access)
    var found = EngineAddress(access: access, host: ComposeEngine.host(ofEngine: address))
    found.isRemote = found.host != ComposeEngine.localHost
    if let override, !override.isEmpty {
      found.host = override
      return found
    }
    if address.hasPrefix("ssh:"), let url = URL(string: address), let resolved = await resolvedBySSH(url) {
      found.host = resolved
    } else if !found.isRemote, let gateway = await OwnContainer.gateway(of: access) {
      found.host = gateway
      found.isInContainer = true
    }
    return found
  }

  /// The address that a program finds itself; podman's goes into the access, as compose does not find it.
  private static func resolved(_ access: EngineAccess) async throws -> (EngineAccess, address: String) {
    if let address = access.address { return (access, address) }
    guard let question = access.addressQuestion else { return (access, "") }
    return access.answered(try await access.command(question, deadline: .seconds(20)).runChecked().trimmed)
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
