/// What the engine does when a container exits (pure).
struct RestartPolicy: Sendable, Hashable {
  /// "no", "always", "unless-stopped" or "on-failure".
  var name: String
  /// How often "on-failure" restarts; 0 means without end.
  var maximumRetries = 0

  static let never = RestartPolicy(name: "no")

  /// Whether a container is restarted after an exit, the `exits`-th one of it, that nobody asked for.
  func restarts(afterExit code: Int, exits: Int) -> Bool {
    switch name {
    case "", "no": false
    case "on-failure": code != 0 && (maximumRetries == 0 || exits <= maximumRetries)
    default: true
    }
  }
}

extension ContainerRecord {
  var restartPolicy: RestartPolicy {
    let policy = hostConfig?.restartPolicy
    return RestartPolicy(name: policy?.name ?? "no", maximumRetries: policy?.maximumRetryCount ?? 0)
  }

  /// Whether the engine calls it unhealthy only because its checks did not run: it does so, without an event, while a container is
  /// paused, until the next check has ended well. One that is really ill has failed as often in a row as its check demands.
  var isUnhealthyUnproven: Bool {
    guard state?.health?.status == "unhealthy", let streak = state?.health?.failingStreak else { return false }
    // The engine's own default, where neither file nor image says anything.
    let retries = config?.healthcheck?.retries ?? 0
    return streak < (retries > 0 ? retries : 3)
  }
}
