/// Who an engine is, and what it runs on.
package struct EngineIdentity: Sendable, Hashable {
  /// No other engine has it.
  package var id: String
  /// Operating system and processor: "linux/amd64".
  package var platform: String
  package var cores: Int

  package init(id: String, platform: String, cores: Int) {
    (self.id, self.platform, self.cores) = (id, platform, cores)
  }
}

extension EngineAccess {
  /// Operating system and processor: "linux/amd64".
  ///
  /// - Throws: ``ComposeError`` if the engine does not answer.
  func platform() async throws -> String {
    try await command(["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"], deadline: .seconds(20))
      .runChecked(.engineUnavailable, "it does not answer").trimmed
  }
}

extension ComposeEngine {
  /// The names of docker's contexts.
  ///
  /// - Throws: ``ComposeError`` if docker cannot say.
  package static func contexts() async throws -> [String] {
    let command = EngineAccess().command(["context", "ls", "--format", "{{.Name}}"], deadline: .seconds(20))
    return try await command.runChecked(.engineUnavailable, "docker's contexts cannot be listed").outputLines
      .map(\.trimmed)
  }

  /// Asks the engine who it is.
  ///
  /// - Throws: ``ComposeError`` if it does not answer.
  package func identity() async throws -> EngineIdentity {
    // Not the id of `info`: copies of one machine have the same, and up to 20.10 so have two engines of one machine. Each
    // engine makes its bridge itself, under a name of 256 random bits.
    async let bridge = access.command(
      ["network", "inspect", access.defaultNetwork, "--format", "{{.Id}}"], deadline: .seconds(20)
    ).runChecked(.engineUnavailable, "it has no bridge network")
    async let platform = access.platform()
    async let cores = access.command(["info", "--format", "{{.NCPU}}"], deadline: .seconds(20))
      .runChecked(.engineUnavailable, "it does not answer")
    return try await EngineIdentity(
      id: bridge.trimmed, platform: platform, cores: max(1, Int(cores.trimmed) ?? 1))
  }
}
