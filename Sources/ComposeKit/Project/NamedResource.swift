/// A volume or network that has the same name in every run: by a `name:` of its own, or because it is external.
struct NamedResource: Sendable, Hashable {
  enum Kind: String, Sendable, Hashable, CaseIterable {
    case volume, network
  }
  var kind: Kind
  /// What the compose files call it.
  var key: String
  /// What the engine calls it.
  var name: String
  /// Made by somebody else, as the files say themselves: compose only joins it.
  var isExternal: Bool
  /// The services that use it; nil if the files are not known so well.
  var services: Set<String>?

  /// Whether one of these services uses it; compose makes only what is used.
  func isUsed(by selection: Set<String>) -> Bool { services.map { !$0.isDisjoint(with: selection) } ?? true }

  /// How a way to tell of it is written in Swift.
  var sharing: String { "sharing: [.\(kind.rawValue)(\"\(name)\")]" }
}

extension NamedResource {
  private struct Document: Decodable {
    struct Resource: Decodable {
      var name: String?
      var external: External?
    }
    /// `true`, or in old files an object that may hold the name.
    struct External: Decodable {
      var isExternal: Bool
      init(from decoder: any Decoder) throws {
        isExternal = (try? decoder.singleValueContainer().decode(Bool.self)) ?? true
      }
    }
    struct Service: Decodable {
      struct Mount: Decodable {
        var type: String?
        var source: String?
      }
      var volumes: [Mount]?
      var networks: [String: Ignored?]?
    }
    struct Ignored: Decodable {
      init(from decoder: any Decoder) throws {}
    }
    var services: [String: Service]?
    var volumes: [String: Resource?]?
    var networks: [String: Resource?]?
  }

  /// Those of `compose config --format json` (second generation), ordered by kind and key.
  static func all(inConfiguration json: String, projectName: String) throws -> [NamedResource] {
    let document = try EngineJSON.decode(Document.self, from: json, of: "compose config")
    func users(_ uses: (Document.Service) -> Bool) -> Set<String> {
      Set((document.services ?? [:]).filter { uses($0.value) }.keys)
    }
    var found: [NamedResource] = []
    for (key, resource) in (document.volumes ?? [:]).sorted(by: { $0.key < $1.key }) {
      found += fixed(.volume, key, resource?.name, resource?.external?.isExternal ?? false, projectName) {
        users { $0.volumes?.contains { $0.type == "volume" && $0.source == key } ?? false }
      }
    }
    for (key, resource) in (document.networks ?? [:]).sorted(by: { $0.key < $1.key }) {
      found += fixed(.network, key, resource?.name, resource?.external?.isExternal ?? false, projectName) {
        users { $0.networks?.keys.contains(key) ?? false }
      }
    }
    return found
  }

  /// One of them if its name is not this run's own; who uses it is only then asked.
  static func fixed(
    _ kind: Kind, _ key: String, _ name: String?, _ isExternal: Bool, _ projectName: String,
    services: () -> Set<String>?
  ) -> [NamedResource] {
    // A name with the project's in it, as ${COMPOSE_PROJECT_NAME} makes one, is nobody else's.
    guard let name = name ?? (isExternal ? key : nil), isExternal || !name.holds(projectName) else { return [] }
    return [NamedResource(kind: kind, key: key, name: name, isExternal: isExternal, services: services())]
  }
}

extension NamedResource {
  /// Those of `docker-compose config` of the first generation: YAML as PyYAML's dumper writes it, see `FirstGeneration.swift`.
  ///
  /// Which services use them is not read there.
  static func all(inDump yaml: String, projectName: String) -> [NamedResource] {
    var found: [NamedResource] = []
    var kind: Kind?
    var current: (key: String, name: String?, isExternal: Bool)?
    func close() {
      guard let kind, let current else { return }
      found += fixed(kind, current.key, current.name, current.isExternal, projectName) { nil }
    }
    for line in yaml.outputLines {
      let indentation = line.prefix { $0 == " " }.count
      let parts = line.dropFirst(indentation).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        .map { ProjectConfiguration.plain(String($0).trimmed) }
      if indentation == 0 {
        close()
        (kind, current) = (["volumes": .volume, "networks": .network][parts[0]], nil)
      } else if kind != nil && indentation == 2 {
        close()
        current = (parts[0], nil, false)
      } else if parts.count == 2 && indentation == 4 && parts[0] == "external" {
        current?.isExternal = parts[1] != "false"
      } else if parts.count == 2 && indentation <= 6 && parts[0] == "name" {
        // Two levels deeper it is the name of `external: {name: …}`; a label or option of that name has other parents.
        guard indentation == 4 || current?.isExternal == true else { continue }
        current?.name = parts[1]
      }
    }
    close()
    return found.sorted { ($0.kind.rawValue, $0.key) > ($1.kind.rawValue, $1.key) }
  }
}
