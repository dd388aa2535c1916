extension ProjectConfiguration {
  /// Reads the output of `docker-compose config` of the first generation, which cannot print JSON.
  ///
  /// It is YAML as PyYAML's dumper writes it: two spaces a level, block style, lists not indented, text that spans lines indented
  /// deeper than its key. A line with exactly four spaces is therefore a key of a service, whatever the texts hold.
  ///
  /// - Parameter profiles: the enabled ones; the first generation prints services of others, too.
  package init(firstGeneration yaml: String, projectName: String, profiles: Set<String>) {
    services = [:]
    text = yaml
    resources = NamedResource.all(inDump: yaml, projectName: projectName)
    for (name, keys) in Self.services(inDump: yaml) {
      let required = keys["profiles"]?.children.map { Self.plain(String($0.dropFirst(2))) } ?? []
      guard required.isEmpty || !profiles.isDisjoint(with: required) else { continue }
      let replicas = keys["scale"]?.value ?? keys["deploy"]?.children.firstValue(of: "replicas")
      let dependencies = Self.dependencies(keys["depends_on"]?.children ?? [])
      services[name] = Service(
        // What the first generation calls the image of a service that has only a build section.
        image: keys["image"].map { Self.plain($0.value) } ?? "\(projectName)_\(name)", isBuilt: keys["build"] != nil,
        replicas: replicas.flatMap { Int($0) } ?? 1,
        dependencies: dependencies.keys.sorted(),
        awaitedJobs: dependencies.filter { $0.value == Self.completion }.keys.sorted(),
        hostPorts: [], pullPolicy: keys["pull_policy"].map { Self.plain($0.value) })
    }
  }

  /// The value of a key, and the lines below it without the indentation of the key.
  private struct Entry {
    var value: String
    var children: [String] = []
  }

  /// The conditions of `depends_on`, empty where none is given: a list of names, or a level of names with their keys below.
  private static func dependencies(_ lines: [String]) -> [String: String] {
    var conditions: [String: String] = [:]
    var name = ""
    for line in lines {
      if line.hasPrefix("- ") {
        conditions[plain(String(line.dropFirst(2)))] = ""
      } else if !line.hasPrefix("   "), line.hasSuffix(":") {
        name = plain(line.trimmed.dropLast().description)
        conditions[name] = ""
      } else if line.hasPrefix("    condition: ") {
        conditions[name] = plain(line.trimmed.dropFirst("condition: ".count).description)
      }
    }
    return conditions
  }

  private static func services(inDump yaml: String) -> [String: [String: Entry]] {
    var found: [String: [String: Entry]] = [:]
    var isInside = false
    var service = ""
    var key = ""
    for line in yaml.outputLines {
      let indentation = line.prefix { $0 == " " }.count
      let text = String(line.dropFirst(indentation))
      if indentation == 0 && !text.isEmpty {
        isInside = text == "services:"
      } else if isInside && indentation == 2 {
        (service, key) = (plain(String(text.dropLast(text.hasSuffix(":") ? 1 : text.hasSuffix(": {}") ? 4 : 0))), "")
        found[service] = [:]
      } else if isInside && indentation == 4 && !text.hasPrefix("- ") {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        key = String(parts[0])
        found[service]?[key] = Entry(value: parts.count > 1 ? String(parts[1]).trimmed : "")
      } else if isInside {
        found[service]?[key]?.children.append(String(line.dropFirst(4)))
      }
    }
    return found
  }

  /// A scalar without its quotes.
  static func plain(_ scalar: String) -> String {
    guard scalar.count >= 2, let quote = scalar.first, quote == "'" || quote == "\"", scalar.last == quote else {
      return scalar
    }
    return String(scalar.dropFirst().dropLast())
  }
}

extension [String] {
  fileprivate func firstValue(of key: String) -> String? {
    first { $0.hasPrefix("  \(key): ") }.map { String($0.dropFirst(key.count + 4)) }
  }
}
