/// What the networks of a compose file are called in the engine.
struct NetworkNames: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration

  private struct Document: Decodable {
    struct Network: Decodable {
      var name: String?
    }
    var networks: [String: Network?]?
  }

  /// The names that the network with this key in the file may have; also taken as a name of the engine's.
  func engineNames(of key: String) async throws -> Set<String> {
    var names: Set<String> = [key, "\(running.projectName)_\(key)"]
    if !running.engine.isFirstGeneration {
      let document = try EngineJSON.decode(Document.self, from: configuration.text, of: "compose config")
      if let network = document.networks?[key], let name = network?.name {
        // The key wins over another network that happens to be called so.
        return [name]
      }
      return names
    }
    // The first generation tells its configuration in YAML; its networks carry the key as a label.
    let list = running.onEngine(
      ["network", "ls", "--format", "{{.Name}}"] + running.labelFilter
        + ["--filter", "label=com.docker.compose.network=\(key)"])
    names.formUnion(try await list.runChecked().outputLines.map(\.trimmed))
    return names
  }
}
