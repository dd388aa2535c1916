/// Which services are built and which are pulled before a start (pure).
struct ImagePlan: Sendable, Hashable {
  var build: Set<String> = []
  var pull: Set<String> = []

  /// - Parameters:
  ///   - services: those that are to start.
  ///   - absent: those of them whose image the engine does not have.
  init(_ configuration: ProjectConfiguration, services: Set<String>, absent: Set<String>, settings: StartSettings) {
    // An image that one service builds and others use: it is in no registry, and its builder may not be among those that start.
    var builders: [String: String] = [:]
    for (name, service) in configuration.services.sorted(by: { $0.key < $1.key }) where service.isBuilt {
      builders[ImageNames.listed(service.image)] = builders[ImageNames.listed(service.image)] ?? name
    }
    func builder(of name: String) -> String? {
      guard let service = configuration.services[name] else { return nil }
      return service.isBuilt ? name : builders[ImageNames.listed(service.image)]
    }
    switch settings.build {
    case .always: build = Set(services.compactMap { builder(of: $0) })
    case .missing: build = Set(absent.compactMap { builder(of: $0) })
    case .never: break
    }
    pull = (settings.pull == .always ? services : absent).filter { name in
      guard let service = configuration.services[name], !service.isBuilt, service.pullPolicy != "never" else {
        return false
      }
      return settings.build == .never || builder(of: name) == nil
    }
  }
}

/// When `up` builds the images of services that have a `build` section.
public enum BuildPolicy: Sendable, Hashable {
  /// Never: a missing image is an error.
  case never
  /// Those that the engine does not have.
  case missing
  /// Always, with the engine's cache.
  case always
}

/// When `up` pulls the images of services that have no `build` section.
public enum PullPolicy: Sendable, Hashable {
  /// Never: a missing image is an error that names it.
  case never
  /// Those that the engine does not have.
  case missing
  /// Always, so that a tag which has moved is noticed.
  case always
}
