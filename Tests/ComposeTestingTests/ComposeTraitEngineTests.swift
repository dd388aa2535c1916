import ComposeTesting
import Foundation
import Testing

/// Needs a docker engine, like every suite whose name ends in "EngineTests".
@Suite("The trait that gives a suite compose projects", .kind(.containers), .serialized)
struct ComposeTraitEngineTests {
  private func withFolder<R>(_ yaml: String, _ body: (URL) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "composetesting-\(UInt32.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(
      at: folder.appending(path: "attachments"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try yaml.write(to: folder.appending(path: "compose.yml"), atomically: true, encoding: .utf8)
    return try await body(folder)
  }

  private func run(_ filter: String, in folder: URL) async throws -> SampleRun {
    try await SampleRun.run(
      filter, environment: ["SAMPLE_COMPOSE_FILE": folder.appending(path: "compose.yml").path()],
      attachments: folder.appending(path: "attachments").path())
  }

  @Test("Tests share one start, a failing test has the logs attached, and the projects are down at the end")
  func shared() async throws {
    let yaml =
      "services: {web: {image: \"e2e-base:bookworm\", command: [sh, -c, \"echo hello from web; exec sleep 600\"]}}\n"
    try await withFolder(yaml) { folder in
      let run = try await run("ComposeTestingTests.ComposeSample", in: folder)
      #expect(run.exitCode != 0)
      let names = Set(
        run.output.split(separator: "\n").filter { $0.contains("SAMPLE uses ") }.compactMap {
          $0.split(separator: " ").last
        })
      #expect(names.count == 1, "\(run.output)")
      let lines = run.output.split(separator: "\n")
      #expect(lines.contains { $0.contains("Test usesIt()") && $0.contains("passed") }, "\(run.output)")
      #expect(lines.contains { $0.contains("Test usesItToo()") && $0.contains("passed") }, "\(run.output)")
      #expect(lines.contains { $0.contains("Test fails()") && $0.contains("failed") }, "\(run.output)")
      #expect(run.output.contains(" removed "), "\(run.output)")

      let attachments = folder.appending(path: "attachments")
      let files = try FileManager.default.contentsOfDirectory(atPath: attachments.path())
      #expect(files.count == 1, "\(files)")
      let log = try String(contentsOf: attachments.appending(path: try #require(files.first)), encoding: .utf8)
      #expect(log.contains("hello from web"))
    }
  }

  @Test("A start that fails is told in full once, and the other tests point to it")
  func startFails() async throws {
    // With a health check, because on a busy machine a shell may need longer for this than it takes a service without one to settle.
    let yaml =
      "services: {web: {image: \"e2e-base:bookworm\", command: [sh, -c, \"echo no model; exit 3\"], "
      + "healthcheck: {test: [CMD, \"false\"], interval: 60s}}}\n"
    try await withFolder(yaml) { folder in
      let run = try await run("ComposeTestingTests.ComposeSample", in: folder)
      #expect(run.exitCode != 0)
      #expect(run.output.contains("exited with code 3"), "\(run.output)")
      #expect(run.output.contains("web-1 | no model"), "\(run.output)")
      #expect(run.output.components(separatedBy: "see the first failure of this run").count == 3, "\(run.output)")
    }
  }

  @Test("A suite inside another one has its own projects, and the outer one keeps its own")
  func nested() async throws {
    try await withFolder("services: {web: {image: \"e2e-base:bookworm\", command: [sleep, \"600\"]}}\n") { folder in
      let run = try await run("NestedComposeSample", in: folder)
      #expect(run.exitCode == 0, "\(run.output)")
      for line in ["outer is cto, nested: false", "inner is cti, nested: true", "innermost is cti, nested: true"] {
        #expect(run.output.contains("SAMPLE \(line)"), "\(run.output)")
      }
    }
  }

  @Test("A suite whose tests ask for nothing starts nothing")
  func unused() async throws {
    try await withFolder("services: {}\n") { folder in
      let run = try await run("UnusedComposeSample", in: folder)
      #expect(run.exitCode == 0, "\(run.output)")
    }
  }
}
