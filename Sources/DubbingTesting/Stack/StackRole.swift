import ComposeKit

extension DualStack {
  /// Which of the two compose projects.
  public enum Project: String, Sendable, Hashable, Codable, CaseIterable {
    /// Media server and worker.
    case media
    /// Speech-to-speech service.
    case sts
  }

  /// What a published port is for: the five that dubbing needs, and whatever else a team wants to reach from its tests.
  public struct Role: Sendable, Hashable, CustomStringConvertible {
    /// Its key in a stack file.
    package let name: String
    /// The project whose service publishes it.
    package let project: Project

    /// A role of one's own, for ``DualStack/ports``.
    public init(_ name: String, in project: Project = .media) {
      self.name = name
      self.project = project
    }

    /// The media server's RTSP.
    public static let rtsp = Role("rtsp")
    /// The media server's RTMP.
    public static let rtmp = Role("rtmp")
    /// The media server's HTTP API, in MediaMTX's form.
    public static let controlAPI = Role("control_api")
    /// The worker's HTTP: health, and metrics if it has any.
    public static let worker = Role("worker")
    /// The speech-to-speech service: Socket.IO and health.
    public static let speech = Role("speech", in: .sts)

    /// The five without which nothing can be dubbed.
    package static let needed: [Role] = [rtsp, rtmp, controlAPI, worker, speech]

    public var description: String { name }

    /// Where its health is asked for by HTTP, unless ``Port/healthPath`` says so; nil: in its own protocol, or not at all.
    var standardHealthPath: String? {
      switch self {
      case .controlAPI: "/v3/paths/list"
      case .worker, .speech: "/health"
      default: nil
      }
    }

    /// Whether a description may say where its health is asked for.
    var mayHaveHealthPath: Bool { ![.rtsp, .rtmp, .controlAPI].contains(self) }
  }

  /// A container port of a service.
  public struct Port: Sendable, Hashable {
    /// The service's name in its compose file.
    package var service: String
    /// The port in its container.
    package var number: Int
    /// Where it answers 200 to a GET when it is well; nil: as ``Role`` has it.
    package var healthPath: String?

    /// A port of a service.
    public init(_ service: String, _ number: Int, healthPath: String? = nil) {
      self.service = service
      self.number = number
      self.healthPath = healthPath
    }
  }

  /// What this package's own compose files publish.
  package static let standardPorts: [Role: Port] = [
    .rtsp: Port("mediamtx", 8554), .rtmp: Port("mediamtx", 1935), .controlAPI: Port("mediamtx", 9997),
    .worker: Port("worker", 8080), .speech: Port("sts", 3000),
  ]

  /// The port of a role.
  ///
  /// - Precondition: ``ports`` has it; all that dubbing needs are there once the stacks run.
  package subscript(_ role: Role) -> Port {
    guard let port = ports[role] else { preconditionFailure("the stack has no port for \(role)") }
    return port
  }

  func project(_ project: Project) -> ComposeProject { project == .media ? media : sts }

  /// Where a role's health is asked for by HTTP.
  func healthPath(of role: Role) -> String? { ports[role]?.healthPath ?? role.standardHealthPath }
}
