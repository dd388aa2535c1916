import ComposeTesting
import Foundation
import Testing

/// Each shard is a process of its own, as on a runner of its own: what is hashed has another order in each.
@Suite("Suites that are split among processes", .kind(.programs), .inTurn)
struct ShardsTests {
  /// Every case of ``ShardSample`` that is to run, as it prints itself.
  static let cases =
    (1...7).map { "number \($0)" } + ["a red", "a green", "b red", "b green"].map { "pair \($0)" }
    + ["alone", "twice 1", "twice 1", "twice 2", "last", "nested 1", "nested 2", "nested 3"]

  private struct ShardRun {
    var run: SampleRun
    /// What ran, sorted.
    var cases: [String]
    var line: String?

    init(_ shard: String, _ variables: [String: String] = [:], of suite: String = "ShardSample") async throws {
      var environment = ["E2E_SHARD": shard, "E2E_SHARD_BY": ""]
      environment.merge(variables) { $1 }
      run = try await SampleRun.run(suite, environment: environment)
      let lines = run.output.split(separator: "\n").map(String.init)
      cases = lines.filter { $0.hasPrefix("SAMPLE ran ") }.map { String($0.dropFirst("SAMPLE ran ".count)) }.sorted()
      line = lines.filter { $0.hasPrefix("e2e: shard") }.joined(separator: "\n")
    }

    static func all(of count: Int, _ variables: [String: String] = [:]) async throws -> [ShardRun] {
      try await withThrowingTaskGroup(of: (Int, ShardRun).self) { group in
        for index in 1...count { group.addTask { (index, try await ShardRun("\(index)/\(count)", variables)) } }
        var runs: [Int: ShardRun] = [:]
        for try await (index, run) in group { runs[index] = run }
        return runs.sorted { $0.key < $1.key }.map(\.value)
      }
    }
  }

  @Test("Each case runs in exactly one process, and each says what it leaves out", arguments: [1, 2, 3, 5])
  func exactlyOne(_ count: Int) async throws {
    let shards = try await ShardRun.all(of: count)
    #expect(shards.flatMap(\.cases).sorted() == Self.cases.sorted())
    for (index, shard) in shards.enumerated() {
      #expect(shard.run.exitCode == 0, "\(shard.run.output)")
      // Those with the same arguments are one.
      let (own, all) = (Set(shard.cases).count, Set(Self.cases).count)
      #expect(
        shard.line
          == "e2e: shard \(index + 1)/\(count) of 'ShardSample': \(own) of \(all) cases here, \(all - own) left to the others, evenly"
      )
      for test in ["alone()", "last()"] where !shard.cases.contains(String(test.dropLast(2))) {
        #expect(!shard.run.output.contains("Test \(test) passed"), "what was not run is not passed")
      }
    }
    if count > 1 {
      let split = shards.filter { shard in shard.cases.contains { $0.hasPrefix("number") } }
      #expect(split.count == count, "cases are split, not tests")
    }
  }

  @Test("Tests that are not selected, or are disabled, take no place in a shard")
  func selection() async throws {
    for (shard, cases) in [("1/2", ["a1", "a5"]), ("2/2", ["a3", "a7"])] {
      let run = try await ShardRun(shard, ["SAMPLE_TAGS": "smoke"], of: "ChosenSample")
      #expect(run.cases == cases && run.run.exitCode == 0, "\(run.run.output)")
    }
  }

  @Test("With durations of an earlier run the longest case is alone with what is as short as it is long")
  func byDurations() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "earlier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // As a report has it: every case 1 s, the last number 1,000 s.
    let first = try await SampleRun.run("ShardSample", environment: ["E2E_SHARD": "1/1", "SAMPLE_NAMES": "1"])
    let names = first.output.split(separator: "\n").compactMap { line -> [String]? in
      guard line.hasPrefix("SAMPLE named ") else { return nil }
      return line.dropFirst("SAMPLE named ".count).components(separatedBy: "|")
    }
    #expect(names.count == Self.cases.count, "\(first.output)")
    let cases = names.map { name -> [String: Any] in
      let seconds = name == ["ComposeTestingTests.ShardSample/numbers(_:)", "7"] ? 1000.0 : 1
      return ["test": name[0], "duration_s": seconds].merging(name[1].isEmpty ? [:] : ["arguments": name[1]]) { $1 }
    }
    let report = folder.appending(path: "report.json")
    try JSONSerialization.data(withJSONObject: ["cases": cases]).write(to: report)
    let shards = try await ShardRun.all(of: 2, ["E2E_SHARD_BY": folder.path])
    #expect(shards[0].cases == ["number 7"])
    #expect((shards[0].cases + shards[1].cases).sorted() == Self.cases.sorted())
    #expect(shards.allSatisfy { $0.line?.hasSuffix("by the durations in \(report.path)") == true }, "\(shards)")
  }

  @Test("A shard without a case says so, starts nothing and does not fail")
  func empty() async throws {
    let shard = try await ShardRun("40/40")
    #expect(shard.cases == [] && shard.run.exitCode == 0, "\(shard.run.output)")
    let line = try #require(shard.line)
    #expect(line.hasPrefix("e2e: shard 40/40 of 'ShardSample' has no case: all 18 are left to shards 1, "), "\(line)")
    #expect(!shard.run.output.contains("SAMPLE starts"))
    for test in ["alone()", "numbers(_:)", "pairs(_:_:)", "last()"] {
      #expect(!shard.run.output.contains("Test \(test) passed"), "what was not run is not passed: \(shard.run.output)")
    }
  }

  @Test("Without E2E_SHARD everything runs, whatever a scheduler says, and nothing is said of shards")
  func implicit() async throws {
    let run = try await ShardRun("", ["CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"])
    #expect(run.cases == Self.cases.sorted() && run.run.exitCode == 0)
    #expect(run.line == "")
    let asked = try await ShardRun("auto", ["CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"])
    #expect(asked.line?.hasPrefix("e2e: shard 2/5 ") == true)
  }

  @Test("Settings that are wrong are one failure, and nothing runs")
  func wrong() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID().uuidString).json")
    try Data(#"{"cases": [{"test": "a", "dura"#.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let cases: [(String, [String: String], String)] = [
      ("7/5", [:], "E2E_SHARD=7/5 is shard 7 of 5"),
      ("auto", ["CI_NODE_INDEX": "", "CI_NODE_TOTAL": ""], "no scheduler"),
      ("1/2", ["E2E_SHARD_BY": file.path], "was cut off (30 bytes)"),
    ]
    for (shard, variables, words) in cases {
      let run = try await ShardRun(shard, variables)
      #expect(run.cases == [] && run.run.exitCode != 0, "\(run.run.output)")
      let said = run.run.output.split(separator: "\n").filter { $0.contains(words) }
      #expect(said.count == 1, "\(run.run.output)")
    }
  }

  @Test("An earlier report that is not there yet splits evenly, and is named")
  func firstRun() async throws {
    let run = try await ShardRun("1/2", ["E2E_SHARD_BY": "none/report.json"])
    #expect(run.run.exitCode == 0)
    #expect(run.line?.contains("evenly: there is no ") == true && run.line?.contains("none/report.json") == true)
  }

  @Test("How a case went is told: passed, failed by an issue or an error, or cancelled by itself")
  func outcomes() async throws {
    let run = try await SampleRun.run("CaseSample", environment: ["E2E_SHARD": ""])
    let told = run.output.split(separator: "\n").filter { $0.hasPrefix("SAMPLE case ") }.map { $0.dropFirst(12) }
      .sorted()
    #expect(
      told == [
        "cancelled cancels() []", "failed fails() [StrangeError]", "failed records() [as it should]",
        "failed requires() [as it should]", "passed passes() []",
      ], "\(run.output)")
  }

  @Test("What a case waits for a place or for its environment is not counted as its work")
  func waiting() async throws {
    let (clock, start) = (ContinuousClock(), ContinuousClock.now)
    let watched = CaseClock()
    try await CaseClock.$current.withValue(watched) {
      try await CaseClock.waiting { try await Task.sleep(for: .milliseconds(40)) }
    }
    let worked = watched.worked
    #expect(worked <= start.duration(to: clock.now) - .milliseconds(40))
  }
}
