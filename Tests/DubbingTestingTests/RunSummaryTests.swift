import DubbingTesting
import Foundation
import Testing

@Suite("The end of a run", .kind(.logic))
struct RunSummaryTests {
  /// The second stream of the sample is late, and nothing was broken on purpose.
  private static func report(starved: Bool = false, repeated: Bool = false) -> RunReport {
    var report = ReportSample.whole
    report.streams[1].fault = nil
    if starved { report.streams[1].starvation = Starvation(watchedS: 14, lateS: 5, longestLateS: 2, tasksLateS: 0) }
    if repeated { report.streams[1].repeatedAs = "t_again" }
    return report
  }

  @Test("A run that was as expected is one line")
  func green() {
    #expect(
      ReportSample.whole.summary()
        == "✔ 2 of 2 streams as expected; 1 of 1 faults led to their diagnosis; 40 s, the slowest environment ready after 3.5 s"
    )
  }

  @Test("What was not as expected is named, with the reason and where to look")
  func red() throws {
    let lines = Self.report().summary().split(separator: "\n")
    #expect(lines[0].hasPrefix("✘ 1 of 2 streams as expected"))
    for part in ["✘ pair in ‘a <b> & \"c\"’: deadline: ", "red too: a/v sync"] {
      #expect(lines[1].contains(part), "\(lines[1])")
    }
    #expect(lines[2] == "      look at streams/t/ and #stream-t of index.html")
    #expect(lines.count == 3)
  }

  @Test("A case that failed without a stream is told; one that failed for its stream is not told twice")
  func cases() {
    var report = Self.report()
    report.cases = [
      .init(test: "m.s/of the stream", outcome: .failed, issues: ["deadline: late"]),
      .init(test: "m.s/without", arguments: "a", outcome: .failed, issues: ["stream 'x': nobody\n  has   connected"]),
    ]
    report.streams[1].testCase = report.cases?[0].name
    let lines = report.summary().split(separator: "\n")
    #expect(lines.count == 4 && lines.last == "  ✘ m.s/without: a: stream 'x': nobody has connected", "\(lines)")
    #expect(report.problems.count == 2)
    // A stream that came out as it should explains no failure of its case.
    report.streams[1].passed = true
    #expect(report.problems.map(\.what) == ["m.s/of the stream", "m.s/without: a"])
  }

  @Test("A stream that is named twice is one that was not as expected")
  func namedTwice() throws {
    var report = ReportSample.whole
    var fault = try #require(report.faults.first)
    (fault.ok, fault.caughtBy) = (false, [])
    report.faults = [fault, fault]
    report.streams[1].fault = fault.fault
    #expect(report.summary().hasPrefix("✘ 1 of 2 streams as expected; 0 of 2 faults"), "\(report.summary())")
  }

  @Test("Of a shard, its own cases are counted, and how many there are in all")
  func shard() {
    var report = ReportSample.whole
    report.shards = .init(reported: [2], count: 5, gaps: [])
    report.cases = [
      .init(test: "m.s/a()", shard: 1, outcome: .notRun), .init(test: "m.s/b()", shard: 2, outcome: .passed),
      .init(test: "m.s/c()", shard: 2, outcome: .failed), .init(test: "m.s/d()", outcome: .notRun),
    ]
    #expect(report.summary().contains("; shard 2 of 5: 2 of 4 cases, 1 failed; "), "\(report.summary())")
  }

  @Test("Cases that failed for one reason, such as an environment that did not start, are told as one")
  func oneReason() throws {
    var report = RunReport(started: Date(timeIntervalSince1970: 0))
    let reason =
      "sts did not start: it exited with code 2\n  command   docker compose up\n  last log  sts-1 | no such model <x>"
    report.cases = (1...60).map {
      .init(test: "m.s/t\($0)()", shard: nil, outcome: .failed, durationS: 1, issues: [reason])
    }
    report.cases?.append(.init(test: "m.s/u()", shard: nil, outcome: .failed, durationS: 1, issues: ["another"]))
    #expect(
      report.summary().split(separator: "\n").dropFirst().map(String.init) == [
        "  ✘ m.s/t1() and 59 more: sts did not start: it exited with code 2 last log sts-1 | no such model <x>",
        "  ✘ m.s/u(): another",
      ])
    #expect(report.summary(most: 1).hasSuffix("… and 1 more: index.html has them all"))
    let html = RunPage(report: report, sounds: []).html
    let head = try #require(html.components(separatedBy: "</section>").first)
    #expect(head.components(separatedBy: "no such model &lt;x&gt;").count == 2, "the reason is there once")
    #expect(head.contains("m.s/t1() and 59 more, for one reason") && head.contains("<li>m.s/t60()</li>"))
    #expect(html.contains("<title>✘ 61 not as expected</title>"))
  }

  @Test("What only the test log knows makes the run red; what the report knows is not repeated")
  func log() {
    let log =
      "== shard ==\n✘ Suite \"E2E\" recorded an issue: left behind\n✘ Test run with 2 tests failed after 1 second.\n"
    var report = ReportSample.whole
    #expect(!report.isRed)
    report.note(log: "✔ Test run with 2 tests passed after 1 second.\n")
    #expect(!report.isRed)
    report.note(log: log)
    #expect(
      report.summary().hasPrefix("✘ ")
        && report.problems.map(\.what) == ["Suite \"E2E\" recorded an issue: left behind"])
    var silent = ReportSample.whole
    silent.note(log: "✘ Test run with 2 tests failed after 1 second.\n")
    #expect(silent.isRed && silent.problems[0].what.contains("test.log"))
    var red = Self.report()
    red.note(log: log)
    #expect(red.problems.count == 1 && red.elsewhere == nil)
  }

  @Test("That the machine was starved is said with the stream, and of the run")
  func starved() {
    let summary = Self.report(starved: true).summary()
    #expect(summary.contains("this machine was starved for 5 s of this stream's 14 s"))
    #expect(summary.hasSuffix("the machine was starved during 1 of 2 streams"))
  }

  @Test("A stream that was run again in its place is not held against the run, and never hidden")
  func repeated() {
    let lines = Self.report(starved: true, repeated: true).summary().split(separator: "\n")
    #expect(lines[0].hasPrefix("✔ 2 of 2 streams as expected"))
    #expect(lines[1] == "  run again alone, since the machine was starved: t")
  }

  @Test("Faults that were not caught are told with what was red, and of many only the first, and how many more")
  func faults() {
    var report = ReportSample.whole
    for number in 0..<7 {
      report.faults.append(
        .init(fault: "f\(number)", caughtBy: [], expected: ["a/v sync"], message: "", ok: false, outcome: .dubbed))
    }
    let lines = report.summary().split(separator: "\n")
    #expect(lines[0].contains("1 of 8 faults"))
    #expect(lines[1] == "  ✘ fault ‘f0’: red are none, expected were a/v sync")
    #expect(lines.last == "  … and 2 more: index.html has them all")
    #expect(lines.count == 7)
  }

  @Test("Colours only where they were asked for, and a long reason is cut")
  func colours() {
    var report = Self.report()
    report.streams[1].checks[0] = .init(
      name: "long", passed: false, state: .failed, detail: String(repeating: "x\n", count: 500))
    #expect(!report.summary().contains("\u{1B}"))
    #expect(report.summary(isColoured: true).contains("\u{1B}[31m✘\u{1B}[0m"))
    let lines = report.summary().split(separator: "\n")
    #expect(lines.count == 3 && lines[1].count < 360, "\(lines)")
  }
}

@Suite("Progress of a run", .kind(.logic))
struct RunProgressTests {
  private static var progress: RunProgress {
    var progress = RunProgress()
    for test in ["a", "b", "c"] { progress.expect(test) }
    // Of a, three cases.
    for _ in 0..<3 { progress.ask(of: "a") }
    progress.begin("counting (rtsp)", at: .seconds(10))
    progress.begin("music (rtmp)", at: .seconds(20))
    return progress
  }

  @Test("Every case that has asked for a stream counts, and each test that has not yet as one")
  func total() {
    #expect(Self.progress.line(at: .seconds(20)) == "e2e: 0 of 5 · now counting (rtsp), music (rtmp)")
  }

  @Test("What is left takes as long for each as what is done did, and what runs is half done")
  func left() {
    var progress = Self.progress
    progress.end("counting (rtsp)")
    progress.finish()
    #expect(progress.line(at: .seconds(40)) == "e2e: 1 of 5 · about 1 min 10 s left · now music (rtmp)")
    for _ in 0..<4 { progress.finish() }
    progress.end("music (rtmp)")
    #expect(progress.line(at: .seconds(60)) == "e2e: 5 of 5")
  }

  @Test("A line is no longer than the terminal is wide")
  func width() {
    #expect(Self.progress.line(at: .zero, width: 20) == "e2e: 0 of 5 · now c…")
    #expect(Self.progress.line(at: .zero, width: 200).count < 60)
  }
}
