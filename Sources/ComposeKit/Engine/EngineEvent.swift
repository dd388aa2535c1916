import Foundation

/// One line of `events --format '{{json .}}'` about a container of a compose project, as docker or podman prints it.
struct EngineEvent: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case create, start, pause, unpause, destroy, outOfMemory
    case die(exitCode: Int)
    case health(ServiceStatus.Health)
    /// The health check was run; what it said only an inspection tells.
    case healthChecked
  }
  var containerID: String
  var service: String
  var replica: Int
  var kind: Kind
  /// The engine's time, in nanoseconds since 1970.
  var timeNano: Int64?

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
    var timeNano: Int64?
    /// What podman's own program has beside the attributes, and its time in words.
    var time: Moment?
    var attributes: [String: String]?
    var healthStatus: String?
    var containerExitCode: Int?

    /// All in one place, under the names of docker's.
    var allAttributes: [String: String]? {
      guard var all = actor?.attributes ?? attributes else { return nil }
      if let healthStatus { all["health_status"] = healthStatus }
      if let containerExitCode { all["containerExitCode"] = "\(containerExitCode)" }
      return all
    }
  }

  /// A time in seconds, which says no more than `timeNano`, or in RFC 3339 with fractions.
  private struct Moment: Decodable {
    var nanoseconds: Int64?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      // Docker's: asked first, because each event has one, and a decoding that fails has its error written.
      if (try? container.decode(Double.self)) != nil { return }
      nanoseconds = (try? container.decode(String.self)).flatMap(EngineMoment.nanoseconds)
    }
  }

  /// Reads a line; nil for events that say nothing of a service's state (exec, network, volume, image …).
  ///
  /// - Throws: ``ComposeError`` for a line that is not an event.
  init?(line: String) throws {
    let line = try EngineJSON.decode(Line.self, from: line, of: "the engine's events")
    guard line.type == nil || line.type == "container", let id = line.actor?.id ?? line.id,
      let attributes = line.allAttributes, let service = attributes["com.docker.compose.service"],
      attributes["com.docker.compose.oneoff"]?.lowercased() != "true",
      let kind = Self.kind(action: line.action ?? line.status ?? "", attributes: attributes)
    else { return nil }
    containerID = id
    self.service = service
    replica = Int(attributes["com.docker.compose.container-number"] ?? "") ?? 1
    self.kind = kind
    timeNano = line.timeNano ?? line.time?.nanoseconds
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
    // Podman's name for it.
    case "destroy", "remove": return .destroy
    case "oom": return .outOfMemory
    // Podman's name for it; -1 where neither is given, until the container is inspected.
    case "die", "died":
      return .die(exitCode: (attributes["exitCode"] ?? attributes["containerExitCode"]).flatMap { Int($0) } ?? -1)
    default:
      // "health_status: healthy" of Docker. Podman prints "health_status" after every check, with an attribute, or with a field of its
      // own that docker does not pass on.
      guard action.hasPrefix("health_status") else { return nil }
      let word = action.split(separator: ":").dropFirst().first.map { String($0).trimmed }
      guard let word = word ?? attributes["health_status"] else { return .healthChecked }
      return ServiceStatus.Health(rawValue: word).map(Kind.health)
    }
  }
}

/// Moments as engines write them, in nanoseconds since 1970 (pure).
enum EngineMoment {
  /// As `--since` takes it: in seconds, with nine digits of a fraction.
  static func text(_ nanoseconds: Int64) -> String {
    let fraction = String(nanoseconds % 1_000_000_000)
    // By hand: `String(format:)` takes 0.2 MB of Core Foundation that are not given back, and every start writes one.
    return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - fraction.count) + fraction
  }

  /// This machine's time as text.
  static var now: String { text(Int64(Date.now.timeIntervalSince1970 * 1e6) * 1_000) }

  /// Reads RFC 3339 with up to nine digits of a fraction; nil for anything else.
  // Not inlined: the types of a regular expression are made where its function begins, and docker's events need none.
  @inline(never)
  static func nanoseconds(_ text: String) -> Int64? {
    guard let parts = text.wholeMatch(of: /([^.Z+]{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)/),
      let date = try? Date(String(parts.1) + String(parts.3), strategy: .iso8601)
    else { return nil }
    let fraction = String(parts.2 ?? "")
    let padded = fraction + String(repeating: "0", count: 9 - fraction.count)
    return Int64(date.timeIntervalSince1970) * 1_000_000_000 + (Int64(padded) ?? 0)
  }
}
