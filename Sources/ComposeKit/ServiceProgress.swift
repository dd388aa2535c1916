/// One step of a service on its way up or down.
public struct ServiceProgress: Sendable, Hashable {
  /// Where the service is.
  public enum Phase: String, Sendable, Hashable {
    case building, pulling, created, starting, running, healthy, completed, restarting, unhealthy, failed, removing,
      removed
  }
  /// The project's base name.
  public var project: String
  /// The unique name of the running project.
  public var projectName: String
  /// The service, with its number if it has more than one container; empty where the step is the project's.
  public var service: String
  public var phase: Phase
  /// The time since the project was started (or, for `removing` and `removed`, since its removal began).
  public var elapsed: Duration

  public init(project: String, projectName: String, service: String, phase: Phase, elapsed: Duration) {
    self.project = project
    self.projectName = projectName
    self.service = service
    self.phase = phase
    self.elapsed = elapsed
  }

  /// Whether nothing more is expected of the service on its way up.
  public var isReady: Bool { phase == .healthy || phase == .running || phase == .completed }
}
