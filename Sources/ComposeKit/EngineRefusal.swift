/// What the engine refuses to create although nothing is wrong with the project, read from what compose prints.
struct EngineRefusal: Sendable, Hashable {
  enum Cause: Sendable, Hashable {
    /// A fixed `container_name` that another container has.
    case nameInUse(name: String, holder: String)
    /// No address range is left for a network.
    case networkPoolExhausted
  }
  var cause: Cause
  /// The service it concerns, where compose says so.
  var service: String?

  init?(composeOutput text: String) {
    service = FirstGeneration.service(in: text)
    let conflict = /[Cc]onflict\. The container name "\/?([^"]+)" is already in use by container "?([0-9a-f]+)/
    if let match = text.firstMatch(of: conflict) {
      cause = .nameInUse(name: String(match.1), holder: String(match.2))
    } else if Self.poolMessages.contains(where: text.contains) {
      cause = .networkPoolExhausted
    } else {
      return nil
    }
  }

  /// Engine 20; engine 27 and later.
  private static let poolMessages = [
    "could not find an available, non-overlapping IPv4 address pool",
    "all predefined address pools have been fully subnetted",
  ]

  /// Makes an error of compose say what it was.
  func explain(_ error: inout ComposeError) async {
    error.service = service ?? error.service
    switch cause {
    case .nameInUse(let name, let holder):
      error.code = .nameInUse
      error.summary = "the container name \(name) belongs to \(await Self.describe(holder))"
      error.next = "remove container_name from the compose file, so that two runs do not meet, or remove that container"
    case .networkPoolExhausted:
      error.code = .networkPoolExhausted
      error.summary = "the engine has no address range left for a network"
      error.next =
        "docker network ls shows what has them; docker network prune removes the unused ones, "
        + "and default-address-pools in the engine's daemon.json makes more"
    }
  }

  private static func describe(_ container: String) async -> String {
    let format = "{{.Config.Image}}\t{{index .Config.Labels \"\(ProjectRemoval.label)\"}}"
    let command = Command(
      program: "docker", arguments: ["container", "inspect", "--format", format, container], deadline: .seconds(10))
    let short = "container \(container.prefix(12))"
    guard let output = try? await command.run(), output.succeeded else { return short }
    let fields = output.standardOutput.trimmed.split(separator: "\t").map(String.init)
    guard let image = fields.first else { return short }
    return "\(short) (image \(image)\(fields.count > 1 ? ", project \(fields[1])" : ""))"
  }
}
