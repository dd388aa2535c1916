import ComposeKit
import Foundation
import Testing

/// What a failed test leaves to look at: attached to the test, and kept in a folder under `.build/e2e/`.
struct Evidence: Sendable {
  var folder: URL

  static func folder(of test: Test) -> URL {
    RunReporter.shared.folder.appending(path: "failures/\(test.pathSafeName)")
  }

  /// Both projects' logs.
  func attachLogs(of environment: DualStackEnvironment) async {
    for stack in [environment.media, environment.sts] {
      attach(Data(await stack.logText().utf8), named: "\(stack.project.name).log")
    }
    Console.print("logs are kept in \(folder.path)")
  }

  /// What a stream and its siblings left: recordings, events, and the page of these streams alone.
  static func attachFiles(of stream: LiveStream) async {
    if let page = await RunReporter.shared.page(of: stream.name) {
      Attachment.record(Array(page.utf8), named: "page.html")
    }
    let streams = stream.folder.deletingLastPathComponent()
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: streams.path)) ?? []
    for folder in folders.sorted() where LiveStream.isStream(folder, orSiblingOf: stream.name) {
      // Of several streams, each file's name says whose it is.
      let sibling = folder.dropFirst(stream.name.count + 1)
      Evidence(folder: streams.appending(path: folder)).attachFiles(prefix: sibling.isEmpty ? "" : sibling + "-")
    }
  }

  private func attachFiles(prefix: String) {
    let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    for file in files {
      guard let data = FileManager.default.contents(atPath: file.path) else { continue }
      Attachment.record([UInt8](data), named: prefix + file.lastPathComponent)
    }
    if !files.isEmpty { Console.print("recording and events are kept in \(folder.path)") }
  }

  private func attach(_ data: Data, named name: String) {
    Attachment.record([UInt8](data), named: name)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try data.write(to: folder.appending(path: name))
    } catch {
      Issue.record("\(name) could not be kept in \(folder.path): \(error)")
    }
  }
}

extension Test {
  /// The function's name without its parameters, in letters and digits that any file system and media server takes.
  var pathSafeName: String { String(name.prefix { $0 != "(" }.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }) }
}
