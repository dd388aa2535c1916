import Foundation

/// What ffprobe said of fixtures in earlier runs.
///
/// All are held against their files before anything starts, and a program that says it takes 70 ms to begin: seconds for a folder of
/// many. Kept in the user's folder for caches (`~/.cache`, or `XDG_CACHE_HOME`); what cannot be read or written there is asked anew.
package actor ProbeCache {
  static let ofThisUser = ProbeCache(
    file: FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).first?
      // The next number when `MediaInfo` says more: a file of before would leave that out.
      .appending(path: "swift-dubbing-e2e/probed-fixtures-2.json"))

  /// A file that has been written anew is another one.
  struct Version: Hashable, Codable {
    var size: Int?
    var changed: Date?

    init(of path: String) {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      (size, changed) = (attributes?[.size] as? Int, attributes?[.modificationDate] as? Date)
    }
  }

  private struct Entry: Codable {
    var version: Version
    var info: MediaInfo
  }

  private let file: URL?
  /// By path; nil: not read yet.
  private var entries: [String: Entry]?
  private var isChanged = false

  /// - Parameter file: where it is kept; nil: nowhere.
  package init(file: URL?) { self.file = file }

  /// What is known of a file, or what `probe` says of it now.
  package func info(of path: String, probe: @Sendable () async throws -> MediaInfo) async throws -> MediaInfo {
    let version = Version(of: path)
    if let known = read()[path], known.version == version { return known.info }
    let info = try await probe()
    entries?[path] = Entry(version: version, info: info)
    isChanged = true
    return info
  }

  /// Writes down what has been found out, without files that are gone.
  package func keep() {
    guard isChanged, let file, let entries else { return }
    isChanged = false
    let alive = entries.filter { FileManager.default.fileExists(atPath: $0.key) }
    try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? JSONEncoder().encode(alive).write(to: file, options: .atomic)
  }

  private func read() -> [String: Entry] {
    if let entries { return entries }
    let data = file.flatMap { try? Data(contentsOf: $0) }
    let found = data.flatMap { try? JSONDecoder().decode([String: Entry].self, from: $0) } ?? [:]
    entries = found
    return found
  }
}
