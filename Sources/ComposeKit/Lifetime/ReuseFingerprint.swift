import Foundation

/// What a reusable project was made from: as long as this stays the same, the running one is as good as a new one.
package struct ReuseFingerprint: Sendable, Hashable, Codable {
  /// A digest of the configuration, what was chosen of it, and the files that go into it.
  var digest: String

  /// - Parameters:
  ///   - configuration: all that `compose config` prints; it holds the values of all variables, so only a digest is stored.
  ///   - paths: the files and folders that the services are made from.
  package init(configuration: String, services: Set<String>, scale: [String: Int], paths: [String]) {
    let choice = services.sorted().joined(separator: ",") + scale.sorted { $0.key < $1.key }.map { "\($0)" }.joined()
    let files = paths.sorted().map { $0 + Self.state(of: $0) }.joined(separator: "\n")
    let text = [configuration, choice, files].joined(separator: "\u{0}")
    // Twice the width of one digest, over different texts: about 124 bits.
    digest = Digest.of(text, width: 12) + Digest.of(text + "\u{0}", width: 12)
  }

  /// Sizes and times of a file, or of all files in a folder; empty if there is none.
  static func state(of path: String) -> String {
    let manager = FileManager.default
    func state(_ path: String) -> String {
      guard let attributes = try? manager.attributesOfItem(atPath: path) else { return "" }
      let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(attributes[.size] ?? 0) \(time) \(attributes[.posixPermissions] ?? 0)"
    }
    var isDirectory: ObjCBool = false
    guard manager.fileExists(atPath: path, isDirectory: &isDirectory) else { return "" }
    guard isDirectory.boolValue else { return state(path) }
    let names = (manager.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter { name in
      // The two that change all the time and go into no image that is worth its name.
      !name.split(separator: "/").contains { $0 == ".git" || $0 == ".build" }
    }
    return names.sorted().map { $0 + " " + state(path + "/" + $0) }.joined(separator: "\n")
  }

  private struct Document: Decodable {
    struct Service: Decodable {
      struct Build: Decodable {
        var context: String?
        var dockerfile: String?
      }
      struct Volume: Decodable {
        var type: String?
        var source: String?
      }
      var build: Build?
      var volumes: [Volume]?
    }
    struct File: Decodable {
      var file: String?
    }
    var services: [String: Service]?
    var configs: [String: File]?
    var secrets: [String: File]?
  }

  /// The files and folders that `compose config --format json` names: build contexts, and mounted files.
  ///
  /// Mounted folders are left out: services write into them.
  package static func paths(inConfiguration json: String) throws -> [String] {
    let document = try EngineJSON.decode(Document.self, from: json, of: "compose config")
    var paths: [String] = []
    for service in (document.services ?? [:]).values {
      if let context = service.build?.context {
        paths.append(context)
        if let file = service.build?.dockerfile { paths.append(file.hasPrefix("/") ? file : context + "/" + file) }
      }
      for volume in service.volumes ?? [] where volume.type == "bind" {
        var isDirectory: ObjCBool = false
        guard let source = volume.source?.replacing("$$", with: "$"),
          FileManager.default.fileExists(atPath: source, isDirectory: &isDirectory), !isDirectory.boolValue
        else { continue }
        paths.append(source)
      }
    }
    let files = Array((document.configs ?? [:]).values) + Array((document.secrets ?? [:]).values)
    // `compose config` prints each dollar sign twice, so that its output is a compose file again.
    return (paths + files.compactMap(\.file)).map { $0.replacing("$$", with: "$") }
  }
}
