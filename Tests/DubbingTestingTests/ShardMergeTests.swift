import ComposeTesting
import DubbingTesting
import Foundation
import Testing

@Suite("Reports of shards put together", .kind(.logic))
struct ShardMergeTests {
  /// Shard n of three; of the six cases, two are each shard's.
  static func shard(_ index: Int, of count: Int = 3) -> RunReport {
    var report = RunReport(started: Date(timeIntervalSince1970: Double(1000 - index)))
    report.totalS = Double(100 * index)
    report.publishingS = Double(60 * index)
    report.envReadyS = Double(10 - index)
    report.versions = RunVersions(
      engine: "20.10", compose: "docker compose 2.26", ffmpeg: "5.1", swift: "6.3", os: "os of \(index)", cores: index)
    var stream = RunReport.Stream(DubbingVerdict(HealthyRun.evidence), test: "test of \(index)")
    stream.stream = "s\(index)"
    stream.recording = "streams/s\(index)/output.flv"
    report.streams = [stream]
    report.faults = [.init(fault: "fault \(index)", caughtBy: [], expected: [], message: "", ok: true)]
    report.environments = [
      .init(media: "m\(index)", sts: "t\(index)", readyS: 1, services: [], logs: ["logs/m\(index).log"])
    ]
    report.measurements = ["of all (s)": Double(index), "of \(index) (s)": 1]
    report.shards = .init(reported: [index], count: count, gaps: [])
    report.cases = (0..<6).map { number in
      let owner = number % 3 + 1
      return RunReport.Case(
        test: "E2E.E2E/Suite/test\(number / 3)(_:)", arguments: "case \(number)", shard: owner,
        outcome: owner == index ? .passed : .notRun, durationS: owner == index ? 1.5 : nil)
    }
    return report
  }

  static func part(_ report: RunReport, _ name: String) -> ShardMerge.Part {
    ShardMerge.Part(name: name, report: report, prefix: "../\(name)/")
  }

  static func parts(_ indices: Int...) -> [ShardMerge.Part] { indices.map { part(shard($0), "folder \($0)") } }

  @Test("All shards, in any order, are the one run")
  func whole() throws {
    let merged = try ShardMerge(Self.parts(2, 3, 1)).report
    #expect(merged.shards == .init(reported: [1, 2, 3], count: 3, gaps: []))
    #expect(merged.cases?.count == 6 && merged.cases?.allSatisfy { $0.outcome == .passed } == true)
    #expect(Set(merged.streams.map(\.stream)) == ["s1", "s2", "s3"])
    #expect(merged.streams.first?.recording == "../folder 2/streams/s2/output.flv")
    #expect(merged.environments.first?.logs == ["../folder 2/logs/m2.log"])
    #expect(merged.faults.count == 3)
    #expect([merged.totalS, merged.publishingS, merged.envReadyS] == [300, 180, 9], "as long as its longest part")
    #expect(merged.started == Date(timeIntervalSince1970: 997))
    #expect(
      merged.measurements == [
        "of all (s)": 2, "of all (s), folder 3": 3, "of all (s), folder 1": 1, "of 1 (s)": 1, "of 2 (s)": 1,
        "of 3 (s)": 1,
      ])
    #expect(!merged.isRed)
    #expect(merged.summary().hasPrefix("✔ 3 of 3 streams as expected; 3 of 3 faults led to their diagnosis; "))
    #expect(merged.summary().contains("shards 1, 2, 3 of 3: 6 of 6 cases, 0 failed"))
  }

  @Test("A merged report can be merged with the shard that was late")
  func late() throws {
    let first = try ShardMerge(Self.parts(1, 2)).report
    let merged = try ShardMerge([Self.part(first, "first"), Self.part(Self.shard(3), "late")]).report
    #expect(merged.shards == .init(reported: [1, 2, 3], count: 3, gaps: []) && !merged.isRed)
  }

  @Test("A shard that is missing is named with what it had to run, in text, page, JSON and JUnit, and is red")
  func missing() throws {
    let merged = try ShardMerge(Self.parts(1, 3)).report
    let gap =
      "shard 2 of 3 is missing: no result of 2 cases: E2E.E2E/Suite/test0(_:): case 1; E2E.E2E/Suite/test1(_:): case 4"
    #expect(merged.shards?.gaps == [gap])
    #expect(merged.isRed)
    #expect(merged.summary().hasPrefix("✘ ") && merged.summary().contains(gap))
    let page = RunPage(report: merged, sounds: merged.streams.map { _ in StreamSound() }).html
    #expect(page.contains("shard 2 of 3 is missing") && page.contains("shards 1, 3 of 3"))
    #expect(!page.contains("Everything so far is as expected"))
    let xml = JUnitReport(merged).xml
    #expect(xml.contains(#"<testcase classname="shards" name="shard 2"><error message="its report is missing"/>"#))
    let reread = try JSONDecoder.report.decode(RunReport.self, from: merged.json())
    #expect(reread.shards == merged.shards && reread.cases == merged.cases)
  }

  @Test("A shard that has no case by what the others know is missing all the same")
  func missingEmpty() throws {
    var one = Self.shard(1)
    one.cases = one.cases?.filter { $0.shard == 1 }
    let merged = try ShardMerge([Self.part(one, "one")]).report
    #expect(
      merged.shards?.gaps.map { $0.prefix(23) } == ["shard 2 of 3 is missing", "shard 3 of 3 is missing"]
        && merged.isRed)
  }

  @Test("A shard that ended before its last case was cut off, and is red")
  func cutOff() throws {
    var half = Self.shard(2)
    for index in half.cases?.indices ?? 0..<0 where half.cases?[index].arguments == "case 4" {
      half.cases?[index].outcome = .notRun
    }
    let merged = try ShardMerge([Self.part(half, "half")] + Self.parts(1, 3)).report
    #expect(
      merged.shards?.gaps == ["shard 2 of 3 was cut off: no result of 1 cases: E2E.E2E/Suite/test1(_:): case 4"])
    #expect(merged.isRed)
  }

  @Test("One red case, stream or fault in one shard, or what is in no case, makes the whole red wherever that is said")
  func red() throws {
    for kind in 0..<4 {
      var shard = Self.shard(2)
      switch kind {
      case 0:
        let own = try #require(shard.cases?.firstIndex { $0.shard == 2 })
        shard.cases?[own].outcome = .failed
      case 1: shard.streams[0].passed = false
      case 2: shard.faults[0].ok = false
      default: shard.elsewhere = ["the network could not be removed"]
      }
      let merged = try ShardMerge(Self.parts(1, 3) + [Self.part(shard, "red")]).report
      #expect(merged.isRed && merged.problems.count == 1, "\(kind)")
      #expect(merged.summary().hasPrefix("✘ "), "\(kind)")
      let page = RunPage(report: merged, sounds: merged.streams.map { _ in StreamSound() }).html
      #expect(page.contains("<title>✘ 1 not as expected") && !page.contains("Everything so far"), "\(kind)")
      #expect(RunHistory([merged]).runs.map(\.unexpected) == [1], "\(kind)")
      if kind == 3 { #expect(JUnitReport(merged).xml.contains("red: the network could not be removed")) }
    }
  }

  /// What is put together, and words of the message.
  static let wrong: [(String, @Sendable () -> [ShardMerge.Part], [String])] = [
    ("nothing", { [] }, ["no report to merge"]),
    (
      "a whole run",
      {
        var whole = shard(1)
        whole.shards = nil
        return parts(2) + [part(whole, "whole")]
      }, ["whole is the report of a whole run", "E2E_SHARD"]
    ),
    ("the same shard twice", { parts(1) + [part(shard(1), "again")] }, ["folder 1 and again are both shard 1 of 3"]),
    (
      "another number of shards", { parts(1) + [part(shard(2, of: 4), "four")] }, ["folder 1 is of 3 shards, four of 4"]
    ),
    ("a shard out of range", { [part(shard(7), "seven")] }, ["seven says that it is shard 7 of 3"]),
    ("shard 0", { [part(shard(0), "zero")] }, ["zero says that it is shard 0 of 3"]),
    ("of no shards", { [part(shard(1, of: 0), "none")] }, ["none says that it is shard 1 of 0"]),
    (
      "the same case twice",
      {
        var two = shard(2)
        two.cases?[0].outcome = .passed
        return parts(1) + [part(two, "two")]
      }, ["'E2E.E2E/Suite/test0(_:): case 0' was run in folder 1 and in two", "E2E_SHARD_BY"]
    ),
    (
      "another split",
      {
        var two = shard(2)
        two.cases?[2].shard = 1
        return parts(1) + [part(two, "two")]
      }, ["case 2' is left to shard 3 by folder 1 and to 1 by two"]
    ),
    (
      "other versions",
      {
        var two = shard(2)
        two.versions?.engine = "28.2"
        return parts(1) + [part(two, "two")]
      }, ["folder 1 ran with docker engine 20.10, two with 28.2", "--mixed-versions"]
    ),
  ]

  @Test("What is not parts of one run is refused in a sentence", arguments: wrong.indices)
  func refused(_ index: Int) throws {
    let (name, parts, words) = Self.wrong[index]
    let error = #expect(throws: ShardError.self, "\(name)") { try ShardMerge(parts()) }
    let text = try #require(error).description
    for word in words { #expect(text.contains(word), "\(name): \(text)") }
    #expect(!text.contains("\n"))
  }

  @Test("Versions may be mixed when that is wanted; machines may differ anyway")
  func mixed() throws {
    var two = Self.shard(2)
    two.versions?.engine = "28.2"
    #expect(throws: Never.self) { try ShardMerge(Self.parts(1, 3) + [Self.part(two, "two")], mixingVersions: true) }
  }
}

extension JSONDecoder {
  /// As ``RunReport/init(contentsOf:)`` reads.
  fileprivate static var report: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }
}
