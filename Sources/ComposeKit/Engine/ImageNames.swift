/// Names of images that the engine has, for the question that is asked before each start: is one missing?
struct ImageNames: Sendable {
  private var names: Set<String> = []

  init() {}

  /// Reads lines of `image ls --format {{.Repository}}:{{.Tag}}`.
  init(list: String) { names = Set(list.outputLines.map(\.trimmed)) }

  /// Lists the engine's images; none if it does not answer, which whoever needs it is told by another command.
  static func list(_ access: EngineAccess) async -> ImageNames {
    let command = access.command(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], deadline: .seconds(10))
    guard let output = try? await command.run(), output.succeeded else { return ImageNames() }
    return ImageNames(list: output.standardOutput)
  }

  /// Whether an image of this name is certainly there; one that is named by its digest or id has to be looked up.
  func contains(_ image: String) -> Bool { names.contains(Self.listed(image)) }

  /// The name as the engine lists it: with a tag, and without Docker Hub's own prefixes.
  static func listed(_ image: String) -> String {
    var name = image
    for prefix in ["index.docker.io/", "docker.io/", "library/"] where name.hasPrefix(prefix) {
      name.removeFirst(prefix.count)
    }
    let last = name.split(separator: "/").last ?? ""
    return last.contains { ":@".contains($0) } ? name : name + ":latest"
  }
}
