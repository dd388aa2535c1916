import ComposeTesting
import Foundation
import Subprocess
import Testing

/// `scripts/stacks.sh build`, with a docker that only writes down what it was asked.
@Suite("Which images are built", .kind(.programs))
struct StackScriptTests {
  /// The folders that `build` was called for: each project's name, or that and a service's.
  private func built(stack: String?, tags: String = "", prepare: (URL) throws -> Void = { _ in }) async throws
    -> [String]
  {
    let folder = FileManager.default.temporaryDirectory.appending(path: "stacks-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try prepare(folder)
    let (docker, log) = (folder.appending(path: "docker"), folder.appending(path: "asked"))
    try "#!/bin/sh\necho \"$*\" >>\"$ASKED\"\n".write(to: docker, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: docker.path)
    let path = folder.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    let file = stack.map { $0.replacing("{folder}", with: folder.path) }
    let result = try await run(
      .path("/bin/bash"), arguments: ["scripts/stacks.sh", "build"],
      environment: .inherit.updating([
        "PATH": path, "ASKED": log.path, "E2E_STACK": file ?? "", "E2E_TAGS": tags, "MEDIA_SERVER": "",
        "STS_PROVIDERS": "",
        "MEDIAMTX_BINARY": "",
      ]), input: .none, output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
    try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
    let asked = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    return asked.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }.filter {
      $0.contains("build")
    }.map {
      ([$0[2]] + $0.drop { $0 != "--quiet" }.dropFirst()).joined(separator: " ")
    }.sorted()
  }

  private static let own = ["e2e-media-019", "e2e-sts-019"]
  private static let second = ["e2e-media-019 mediamtx", "second-media", "second-sts"]

  @Test(
    "Of services of one's own none, wherever their description lies",
    arguments: ["stack.json", "second/stack.json", "compose/stack.json"])
  func ones(_ file: String) async throws {
    let found = try await built(stack: "{folder}/" + file) { folder in
      let place = folder.appending(path: file)
      try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: place)
    }
    #expect(found == [])
    #expect(try await built(stack: "nowhere/second/stack.json") == [])
  }

  @Test("Of this package's own pair what is selected: without E2E_STACK, by its file, and the second pair by its")
  func packages() async throws {
    let root = FileManager.default.currentDirectoryPath
    #expect(try await built(stack: nil) == (Self.own + Self.second).sorted())
    #expect(try await built(stack: nil, tags: "smoke") == Self.own)
    for file in ["compose/stack.json", "./compose/stack.json", root + "/compose/stack.json"] {
      #expect(try await built(stack: file) == Self.own, "\(file)")
    }
    for file in ["compose/second/stack.json", root + "/compose/second/stack.json"] {
      #expect(try await built(stack: file) == Self.second, "\(file)")
    }
  }
}
