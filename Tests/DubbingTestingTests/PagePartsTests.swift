import ComposeTesting
import Foundation
import Testing

// What a stream has left, part by part, is made here by synthesized initialisers.
@testable import DubbingTesting

// Internal: what the page is made of has no public name.
@Suite("What a red stream's part of the page holds", .kind(.logic))
struct PagePartsTests {
  private static let base = "2026-11-28T02:23:0"

  /// The sample's healthy stream with its second fragment gone wrong.
  private var stream: RunReport.Stream {
    var stream = ReportSample.report.streams[0]
    stream.passed = false
    stream.outcome = .mixed
    stream.stream = "test_counting_1234"
    stream.fragments[1].attributedTo = .original
    stream.fragments[1].processingMs = nil
    if let index = stream.checks.firstIndex(where: { $0.name == DubbingVerdict.Check.Name.processedOnce.rawValue }) {
      stream.checks[index].state = .failed
      stream.checks[index].passed = false
      stream.checks[index].detail = "fragment 1 was never processed"
    }
    stream.starvation = Starvation(watchedS: 50, lateS: 0, longestLateS: 0.04, tasksLateS: 0, waitingS: 3)
    return stream
  }

  private var trace: StreamTrace {
    func line(_ time: String, _ isFromWorker: Bool, _ name: String, _ change: (inout TapLine) -> Void = { _ in })
      -> TapLine
    {
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      let date = try? Date("\(Self.base)\(time)Z", strategy: style)
      var line = TapLine(date: date ?? .distantPast, isFromWorker: isFromWorker, name: name, said: "", faults: [])
      change(&line)
      return line
    }
    return StreamTrace(
      events: [
        line("1.000", true, "fragment:data") {
          $0.sequence = 1
          $0.said = "audio of <63 KiB>"
        },
        line("1.750", false, "fragment:processed") {
          $0.status = "failed"
          $0.faults = ["truncated"]
        },
        line("2.250", true, "(disconnect)"),
      ],
      logs: LogLine.lines(
        of: """
          worker-1 | \(Self.base)1.100000001Z INFO fragment 1
          worker-1 | \(Self.base)1.200000001Z INFO fragment 2
          sts-1 | \(Self.base)1.500000000Z WARNING <slow>
          sts-1 | \(Self.base)1.600000000Z ERROR model: gone
          """
      ).reduce(into: []) { lines, line in
        if line.text.hasSuffix("2") { lines[lines.count - 1].count += 1 } else { lines.append(line) }
      },
      recording: Data("the recording".utf8), original: Data("the original".utf8),
      dubs: .init(file: Data("the dubs".utf8), slot: 6, sequences: [1]))
  }

  /// The page of that stream alone, and the section that it has there.
  private func page(_ stream: RunReport.Stream? = nil, _ trace: StreamTrace? = nil) throws -> (
    html: String, section: String
  ) {
    var report = ReportSample.report
    report.streams = [stream ?? self.stream]
    report.faults = []
    let html = RunPage(report: report, sounds: [StreamSound()], traces: [trace ?? self.trace]).html
    return (html, try #require(html.components(separatedBy: "<details class=\"stream\"").last))
  }

  private func values(_ attribute: String, in text: String) -> [String] {
    text.components(separatedBy: " \(attribute)=\"").dropFirst().map { $0.components(separatedBy: "\"")[0] }
  }

  private func table(_ part: String, in text: String) throws -> [String] {
    let rest = try #require(text.components(separatedBy: "data-part=\"\(part)\">").dropFirst().first)
    return rest.components(separatedBy: "</table>")[0].components(separatedBy: "<tr class=").dropFirst().map { $0 }
  }

  @Test("Each fragment has players of what there is of it, from its begin to its end")
  func players() throws {
    let (html, section) = try page()
    let audio = section.components(separatedBy: "<audio").dropFirst()
    #expect(
      audio.map { values("aria-label", in: $0)[0] } == [
        "original of fragment 0", "output of fragment 0", "original of fragment 1", "dub of fragment 1",
        "output of fragment 1",
      ])
    #expect(audio.map { values("data-span", in: $0)[0] } == ["0,6", "0.02,6.02", "6,12", "0,6", "6.02,12.02"])
    var short = stream
    short.fixtureDurationS = 11
    #expect(values("data-span", in: try page(short).section)[2] == "6,11", "the original ends with the fixture")
    // Each leads to its own medium, which is on the page once.
    let media = audio.map { player in
      html.components(separatedBy: "id=\"media-\(values("data-media", in: player)[0])\">").last
        .flatMap { Data(base64Encoded: $0.components(separatedBy: "</script>")[0]) }
        .map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(media == ["the original", "the recording", "the original", "the dubs", "the recording"])
    #expect(html.components(separatedBy: "id=\"media-").count == 4)
    let video = try #require(section.components(separatedBy: "<video").dropFirst().first)
    #expect(values("data-media", in: video)[0] == "0", "the recording")
  }

  @Test("What the output holds is a time line: a button for each fragment, in its place, that plays from there")
  func timeLine() throws {
    let section = try page().section
    #expect(values("data-end", in: section) == ["12.02"])
    #expect(values("data-at", in: section) == ["0.02", "6.02"])
    let cells = section.components(separatedBy: "<button type=\"button\" data-at").dropFirst()
    #expect(cells.map { values("style", in: $0)[0] } == ["left:0.200%;width:49.917%", "left:50.116%;width:49.917%"])
    #expect(
      cells.map { values("aria-label", in: $0)[0] } == [
        "fragment 0 holds dubbed 0; play from 0.02 s", "fragment 1 holds original; play from 6.02 s",
      ])
    #expect(section.contains("badge is-original") && section.contains("← and → move by a second"))
    // Without a recording there is nothing to play, and the strip is no button.
    var silent = trace
    silent.recording = nil
    let without = try page(nil, silent).section
    #expect(!without.contains("<video") && !without.contains("<button type=\"button\" data-at"))
    #expect(without.contains(">original</span>") && !without.contains("move by a second"))
  }

  @Test("The sequence has each event as an arrow of its direction, with its time, what it says and what the tap did")
  func sequence() throws {
    let section = try page().section
    let rows = try table("sequence", in: section)
    try #require(rows.count == 3)
    #expect(rows[0].hasPrefix("\"to-sts\">") && rows[0].contains(">+0.000 s<"))
    #expect(rows[0].contains("from worker to STS") && rows[0].contains("fragment 1, audio of &lt;63 KiB&gt;"))
    #expect(rows[1].hasPrefix("\"to-worker failed\">") && rows[1].contains(">+0.750 s<"))
    #expect(rows[1].contains("from STS to worker") && rows[1].contains("⚡ truncated"))
    #expect(rows[2].hasPrefix("\"to-sts failed\">") && rows[2].contains("(disconnect)"))
    var long = trace
    long.events = Array(repeating: long.events[0], count: 253)
    let cut = try page(nil, long).section
    #expect(try table("sequence", in: cut).count == 250 && cut.contains("and 3 more, in events.jsonl"))
  }

  @Test("Logs stand with errors first, then warnings, then the rest, each with its time after the first event")
  func logs() throws {
    let rows = try table("log", in: try page().section)
    #expect(
      rows.map { $0.components(separatedBy: ">")[0] } == ["\"level-error\"", "\"level-warning\"", "\"level-ordinary\""])
    #expect(rows.map { $0.contains("+0.60 s") || $0.contains("+0.50 s") } == [true, true, false])
    #expect(rows[0].contains("ERROR model: gone") && rows[1].contains("&lt;slow&gt;"))
    #expect(rows[2].contains(">worker-1<") && rows[2].contains("+0.10 s") && rows[2].contains("× 2"))
  }

  @Test("The cause stands in the stream's part as at the head of the page, with the first error that was logged")
  func cause() throws {
    let (html, section) = try page()
    let cause = """
      STS answered a fragment with the status failed; the worker put the original through. The tap acted on it: truncated.
      """
    #expect(section.contains("<p class=\"cause\" data-part=\"cause\">\(cause)</p>"))
    let head = try #require(html.components(separatedBy: "</section>").first)
    #expect(head.contains(cause) && head.contains("sts-1 logged: <q>ERROR model: gone</q>"))
  }

  @Test("The page says whether the machine was starved: in the head, in the stream's part and in the bug report")
  func starvation() throws {
    let calm = try page()
    let quiet =
      "This machine had time to spare (its clock was late by up to 0.0 s, programs waited for a core for 3 s)."
    #expect(calm.section.contains("data-part=\"starvation\">\(quiet)</p>"))
    #expect(calm.section.components(separatedBy: quiet).count == 3, "in the bug report too")
    #expect(!calm.html.components(separatedBy: "<h2>Every stream")[0].contains("starved"))
    var starved = stream
    starved.starvation = Starvation(watchedS: 50, lateS: 12, longestLateS: 1.26, tasksLateS: 0, waitingS: 41.2)
    let (html, section) = try page(starved)
    let said = """
      This machine was starved for 41 s of this stream's 50 s (its clock was late by up to 1.3 s, programs waited for a core \
      for 41 s)
      """
    #expect(section.contains("<p class=\"warn\" data-part=\"starvation\">\(said).</p>"))
    let head = html.components(separatedBy: "<h2>Every stream")[0]
    #expect(head.contains("\(said): the red may be its.") && head.contains("streams while the machine was starved"))
    // Of a stream that passed it is worth a word only if the machine was starved.
    var passed = ReportSample.report.streams[0]
    #expect(try !page(passed).section.contains("data-part=\"starvation\""))
    passed.starvation = starved.starvation
    #expect(try page(passed).section.contains("data-part=\"starvation\""))
  }

  @Test(
    "The command that runs a test again is the run's own, with a pattern that matches this test alone",
    arguments: [
      ("E2E.E2E/Pipeline/isDubbed(fixture:): counting", "test_x_1", "MAKE 'E2E.E2E/Pipeline/isDubbed\\('"),
      ("E2E.E2E/it's `red` (often)/`a (b)`()", "test_x_1", "MAKE 'E2E.E2E/it.s..red..\\('"),
      (nil, "test_counting_1234", "MAKE '/counting\\('"), (nil, "mine", nil),
    ] as [(String?, String, String?)])
  func command(testCase: String?, stream name: String, command: String?) {
    var (report, stream) = (ReportSample.report, stream)
    (report.rerun, stream.testCase, stream.stream) = ("MAKE '{filter}'", testCase, name)
    let bug = BugReport(report: report, stream: stream, cause: nil, logs: [])
    #expect(bug.command == command)
    #expect(bug.text.contains("Run it again:") == (command != nil))
    // Reports of before had no such key.
    report.rerun = nil
    #expect(
      BugReport(report: report, stream: stream, cause: nil, logs: []).command
        == command?.replacing("MAKE ", with: "make e2e FILTER="))
  }

  @Test("A bug report has what was expected and came, each fragment, errors, versions and the command")
  func bugReport() throws {
    let text = BugReport(report: ReportSample.report, stream: stream, cause: "The cause.", logs: trace.logs).text
    #expect(
      text == """
        a <b> & "c": pair is mixed, expected dubbed
        The cause.
        This machine had time to spare (its clock was late by up to 0.0 s, programs waited for a core for 3 s).

        Stream: test_counting_1234, 1970-01-01T00:00:00Z
        ✘ processed once: fragment 1 was never processed
        fragment 0: answered after 0.8 s, the output holds: dubbed 0
        fragment 1: never answered, the output holds: original

        Logs:
        sts-1 | WARNING <slow>
        sts-1 | ERROR model: gone

        Versions: docker engine 20.10.24, docker compose 2.26.1, ffmpeg 5.1.6, Swift 6.3, an <os>, 2 cores

        Run it again:
        A=b make e2e FILTER='m.s/t\\('
        """)
    let section = try page().section
    for what in ["the command", "the bug report"] {
      #expect(section.contains("<button type=\"button\" class=\"copy\" aria-label=\"Copy \(what)\">Copy</button>"))
    }
    #expect(section.contains("Run it again:\nA=b make e2e FILTER"), "as lines of their own, so that it can be pasted")
    #expect(try !page(ReportSample.report.streams[0]).section.contains("bug-report"), "nobody reports what passed")
  }
}
