/// Which services are built and which are pulled before a start (pure).
struct ImagePlan: Sendable, Hashable {
  var build: Set<String> = []
  var pull: Set<String> = []

  /// - Parameters:
  ///   - services: those that are to start.
  ///   - absent: those of them whose image the engine does not have.
  init(_ configuration: ProjectConfiguration, services: Set<String>, absent: Set<String>, options: UpOptions) {
    // An image that one service builds and others use: it is in no registry, and its builder may not be among those that start.
    var builders: [String: String] = [:]
    for (name, service) in configuration.services.sorted(by: { $0.key < $1.key }) where service.isBuilt {
      builders[ImageNames.listed(service.image)] = builders[ImageNames.listed(service.image)] ?? name
    }
    func builder(of name: String) -> String? {
      guard let service = configuration.services[name] else { return nil }
      return service.isBuilt ? name : builders[ImageNames.listed(service.image)]
    }
    switch options.build {
    case .always: build = Set(services.compactMap { builder(of: $0) })
    case .missing: build = Set(absent.compactMap { builder(of: $0) })
    case .never: break
    }
    pull = (options.pull == .always ? services : absent).filter { name in
      guard let service = configuration.services[name], !service.isBuilt, service.pullPolicy != "never" else {
        return false
      }
      return options.build == .never || builder(of: name) == nil
    }
  }
}
