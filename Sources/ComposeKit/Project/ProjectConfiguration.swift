import Foundation

/// What `compose config` says of a project: the services that would run, and what they need.
package struct ProjectConfiguration: Sendable {
  package struct Service: Sendable {
    package var image: String
    package var isBuilt: Bool
    package var replicas: Int
    package var dependencies: [String]
    /// Those of the dependencies that have to have ended well.
    var awaitedJobs: [String] = []
    /// Host ports that are fixed.
    var hostPorts: [Int]
    package var pullPolicy: String?
    /// Whether the engine may restart it; false only if the files are known to say so.
    var mayRestart = true
    /// Whether it has a health check; false if only its image may say so.
    var isHealthChecked = false
  }
  package var services: [String: Service]
  /// The volumes and networks whose names are the same in every run.
  var resources: [NamedResource] = []
  /// What compose printed.
  var text = ""

  private struct Document: Decodable {
    struct Service: Decodable {
      struct Deploy: Decodable {
        var replicas: Int?
        var restartPolicy: Present?
      }
      struct Port: Decodable {
        var published: PublishedPort?
      }
      struct Dependency: Decodable {
        var condition: String?
      }
      struct HealthCheck: Decodable {
        var test: [String]?
        var disable: Bool?
        var isActive: Bool { disable != true && test.map { !["NONE", ""].contains($0.first ?? "") } ?? false }
      }
      var image: String?
      var build: Present?
      var scale: Int?
      var deploy: Deploy?
      var ports: [Port]?
      var dependsOn: [String: Dependency]?
      var pullPolicy: String?
      var restart: String?
      var healthcheck: HealthCheck?
    }
    var services: [String: Service]?
  }
  /// A port that compose prints as text or as a number, depending on its version.
  private struct PublishedPort: Decodable {
    var number: Int?
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        number = Int(text)
      } else {
        number = try? container.decode(Int.self)
      }
    }
  }
  /// Only whether it is there matters.
  private struct Present: Decodable {
    init(from decoder: any Decoder) throws {}
  }

  /// Reads the output of `compose config --format json` (second generation).
  package init(json: String, projectName: String) throws {
    text = json
    resources = try NamedResource.all(inConfiguration: json, projectName: projectName)
    let document = try EngineJSON.decode(Document.self, from: json, of: "compose config")
    services = (document.services ?? [:]).reduce(into: [:]) { result, entry in
      let (name, service) = entry
      result[name] = Service(
        // What compose calls the image of a service that has only a build section.
        image: service.image ?? "\(projectName)-\(name)", isBuilt: service.build != nil,
        replicas: service.scale ?? service.deploy?.replicas ?? 1,
        dependencies: (service.dependsOn ?? [:]).keys.sorted(),
        awaitedJobs: (service.dependsOn ?? [:]).filter { $0.value.condition == Self.completion }.keys.sorted(),
        hostPorts: (service.ports ?? []).compactMap { $0.published?.number }.filter { $0 > 0 },
        pullPolicy: service.pullPolicy,
        mayRestart: !["", "no"].contains(service.restart ?? "no") || service.deploy?.restartPolicy != nil,
        isHealthChecked: service.healthcheck?.isActive == true)
    }
  }

  static let completion = "service_completed_successfully"

  /// The services of which another one waits for the end.
  var jobs: Set<String> { Set(services.values.flatMap(\.awaitedJobs)) }

  /// The chosen services and all that they depend on; every service if none is chosen.
  ///
  /// - Throws: ``ComposeError`` with code `unknownService`.
  func selection(_ chosen: [String], project: String) throws -> Set<String> {
    guard !chosen.isEmpty else { return Set(services.keys) }
    var selected: Set<String> = []
    var pending = chosen
    while let name = pending.popLast() {
      guard let service = services[name] else {
        throw ComposeError(
          .unknownService, "project \(project) has no service \(name)", service: name, project: project,
          next: "its services are \(services.keys.sorted().joined(separator: ", ")); is a profile missing?")
      }
      // A dependency that is not required, of a profile that is not enabled, is not among the services.
      if selected.insert(name).inserted { pending += service.dependencies.filter { services[$0] != nil } }
    }
    return selected
  }
}
