import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("What errors advise, as values", .kind(.logic))
struct AdviceTests {
  @Test("make setup is for this package's own checkout; somebody else's Makefile has no such target")
  func setup() throws {
    let root = FileManager.default.temporaryDirectory.appending(
      path: "advice in blanks-\(UInt64.random(in: 0..<UInt64.max))")
    let inside = root.appending(path: "Tests/Deep and wide")
    try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: root) }
    func write(_ name: String, _ text: String) throws {
      try text.write(to: root.appending(path: name), atomically: true, encoding: .utf8)
    }
    func advice() -> String { SetupAdvice.or("install it", in: inside.path(percentEncoded: false)) }
    #expect(advice() == "install it")
    try write("Makefile", "setup:\n\techo theirs\n")
    #expect(advice() == "install it")
    try write("Package.swift", "let package = Package(\n  name: \"their-app\",\n")
    #expect(advice() == "install it")
    try write("Package.swift", "let package = Package(\n  name: \"swift-dubbing-e2e\",\n")
    #expect(advice() == "run make setup, or install it")
    try FileManager.default.removeItem(at: root.appending(path: "Makefile"))
    #expect(advice() == "install it")
  }

  @Test(
    "A port that is not published: what to do depends on the container's network",
    arguments: [
      ("host", "connect to 127.0.0.1:80"), ("none", "nothing can reach it"),
      ("container:abc", "network of another container"), ("shop_default", "add the port to `ports`"),
    ])
  func port(_ mode: String, _ advice: String) throws {
    let record = try ContainerRecord.decode(#"[{"Id": "a", "HostConfig": {"NetworkMode": "\#(mode)"}}]"#)
    #expect(record[0].portAdvice(port: 80, engineHost: "127.0.0.1").contains(advice))
  }
}
