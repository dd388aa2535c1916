/// When services count as ready, and when they never will: what ``Readiness`` needs of the options.
struct ReadinessRules: Sendable, Hashable {
  /// How long a service may take from the start of its container until it is ready.
  var timeout = Duration.seconds(60)
  /// Other deadlines for single services, by service name.
  var timeouts: [String: Duration] = [:]
  /// How long a service without a health check must have run before it counts as running.
  var settlingTime = Duration.seconds(1)
  /// How often a service with a restart policy may exit with a failure before that counts as a restart loop.
  var allowedRestarts = 2

  func timeout(of service: String) -> Duration { timeouts[service] ?? timeout }
}

/// What bringing a project up needs of the options.
package struct StartSettings: Sendable {
  /// What holds where nobody has said anything.
  package static let standard = StartSettings()

  var rules = ReadinessRules()
  package var build = BuildPolicy.missing
  package var pull = PullPolicy.missing
  /// Only these services, and those that they depend on; all if empty.
  var services: [String] = []
  /// How many containers of a service to run, by service name.
  var scale: [String: Int] = [:]
  var buildTimeout = Duration.seconds(900)
  var pullTimeout = Duration.seconds(600)
}

/// How long a project and its services have taken until they were ready.
struct StartTimes: Sendable, Hashable {
  var readyAfter: Duration
  var serviceReadyAfter: [String: Duration]
}

/// Conditions of the user's own that services must meet once all of them have come up.
struct Probing: Sendable {
  /// The services that have some.
  var services: Set<String> = []
  /// Returns when those of these services hold; tells of each service whose do.
  var run:
    @Sendable (_ services: Set<String>, _ times: StartTimes, _ serviceReady: @Sendable (String) -> Void) async throws
      -> Void = { _, _, _ in }
}
