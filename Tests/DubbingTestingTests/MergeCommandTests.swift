import ComposeTesting
import DubbingTesting
import Foundation
import Subprocess
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("dubbing-report merge", .kind(.programs), .inTurn)
struct MergeCommandTests {
  /// A folder with what three shards have left.
  private struct Runs {
    var folder = FileManager.default.temporaryDirectory.appending(path: "shards-\(UUID().uuidString)")

    init(_ shards: [Int], change: (Int, inout RunReport) -> Void = { _, _ in }) throws {
      for index in shards {
        var report = ShardMergeTests.shard(index)
        change(index, &report)
        let shard = folder.appending(path: "shard-\(index)")
        try FileManager.default.createDirectory(at: shard, withIntermediateDirectories: true)
        try report.json().write(to: shard.appending(path: "report.json"))
        try Data("✔ Test run with 2 tests passed after 1 second.\n".utf8).write(to: shard.appending(path: "test.log"))
      }
    }

    func file(_ path: String) -> URL { folder.appending(path: path) }
    func text(_ path: String) throws -> String { try String(contentsOf: file(path), encoding: .utf8) }
    func remove() { try? FileManager.default.removeItem(at: folder) }

    /// Merges everything that is in the folder, or these.
    func merge(_ paths: [String]? = nil, _ options: String...) async throws -> (exitCode: Int, output: String) {
      let command = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "dubbing-report").path
      try #require(FileManager.default.isExecutableFile(atPath: command), "there is no \(command)")
      let reports = paths.map { $0.map { file($0).path } } ?? [folder.path]
      let result = try await run(
        .path(.init(command)), arguments: Arguments(["merge"] + reports + ["--output", file("merged").path] + options),
        input: .none, output: .string(limit: 1 << 20), error: .combinedWithOutput)
      guard case .exited(let code) = result.terminationStatus else { return (-1, result.standardOutput) }
      return (Int(code), result.standardOutput)
    }
  }

  /// What a reader of JUnit XML counts.
  private final class Counter: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var names: [String] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements[name, default: 0] += 1
      if name == "testcase" { names.append("\(attributes["classname"] ?? "?") \(attributes["name"] ?? "?")") }
    }

    init(_ xml: String) {
      super.init()
      let parser = XMLParser(data: Data(xml.utf8))
      parser.delegate = self
      let isWhole = parser.parse()
      #expect(isWhole, "\(String(describing: parser.parserError)): \(xml)")
    }
  }

  @Test("Green shards are one page, one JSON, one JUnit file and exit code 0, and may be merged again")
  func green() async throws {
    let runs = try Runs([1, 2, 3])
    defer { runs.remove() }
    for _ in 0..<2 {
      let (code, output) = try await runs.merge()
      #expect(code == 0, "\(output)")
      #expect(output.contains("shards 1, 2, 3 of 3: 6 of 6 cases, 0 failed"), "\(output)")
    }
    let json = try await runs.merge(nil, "--json")
    let written = try runs.text("merged/report.json") + "\n"
    #expect(json.exitCode == 0 && json.output == written)
    let report = try RunReport(contentsOf: runs.file("merged/report.json"))
    #expect(report.streams.map(\.recording) == (1...3).map { "../shard-\($0)/streams/s\($0)/output.flv" })
    let page = try runs.text("merged/index.html")
    #expect(page.contains("shards 1, 2, 3 of 3") && page.contains("Everything so far is as expected"))
    let counter = Counter(try runs.text("merged/junit.xml"))
    #expect(counter.elements == ["testsuites": 1, "testsuite": 1, "testcase": 6])
    #expect(counter.names.contains("E2E.E2E/Suite test0(_:): case 0"))
  }

  @Test("A shard that is missing is named in text, page and JUnit, and the exit code is 1")
  func missing() async throws {
    let runs = try Runs([1, 3])
    defer { runs.remove() }
    let (code, output) = try await runs.merge()
    #expect(code == 1 && output.contains("✘ shard 2 of 3 is missing: no result of 2 cases: "), "\(output)")
    #expect(try runs.text("merged/index.html").contains("shard 2 of 3 is missing"))
    let counter = Counter(try runs.text("merged/junit.xml"))
    #expect(counter.elements == ["testsuites": 1, "testsuite": 2, "testcase": 7, "error": 3])
  }

  @Test("A failed case is exit code 1 and a failure of JUnit, whatever its message has in it")
  func failed() async throws {
    let runs = try Runs([1, 2, 3]) { index, report in
      guard index == 2, let own = report.cases?.firstIndex(where: { $0.shard == 2 }) else { return }
      report.cases?[own].outcome = .failed
      report.cases?[own].issues = ["\u{1B}[31m\"a\" < 'b' & ]]> \u{0}\u{FFFE} é", "second"]
    }
    defer { runs.remove() }
    let (code, output) = try await runs.merge()
    #expect(code == 1 && output.hasPrefix("e2e: ✘ ") && output.contains("6 of 6 cases, 1 failed"), "\(output)")
    let counter = Counter(try runs.text("merged/junit.xml"))
    #expect(counter.elements == ["testsuites": 1, "testsuite": 1, "testcase": 6, "failure": 1])
  }

  @Test("A run that was red outside of its cases is exit code 1 and named")
  func redOutside() async throws {
    let runs = try Runs([1, 2, 3])
    defer { runs.remove() }
    let log =
      "✘ Suite E2E recorded an issue: the network could not be removed\n✘ Test run with 2 tests failed after 1 second.\n"
    try Data(log.utf8).write(to: runs.file("shard-2/test.log"))
    let (code, output) = try await runs.merge()
    #expect(code == 1 && output.hasPrefix("e2e: ✘ "), "\(output)")
    #expect(
      output.contains("shard-2/report.json: Suite E2E recorded an issue: the network could not be removed"), "\(output)"
    )
    #expect(Counter(try runs.text("merged/junit.xml")).elements["error"] == 1)
  }

  @Test("A report that is cut off, empty or from elsewhere is a sentence that names it")
  func unreadable() async throws {
    let runs = try Runs([1, 2])
    defer { runs.remove() }
    let whole = try Data(contentsOf: runs.file("shard-2/report.json"))
    let cases: [(Data, String)] = [
      (whole.prefix(whole.count / 2), "is no JSON, or was cut off after \(whole.count / 2) bytes"),
      (Data(), "is no JSON, or was cut off after 0 bytes"), (Data("{}".utf8), "cannot be read as a report"),
    ]
    for (data, words) in cases {
      let file = runs.file("shard-2/report.json")
      try data.write(to: file)
      let (code, output) = try await runs.merge(["shard-1", "shard-2"])
      #expect(code != 0 && output.contains(words) && output.contains("shard-2/report.json"), "\(output)")
      #expect(!FileManager.default.fileExists(atPath: runs.file("merged").path), "nothing is written")
    }
    let (code, output) = try await runs.merge(["nowhere"])
    #expect(code != 0 && output.contains("nowhere"), "\(output)")
    // A shard that died before it wrote anything is missing.
    try FileManager.default.removeItem(at: runs.file("shard-2/report.json"))
    let (other, said) = try await runs.merge(["shard-1", "shard-2"])
    #expect(other == 1 && said.contains("shard 2 of 3 is missing"), "\(said)")
  }

  @Test("The same shard twice is refused by name, and nothing is written")
  func twice() async throws {
    let runs = try Runs([1, 2])
    defer { runs.remove() }
    let (code, output) = try await runs.merge(["shard-1", "shard-2", "shard-1"])
    #expect(code != 0 && output.contains("are both shard 1 of 3"), "\(output)")
    #expect(!FileManager.default.fileExists(atPath: runs.file("merged").path))
  }

  @Test("Other versions are merged with --mixed-versions only")
  func versions() async throws {
    let runs = try Runs([1, 2, 3]) { index, report in if index == 3 { report.versions?.compose = "docker-compose 1.29" }
    }
    defer { runs.remove() }
    let (code, output) = try await runs.merge()
    #expect(code != 0 && output.contains("compose docker compose 2.26") && output.contains("1.29"), "\(output)")
    #expect(try await runs.merge(nil, "--mixed-versions").exitCode == 0)
  }
}
