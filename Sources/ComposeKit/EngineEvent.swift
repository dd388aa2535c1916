import Foundation

/// One line of `docker events --format '{{json .}}'` about a container of a compose project.
struct EngineEvent: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case create, start, pause, unpause, destroy, outOfMemory
    case die(exitCode: Int)
    case health(ServiceStatus.Health)
  }
  var containerID: String
  var service: String
  var replica: Int
  var kind: Kind

  private struct Line: Decodable {
    struct Actor: Decodable {
      var id: String?
      var attributes: [String: String]?
    }
    var type: String?
    var action: String?
    var status: String?
    var id: String?
    var actor: Actor?
  }

  /// Reads a line; nil for events that say nothing of a service's state (exec, network, volume, image …).
  ///
  /// - Throws: ``ComposeError`` for a line that is not an event.
  init?(line: String) throws {
    let line = try EngineJSON.decode(Line.self, from: line, of: "docker events")
    guard line.type == nil || line.type == "container", let id = line.actor?.id ?? line.id,
      let attributes = line.actor?.attributes, let service = attributes["com.docker.compose.service"],
      attributes["com.docker.compose.oneoff"]?.lowercased() != "true",
      let kind = Self.kind(action: line.action ?? line.status ?? "", attributes: attributes)
    else { return nil }
    containerID = id
    self.service = service
    replica = Int(attributes["com.docker.compose.container-number"] ?? "") ?? 1
    self.kind = kind
  }

  init(containerID: String, service: String, replica: Int = 1, kind: Kind) {
    self.containerID = containerID
    self.service = service
    self.replica = replica
    self.kind = kind
  }

  private static func kind(action: String, attributes: [String: String]) -> Kind? {
    switch action {
    case "create": return .create
    case "start": return .start
    case "pause": return .pause
    case "unpause": return .unpause
    case "destroy": return .destroy
    case "oom": return .outOfMemory
    case "die": return .die(exitCode: Int(attributes["exitCode"] ?? "") ?? -1)
    default:
      // "health_status: healthy" of Docker; Podman prints "health_status" with an attribute.
      guard action.hasPrefix("health_status") else { return nil }
      let word = action.split(separator: ":").dropFirst().first.map { String($0).trimmed }
      return (word ?? attributes["health_status"]).flatMap(ServiceStatus.Health.init(rawValue:)).map(Kind.health)
    }
  }
}
