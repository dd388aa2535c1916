import ComposeTesting
import Foundation
import Testing

// What a stream has left, part by part, is made here by synthesized initialisers.
@testable import DubbingTesting

// Internal: what the page is made of has no public name.
@Suite("What the page says beyond the report", .kind(.programs))
struct PageEvidenceTests {
  private static let sound = Data(repeating: 1, count: 3000).base64EncodedString()

  private static let record = """
    {"time":"2026-11-28T02:23:01.500Z","connection":1,"namespace":"/","kind":"event","direction":"toServer","event":"fragment:data","faults":[],"attachments":[],\
    "payload":[{"stream_id":"s","sequence_number":1,"audio":{"sample_rate_hz":8000,"channels":2,"data_base64":"\(sound)"}}]}
    not a line of it
    {"time":"2026-11-28T02:23:02.250Z","connection":1,"namespace":"/","kind":"event","direction":"toClient","event":"segment.dubbed","faults":["late"],"attachments":["\(sound)"],\
    "payload":[{"id":"live.long-name.1","status":"failed","retryable":true,"took":1.5}]}
    {"time":"2026-11-28T02:23:03.000Z","connection":1,"namespace":"/","kind":"disconnect","direction":"toClient","faults":[],"attachments":[],"payload":"transport close"}
    """

  @Test("A tap's lines are read whatever the services call their events and fields")
  func tapLines() throws {
    let lines = TapLine.lines(of: Self.record)
    #expect(lines.map(\.name) == ["fragment:data", "segment.dubbed", "(disconnect)"])
    #expect(lines.map(\.isFromWorker) == [true, false, false])
    #expect(lines.map(\.sequence) == [1, 1, nil])
    #expect(lines[0].sound == TapLine.Sound(bytes: Data(repeating: 1, count: 3000), sampleRate: 8000, channels: 2))
    #expect(lines[1].sound?.bytes.count == 3000 && lines[1].status == "failed" && lines[1].faults == ["late"])
    #expect(lines.map(\.said).dropFirst() == ["retryable true, status failed, took 1.5", "transport close"])
    #expect(lines[1].date.timeIntervalSince(lines[0].date) == 0.75)
  }

  @Test(
    "Samples and media files are told apart",
    arguments: ["\0\0\0\u{1C}ftypisom", "OggS\0\0\0\0", "RIFF\0\0\0\0", "ID3\0\0\0\0\0"])
  func files(start: String) {
    #expect(TapLine.Sound(bytes: Data(start.utf8)).isFile)
    #expect(!TapLine.Sound(bytes: Data(repeating: 0, count: 16)).isFile)
  }

  private static let log = """
    worker-1 | 2026-11-28T02:23:02.100000001Z INFO session: [s] fragment 1
    worker-1 | 2026-11-28T02:23:02.200000001Z INFO session: [s] fragment 2
    worker-1 | 2026-11-28T02:23:02.300000001Z ERROR session: [other] broken
    sts-1  | 2026-11-28T02:23:40.000000000Z ERROR model: gone
    sts-1  | 2026-11-28T02:23:41.000000000Z INFO model: loading
    mediamtx-1 | 2026-11-28T02:23:02.000000000Z ERR [API] path not found
    worker-1 exited with code 0
    """

  @Test(
    "Log lines: those near what is wrong, every error of the stream's time, none of another stream, repeated ones once")
  func logLines() throws {
    let all = LogLine.lines(of: Self.log)
    #expect(all.count == 6 && all.map(\.level).filter { $0 == .error }.count == 2)
    let moment = try #require(all.first?.date)
    let span = moment...moment.addingTimeInterval(60)
    let chosen = LogLine.lines(all, near: [moment], in: span, without: ["other"])
    #expect(chosen.map(\.service) == ["mediamtx-1", "worker-1", "sts-1"])
    #expect(chosen.map(\.count) == [1, 2, 1])
    #expect(
      LogLine.lines(all, near: [], in: span, without: []).map(\.text).count == 2, "errors, wherever nothing is wrong")
    // Other words, or another service: not the same line again.
    let mixed = LogLine.lines(
      of: ["worker-1 | %1Z joined 1", "worker-1 | %2Z left 1", "worker-1 | %3Z left 2", "sts-1 | %4Z left 3"].map {
        $0.replacing("%", with: "2026-11-28T02:23:02.")
      }.joined(separator: "\n"))
    let folded = LogLine.lines(mixed, near: [moment], in: span, without: [])
    #expect(folded.map(\.text) == ["joined 1", "left 1", "left 3"] && folded.map(\.count) == [1, 2, 1])
  }

  @Test("Logs are shown around when a fragment was sent that went wrong, and around its answer")
  func moments() throws {
    let events = TapLine.lines(of: Self.record)
    let trace = StreamTrace(events: events)
    let late = stream([.deadline]) { stream in
      stream.fragments[1].sentAfterS = 6
      stream.fragments[1].processingMs = 40_000
    }
    let sent = try #require(events.first?.date)
    #expect(trace.moments(of: late).map { $0.timeIntervalSince(sent) } == [6, 46])
    let other = stream([.loudness])
    #expect(trace.moments(of: other) == [try #require(events.last?.date)], "no fragment is wrong: the stream's end")
    #expect(trace.moments(of: stream([])).isEmpty)
  }

  /// The stream of the sample with a change that makes it red.
  private func stream(_ red: [DubbingVerdict.Check.Name], _ change: (inout RunReport.Stream) -> Void = { _ in })
    -> RunReport.Stream
  {
    var stream = ReportSample.report.streams[0]
    for index in stream.checks.indices where red.map(\.rawValue).contains(stream.checks[index].name) {
      stream.checks[index].state = .failed
      stream.checks[index].passed = false
    }
    stream.passed = red.isEmpty
    change(&stream)
    return stream
  }

  @Test("The first link of the chain that broke is the cause")
  func causes() {
    func cause(_ stream: RunReport.Stream, _ events: [TapLine] = []) -> String {
      LikelyCause(stream: stream, trace: StreamTrace(events: events)).sentence ?? "none"
    }
    #expect(cause(stream([])) == "none")
    let unanswered = stream([.processedOnce, .identity, .originalAbsent]) {
      $0.fragments[1].processingMs = nil
      $0.fragments[1].attributedTo = .original
    }
    #expect(
      cause(unanswered) == "No answer of STS for fragment 1 reached the worker; the worker put the original through.")
    let failed = TapLine.lines(of: Self.record)
    #expect(
      cause(unanswered, failed)
        == "STS answered fragment 1 with the status failed; the worker put the original through. The tap acted on it: late."
    )
    let slow = stream([.deadline, .identity]) { $0.fragments[0].processingMs = 40_000 }
    #expect(cause(slow) == "STS took 40 s to answer fragment 0; 30 s are allowed.")
    let silent = stream([.transcript, .identity]) { $0.fragments[0].attributedTo = .silent }
    #expect(cause(silent).contains("silence in the place of fragment 0"))
    let swapped = stream([.identity]) { $0.fragments[0].attributedTo = .dubbed(1) }
    #expect(cause(swapped).contains("another fragment’s dub in the place of fragment 0"))
    let late = stream([.avSync]) { stream in
      for i in stream.fragments.indices { stream.fragments[i].avDeltaMs = -250.4 }
    }
    #expect(cause(late) == "Every dub lies up to 250 ms too early for the picture: the worker lays its sound there.")
    let oneLate = stream([.avSync]) { $0.fragments[0].avDeltaMs = 250.4 }
    #expect(cause(oneLate).hasPrefix("Some of the dubs lie up to 250 ms too late for the picture"))
    let ended = stream([.fragmentsSent, .duration, .transcript])
    #expect(cause(ended).contains("publisher or worker ended in mid-stream"))
    #expect(cause(stream([.codecs])).hasPrefix("Codecs: "))
    #expect(cause(stream([]) { $0.outcome = .mixed }) == "The outcome is mixed, expected was dubbed.")
  }

  @Test("The head of the page names what is not as expected; a bug report has versions and a command")
  func head() throws {
    var report = ReportSample.report
    report.streams.append(stream([.loudness]) { $0.stream = "test_counting_1234" })
    report.faults.append(.init(fault: "quiet", caughtBy: [], expected: ["loudness"], message: "", ok: false))
    let traces = report.streams.map { _ in StreamTrace(logs: LogLine.lines(of: Self.log)) }
    let sounds = report.streams.map { _ in StreamSound() }
    let html = RunPage(report: report, sounds: sounds, traces: traces, failures: ["a() recorded an issue"]).html
    let head = try #require(html.components(separatedBy: "</section>").first)
    for words in [
      "✘ Not as expected", "#stream-test_counting_1234", "Loudness: ", "worker-1 logged", "fault ‘quiet’",
      "a() recorded an issue",
    ] { #expect(head.contains(words), "\(words)") }
    #expect(html.contains("docker engine 20.10.24"))
    #expect(html.contains("Run it again: <code class=\"copied\">A=b make e2e FILTER='m.s/t\\('</code>"))
    let green = RunPage(report: ReportSample.whole, sounds: ReportSample.sounds).html
    #expect(green.contains("as expected.</p>") && !green.contains("✘ Not as expected"))
  }

  @Test("Where no error was logged, the head has the first warning; where only tests failed, it has what they say")
  func warning() throws {
    func head(_ report: RunReport, _ log: String, _ failures: [String]) throws -> String {
      let traces = report.streams.map { _ in StreamTrace(logs: LogLine.lines(of: log)) }
      let sounds = report.streams.map { _ in StreamSound() }
      let html = RunPage(report: report, sounds: sounds, traces: traces, failures: failures).html
      return try #require(html.components(separatedBy: "</section>").first)
    }
    var red = ReportSample.whole
    red.streams = [stream([.loudness])]
    let log = """
      sts-1 | 2026-11-28T02:23:02.100000001Z INFO model: loading
      sts-1 | 2026-11-28T02:23:02.200000001Z WARNING model: slow
      """
    let said = try head(red, log, ["a() recorded an issue"])
    #expect(said.contains("sts-1 logged: <q>WARNING model: slow</q>"))
    #expect(said.contains("<title>✘ 1 not as expected</title>") && said.contains("<details><summary>What the tests"))
    let tests = try head(ReportSample.whole, log, ["a() recorded an issue", "b() recorded an issue"])
    #expect(tests.contains("<title>✘ 2 not as expected</title>"))
    #expect(tests.contains("<details open><summary>What the tests say</summary>"))
  }

  @Test("Media that would make the page too heavy are left out, those of passed streams first")
  func weight() throws {
    var report = ReportSample.report
    report.streams = [stream([]), stream([.loudness]), stream([])]
    for index in report.streams.indices { report.streams[index].stream = "s\(index)" }
    let traces = (0..<3).map { StreamTrace(recording: Data(repeating: UInt8($0), count: 6_000_000)) }
    let html = RunPage(report: report, sounds: traces.map { _ in StreamSound() }, traces: traces).html
    #expect(html.utf8.count <= RunPage.limit)
    let has = html.components(separatedBy: "<details class=\"stream\"").dropFirst().map { $0.contains("<video") }
    #expect(has == [false, true, false])
    #expect(html.components(separatedBy: "id=\"media-").count == 2)
  }

  @Test("What two streams play is in the page once")
  func playedTwice() {
    var report = ReportSample.report
    report.streams = [stream([.loudness]), stream([.loudness])]
    for index in report.streams.indices { report.streams[index].stream = "s\(index)" }
    let trace = StreamTrace(recording: Data(repeating: 1, count: 600))
    let html = RunPage(report: report, sounds: [StreamSound(), StreamSound()], traces: [trace, trace]).html
    #expect(html.components(separatedBy: "<video").count == 3 && html.components(separatedBy: "id=\"media-").count == 2)
  }

  @Test("Failed tests are read from the log of the run")
  func failures() {
    let log = """
      ✔ Test a() passed
      ✘ Test b() recorded an issue at x.swift:1
      ✘ Suite "S" recorded an issue: it is still there
      ✘ Test b() failed after 1 s
      """
    #expect(
      TestLog.failures(in: log) == [
        "b() recorded an issue at x.swift:1", "Suite \"S\" recorded an issue: it is still there",
      ])
  }
}
