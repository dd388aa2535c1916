import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What is laid over the files of a project on another machine's engine, so that its ports are published where they are reached.
///
/// A port that the files publish on loopback, or on no address in particular, is published on one address and no other. One for which the
/// files name another address stays as it is: somebody has chosen it.
package struct PortOverlay: Sendable, Hashable {
  /// A compose file.
  package let text: String

  /// What compose prints for one key of a port.
  private enum Field: Codable, Hashable {
    case number(Int)
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Int.self) {
        self = .number(number)
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let number): try container.encode(number)
      case .text(let text): try container.encode(text)
      }
    }
  }
  private struct Document: Decodable {
    struct Service: Decodable {
      var ports: [[String: Field]]?
    }
    var services: [String: Service]?
  }

  /// Reads what `compose config --format json` says; nil if there is nothing to change (pure).
  package init?(configuration json: String, address: String) throws {
    let document = try EngineJSON.decode(Document.self, from: json, of: "compose config")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines: [String] = []
    for (service, entry) in (document.services ?? [:]).sorted(by: { $0.key < $1.key }) {
      let ports = entry.ports ?? []
      var moved: [[String: Field]] = []
      for var port in ports {
        if Self.isMoved(port["host_ip"]) { port["host_ip"] = .text(address) }
        // Loopback of IPv4 and of IPv6 become one.
        if !moved.contains(port) { moved.append(port) }
      }
      guard moved != ports else { continue }
      let list = String(decoding: try encoder.encode(moved), as: UTF8.self)
      lines += ["  \"\(service)\":", "    ports: !override \(list)"]
    }
    guard !lines.isEmpty else { return nil }
    text =
      (["# Ports as they are published on an engine of another machine.", "services:"] + lines)
      .joined(separator: "\n") + "\n"
  }

  private static func isMoved(_ address: Field?) -> Bool {
    guard case .text(let address)? = address else { return true }
    return address.isEmpty || address.hasPrefix("127.") || address == "::1"
  }

  /// Writes it where whoever removes the project finds it; one file for each content, so that they do not become more.
  func write() throws -> String {
    let name = "composekit-ports-\(getuid())-\(Digest.of(text, width: 12)).yml"
    let file = FileManager.default.temporaryDirectory.appending(path: name)
    do {
      try Data(text.utf8).write(to: file, options: .atomic)
    } catch {
      throw ComposeError(
        .commandFailed, "\(file.path(percentEncoded: false)) cannot be written: \(error)",
        next: "is the folder for temporary files full?",
        underlying: error)
    }
    return file.path(percentEncoded: false)
  }
}

extension RunningProject {
  /// The same project with its ports where they are reached, if its engine is another machine's.
  ///
  /// - Throws: ``ComposeError`` `unsupported` if compose is too old to be told.
  package func published(by configuration: ProjectConfiguration) throws -> RunningProject {
    guard let address = engine.bindAddress else { return self }
    guard engine.replacesLists else {
      // Of compose 1.x the configuration is not read so far: a project that publishes nothing is told from its text.
      guard configuration.text.holds("ports:") || configuration.text.holds("\"ports\":") else { return self }
      throw ComposeError(
        .unsupported,
        "ports of \(project.name) have to be published on \(address), where this machine reaches the engine; compose "
          + "\(engine.composeVersion) cannot be told so", project: projectName, engine: engine.description,
        next: "use compose 2.24.4 or newer; or publish them on that address in the files, and say "
          + "\(EngineAddress.bindVariable)=file")
    }
    var copy = self
    copy.overlay = try PortOverlay(configuration: configuration.text, address: address)?.write()
    return copy
  }
}
