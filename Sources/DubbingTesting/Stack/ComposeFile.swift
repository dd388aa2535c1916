import Foundation

/// Compose files that are made here.
enum ComposeFile {
  /// Writes one that has this content, in a place that depends on what it is of; whoever removes a project reads its files again.
  ///
  /// - Returns: its path.
  static func write(_ content: some Encodable, named name: String, of parts: [String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(content)
    let rest = parts.joined(separator: "-").map { $0.isLetter || $0.isNumber ? $0 : "-" }
    let file = FileManager.default.temporaryDirectory
      .appending(path: "\(name)-\(getuid())-\(String(rest)).json")
    try data.write(to: file, options: .atomic)
    return file.path
  }
}
