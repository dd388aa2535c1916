/// Which images go when a project is taken down.
public enum ImageRemoval: Sendable, Hashable {
  /// None.
  case keep
  /// Those that were built for this run: they are named after it, so that nobody can use them again.
  case built
  /// All that its services use and nobody else's containers.
  case all
}

/// How projects are started and ended.
public struct UpOptions: Sendable {
  /// When images are built.
  public var build: BuildPolicy
  /// When images are pulled; a `pull_policy: never` in the compose file is kept to.
  public var pull: PullPolicy
  /// What a service must meet on top of its health check, by service name; its deadline counts anew for them.
  public var probes: [String: [Probe]]
  /// How long a service may take from the start of its container until it is ready.
  public var timeout: Duration
  /// Other deadlines for single services, by service name.
  public var timeouts: [String: Duration]
  /// How long a service without a health check must have run before it counts as running.
  public var settlingTime: Duration
  /// Only these services, and those that they depend on; all if empty.
  public var services: [String]
  /// How many containers of a service to run, by service name.
  public var scale: [String: Int]
  /// How often a service with a restart policy may exit with a failure before that counts as a restart loop.
  public var allowedRestarts: Int
  /// How long building the images may take.
  public var buildTimeout: Duration
  /// How long pulling the images may take.
  public var pullTimeout: Duration
  /// How long a container may take to stop on SIGTERM before it is killed, when the project is taken down; whole seconds.
  public var stopTimeout: Duration
  /// The same for a project whose start has failed; whole seconds, the shorter of both counts.
  ///
  /// The error does not wait for it; whatever starts next in this process does.
  public var stopTimeoutAfterFailure: Duration
  /// Which images go when the project is taken down; its own volumes and orphans always do.
  public var imageRemoval: ImageRemoval
  /// Whether a healthy project of the same configuration that runs already is used, and left running at the end.
  ///
  /// For fast local loops; `COMPOSEKIT_REUSE=1` in the environment turns it on for all. A project whose configuration, build
  /// context, mounted file or image has changed is replaced. What a test leaves in a service is there for the next one.
  /// ``ComposeProject/removeReused(options:on:)`` removes it, as does the command that is printed at the end.
  public var reuse: Bool

  /// Options that differ from the usual ones in what is given.
  public init(
    build: BuildPolicy = .missing, pull: PullPolicy = .missing, probes: [String: [Probe]] = [:],
    timeout: Duration = .seconds(60), timeouts: [String: Duration] = [:],
    settlingTime: Duration = .seconds(1), services: [String] = [], scale: [String: Int] = [:],
    allowedRestarts: Int = 2, buildTimeout: Duration = .seconds(900), pullTimeout: Duration = .seconds(600),
    stopTimeout: Duration = .seconds(10), imageRemoval: ImageRemoval = .built, reuse: Bool = false,
    stopTimeoutAfterFailure: Duration = .seconds(1)
  ) {
    self.build = build
    self.pull = pull
    self.probes = probes
    self.timeout = timeout
    self.timeouts = timeouts
    self.settlingTime = settlingTime
    self.services = services
    self.scale = scale
    self.allowedRestarts = allowedRestarts
    self.buildTimeout = buildTimeout
    self.pullTimeout = pullTimeout
    self.stopTimeout = stopTimeout
    self.stopTimeoutAfterFailure = stopTimeoutAfterFailure
    self.imageRemoval = imageRemoval
    self.reuse = reuse
  }
}

extension UpOptions {
  /// What a start needs of them, for a project with these services.
  func startSettings(services known: Set<String>? = nil) -> StartSettings {
    func isKnown(_ service: String) -> Bool { known?.contains(service) ?? true }
    return StartSettings(
      rules: ReadinessRules(
        timeout: timeout, timeouts: timeouts, settlingTime: settlingTime, allowedRestarts: allowedRestarts),
      build: build, pull: pull, services: services.filter(isKnown), scale: scale.filter { isKnown($0.key) },
      buildTimeout: buildTimeout, pullTimeout: pullTimeout)
  }
}
