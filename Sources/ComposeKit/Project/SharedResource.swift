/// A volume or network that a project may use although it was there before the run, or belongs to another project.
///
/// Whatever has a fixed `name:` in the compose files is the same for everybody on the engine: a developer's database, the network
/// of a stack that is up. A run that meets such a thing is refused before anything starts, unless ``ComposeProject/sharing`` names
/// it; then it is used, and never removed. What the run itself makes is removed at its end, shared or not.
public enum SharedResource: Sendable, Hashable {
  /// A volume, by the name that the engine has for it (`name:` in the file), e.g. "shop-data".
  case volume(String)
  /// A network, by the name that the engine has for it (`name:` in the file), e.g. "shop-net".
  case network(String)

  var kind: NamedResource.Kind {
    switch self {
    case .volume: .volume
    case .network: .network
    }
  }

  var name: String {
    switch self {
    case .volume(let name), .network(let name): name
    }
  }
}
