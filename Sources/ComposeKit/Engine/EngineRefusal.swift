/// Why an engine or compose refuses something although nothing is wrong with the project, read from what they print (pure).
///
/// The one file that knows the words of each release; the tests quote them.
package struct EngineRefusal: Sendable, Hashable {
  package enum Cause: Sendable, Hashable {
    /// A host port that another container or process has.
    case portInUse(Int)
    /// A fixed `container_name` that another container has; what of it the message tells.
    case nameInUse(name: String, holder: String)
    /// No address range is left for a network.
    case networkPoolExhausted
    /// A port is to be published on an address that the engine's host does not have.
    case noSuchAddress(String)
  }
  package var cause: Cause
  /// The service it concerns, where compose says so.
  package var service: String?

  /// Reads what compose printed when it failed to create or start something.
  package init?(composeOutput text: String) {
    guard let cause = Self.name(in: text) ?? Self.pool(in: text) ?? Self.address(in: text) ?? Self.port(in: text) else {
      return nil
    }
    self.cause = cause
    service = Self.service(in: text)
  }

  /// What docker-compose 1.x says: "ERROR: for web  Cannot start service web: …".
  package static func service(in text: String) -> String? {
    text.firstMatch(of: /Cannot (?:create container for|start) service ([^\s:]+):/).map { String($0.1) }
  }

  private static func name(in text: String) -> Cause? {
    // Docker: "Conflict. The container name "/web" is already in use by container "4a1b…"."; Podman 4: "creating container storage:
    // the container name "web" is already in use by 4a1b…. You have to remove that container …".
    let conflict = /[Tt]he container name "\/?([^"]+)" is already in use by (?:container )?"?([0-9a-f]+)/
    return text.firstMatch(of: conflict).map { .nameInUse(name: String($0.1), holder: String($0.2)) }
  }

  private static func pool(in text: String) -> Cause? {
    // Engine 20; engine 27 and later; Podman.
    let messages = [
      "could not find an available, non-overlapping IPv4 address pool",
      "all predefined address pools have been fully subnetted", "could not find free subnet from subnet pools",
    ]
    return messages.contains(where: text.contains) ? .networkPoolExhausted : nil
  }

  private static func address(in text: String) -> Cause? {
    // Engine 20: "listen tcp4 10.0.0.9:0: bind: cannot assign requested address"; engine 28: "failed to bind host port 10.0.0.9:0/tcp: …".
    let binding = /(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F:.]+)\]):\d+/
    for line in text.outputLines where line.contains("cannot assign requested address") {
      guard let match = line.firstMatch(of: binding), let address = match.1 ?? match.2 else { continue }
      return .noSuchAddress(String(address))
    }
    return nil
  }

  private static func port(in text: String) -> Cause? {
    // Engine 20: "Bind for 0.0.0.0:8080 failed: port is already allocated",
    // "listen tcp4 0.0.0.0:8080: bind: address already in use";
    // engine 28: "failed to bind host port 0.0.0.0:8080/tcp: address already in use";
    // Podman: "cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use".
    let address = /(?:\d+\.\d+\.\d+\.\d+|\]|:|tcp[46]? ):(\d{1,5})\b/
    for line in text.outputLines
    where line.contains("port is already allocated") || line.contains("address already in use") {
      guard let port = line.firstMatch(of: address).flatMap({ Int($0.1) }), (1...65_535).contains(port) else {
        continue
      }
      return .portInUse(port)
    }
    return nil
  }

  // MARK: What commands say

  /// The error for an engine that does not answer, if that is what a command's output says.
  package static func unavailability(in text: String, command: String) -> ComposeError? {
    let lower = text.lowercased()
    let evidence = text.outputLines.suffix(5)
    if lower.contains("permission denied while trying to connect") {
      return ComposeError(
        .engineUnavailable, "this user may not use the docker engine", command: command, evidence: Array(evidence),
        next: "sudo usermod -aG docker $USER, then log in again")
    }
    if let name = text.firstMatch(of: /context "([^"]+)"(?:: context not found| does not exist)/) {
      return ComposeError(
        .engineUnavailable, "docker has no context \(name.1)", command: command, evidence: Array(evidence),
        next: "docker context ls shows those that there are; docker context create makes one")
    }
    let signs = [
      "cannot connect to the docker daemon", "is the docker daemon running", "error during connect",
      "couldn't connect to docker daemon", "failed to connect to the docker api", "cannot connect to podman",
      "unable to connect to podman",
    ]
    guard signs.contains(where: lower.contains) else { return nil }
    let isPodman = lower.contains("to podman")
    return ComposeError(
      .engineUnavailable, (isPodman ? "podman" : "the docker engine") + " does not run, or cannot be reached",
      command: command, evidence: Array(evidence),
      next: isPodman
        ? "start its service: systemctl start podman.socket"
        : SetupAdvice.or("start dockerd (systemctl start docker)"))
  }

  static func saysDiskIsFull(_ text: String) -> Bool { text.contains("no space left on device") }

  /// Docker: "No such image: …"; Podman: "no such image", "image not known".
  static func saysImageIsMissing(_ text: String) -> Bool {
    let text = text.lowercased()
    return text.contains("no such image") || text.contains("image not known")
  }

  /// Docker: "No such container: …"; Podman: "no such container", "no container with name or ID".
  static func saysContainerIsMissing(_ text: String) -> Bool {
    let text = text.lowercased()
    return text.contains("no such") || text.contains("no container with")
  }

  /// Docker: "configured logging driver does not support reading"; Podman: "this container is using the 'none' log driver, cannot read
  /// logs".
  static func saysLogIsUnreadable(_ text: String) -> Bool {
    text.contains("does not support reading") || text.contains("log driver, cannot read logs")
  }
}
