extension ContainerRecord {
  /// What to do about a port that the container does not publish.
  package func portAdvice(port: Int, engineHost: String) -> String {
    switch hostConfig?.networkMode ?? "" {
    case "host":
      // The engine ignores `ports` then, and says nothing of what listens.
      return "it has network_mode: host, so its ports are those of the engine's host and none is published: "
        + "connect to \(engineHost):\(port), or take network_mode out"
    case "none":
      return "it has network_mode: none, so nothing can reach it"
    case let mode where mode.hasPrefix("container:"):
      return
        "it has the network of another container (network_mode: \(mode.prefix(24))): "
        + "publish the port there, and ask that service"
    default:
      let published = publishedPorts
      return published.isEmpty
        ? "it publishes none; add the port to `ports` in the compose file"
        : "it publishes \(published.joined(separator: ", "))"
    }
  }
}
