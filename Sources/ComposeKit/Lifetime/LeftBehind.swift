import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What watchdogs could not remove, because an engine did not answer: a file for each engine, which the next start reads.
package struct LeftBehind: Sendable {
  package static let ofThisUser = LeftBehind(
    folder: FileManager.default.temporaryDirectory.appending(path: "composekit-left-\(getuid())"))

  /// The watchdog makes it, for this user alone.
  let folder: URL

  package init(folder: URL) { self.folder = folder }

  /// One engine with what is left there.
  package struct Entry: Sendable, Hashable {
    /// Its program, with the variables that lead to it: "DOCKER_CONTEXT=builder docker".
    package var command: String
    package var projects: [String]
    /// Where it is written down.
    package var file: String
    /// What the watchdog calls it.
    package var key: String { URL(filePath: file).lastPathComponent }

    /// Reads what the watchdog has written (pure); nil if no project is in it.
    package init?(file: String, text: String) {
      var program = "docker"
      var variables: [String] = []
      var projects: [String] = []
      for line in text.outputLines {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2 else { continue }
        switch words[0] {
        case "program": program = words[1]
        case "set": variables.append(words[1].replacing(" ", with: "=", maxReplacements: 1))
        case "project": projects.append(words[1])
        default: break
        }
      }
      guard !projects.isEmpty else { return nil }
      self.file = file
      command = (Set(variables).sorted() + [program]).joined(separator: " ")
      self.projects = Set(projects).sorted()
    }

    /// What a person is told.
    package var message: String {
      """
      \(projects.joined(separator: ", ")) could not be removed when its run ended: the engine did not answer
        engine  \(command)
        next    the next run on that engine removes it; by hand: \(projects.map {
          "\(command) ps -a --filter label=\(ComposeLabel.project)=\($0)"
        }.joined(separator: "; "))
        gone    if there will be no such engine any more: rm \(file)
      """
    }
  }

  /// All there are; none if the folder is not this user's own.
  package func entries() -> [Entry] {
    var found = stat()
    guard lstat(folder.path(percentEncoded: false), &found) == 0, found.st_mode & S_IFMT == S_IFDIR,
      found.st_uid == getuid()
    else {
      return []
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))) ?? []
    return names.sorted().compactMap { name in
      let file = folder.appending(path: name).path(percentEncoded: false)
      return FileManager.default.contents(atPath: file).flatMap {
        Entry(file: file, text: String(decoding: $0, as: UTF8.self))
      }
    }
  }

  /// An engine has been swept: nothing is left there.
  func forget(_ access: EngineAccess) {
    try? FileManager.default.removeItem(at: folder.appending(path: access.watchdogKey))
  }
}
