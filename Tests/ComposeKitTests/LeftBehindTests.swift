import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("What a watchdog could not remove", .kind(.logic))
struct LeftBehindTests {
  @Test("The next start names it: which projects, on which engine, and how to look by hand")
  func message() throws {
    let text = """
      program docker
      unset DOCKER_HOST
      set DOCKER_CONTEXT builder
      project e2e-sts-019-abc
      project e2e-media-019-abc
      project e2e-sts-019-abc

      """
    let entry = try #require(LeftBehind.Entry(file: "/left/0123", text: text))
    #expect(entry.command == "DOCKER_CONTEXT=builder docker")
    #expect(entry.projects == ["e2e-media-019-abc", "e2e-sts-019-abc"])
    for words in [
      "e2e-media-019-abc, e2e-sts-019-abc could not be removed when its run ended: the engine did not answer",
      "the next run on that engine removes it",
      "DOCKER_CONTEXT=builder docker ps -a --filter label=com.docker.compose.project=e2e-sts-019-abc",
      "if there will be no such engine any more: rm /left/0123",
    ] {
      #expect(entry.message.contains(words), "\(entry.message)")
    }
  }

  @Test("A file without a project says nothing", arguments: ["", "program docker\n", "rubbish", "project"])
  func nothing(text: String) {
    #expect(LeftBehind.Entry(file: "/left/k", text: text) == nil)
  }

  @Test("A folder of links, or of somebody else, is not read")
  func folder() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "left-\(UUID().uuidString)")
    let link = FileManager.default.temporaryDirectory.appending(path: "left-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer {
      try? FileManager.default.removeItem(at: folder)
      try? FileManager.default.removeItem(at: link)
    }
    try Data("program docker\nproject p\n".utf8).write(to: folder.appending(path: "default"))
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: folder)
    #expect(LeftBehind(folder: folder).entries().map(\.projects) == [["p"]])
    #expect(LeftBehind(folder: link).entries() == [])
    #expect(LeftBehind(folder: folder.appending(path: "nowhere")).entries() == [])
  }
}
