import DubbingTesting
import Foundation
import Testing

@Suite("The page of a run", .kind(.logic))
struct RunPageTests {
  private let html = RunPage(report: ReportSample.report, sounds: ReportSample.sounds).html

  /// What stands between `marker` and the quote that ends it, for each time that it stands there.
  private func attributes(_ marker: String, in text: String) -> [String] {
    text.components(separatedBy: marker + "=\"").dropFirst().map { $0.components(separatedBy: "\"")[0] }
  }

  private var sections: [String] {
    html.components(separatedBy: "<details class=\"stream\"").dropFirst().map {
      $0.components(separatedBy: "</div></details>")[0]
    }
  }

  @Test("Every stream has every part")
  func everyPart() {
    #expect(sections.count == ReportSample.report.streams.count)
    let parts = ["checks", "timeline", "content", "original", "output", "attribution", "av-delta", "fragments"]
    func parted(_ section: String?) -> [String] {
      section.map { attributes("data-part", in: $0).filter { $0 != "breaks" } } ?? []
    }
    #expect(parted(sections.first) == ["files"] + parts)
    #expect(parted(sections.last) == ["cause", "starvation", "files", "again", "bug-report"] + parts)
    for (stream, section) in zip(ReportSample.report.streams, sections) {
      #expect(attributes("data-part", in: section).contains("breaks") == (stream.breaks?.isEmpty == false))
    }
    let whole = html.components(separatedBy: "<details")[0]
    #expect(
      attributes("data-part", in: whole) == [
        "versions", "problems", "run", "overview", "faults", "environments", "engines",
      ])
  }

  @Test("Every stream's parts hold what was found")
  func content() throws {
    let stream = try #require(sections.first)
    let words = [
      "dubbed 1", "seven eight nine", "siete, ocho, nueve", "800 ms", "+4.0 ms", "acknowledged after 10 ms", "0.97",
      "bound of 30 s", "identity", "output.flv", "events.jsonl", "logs/m-1.log",
    ]
    for word in words { #expect(stream.contains(word), "\(word)") }
    #expect(stream.components(separatedBy: "src=\"data:image/png;base64,iVBORw0KGgo=\"").count == 3)
    let late = try #require(sections.last)
    for words in ["answer late", "delta late", "40.8 s", "+250.0 ms", "late’", ">none<"] {
      #expect(late.contains(words), "\(words)")
    }
  }

  @Test("The run's own parts hold what it ran on, how it started and what the faults led to")
  func run() {
    let words = [
      "20.10.24", "docker compose 2.26.1", "ffmpeg 5.1.6", "Swift 6.3", "an &lt;os&gt;", "2 cores", "worker 2.25 s",
      "3.5 s", "40 s", "30 s", "10 s", "noise", "1 &lt; 2", "“hash differs” says",
    ]
    for word in words { #expect(html.contains(word), "\(word)") }
  }

  @Test("An environment on another machine says where that was, and by how much its clock was ahead")
  func remote() throws {
    var report = ReportSample.report
    report.environments[0].remote = .init(
      engine: "docker <28>", host: "builder", tap: "10.0.0.1:4000", peers: ["10.0.0.2"], clockOffsetMs: 12.5,
      clockUncertaintyMs: 1)
    let html = RunPage(report: report, sounds: ReportSample.sounds).html
    let row = try #require(rows("environments", in: html).first)
    #expect(row.contains("docker &lt;28&gt;; tap at 10.0.0.1:4000 for 10.0.0.2, its clock 12.5 ms ahead of"), "\(row)")
  }

  @Test("Nothing in it is taken for markup")
  func escaping() {
    #expect(html.contains("a &lt;b&gt; &amp; &quot;c&quot;"))
    #expect(!html.contains("<b> &"))
    #expect("a b/ü\"<.flv".href == "a%20b/%C3%BC%22%3C.flv")
  }

  @Test("It loads nothing, and every link is relative and leads somewhere")
  func links() throws {
    #expect(attributes("src", in: html).allSatisfy { $0.hasPrefix("data:image/png;base64,") })
    for word in ["http://", "https://", "@import", "src=\"http", "fetch("] { #expect(!html.contains(word)) }
    let targets = attributes(" href", in: html).filter { $0 != "data:," }
    let (anchors, files) = (targets.filter { $0.hasPrefix("#") }, targets.filter { !$0.hasPrefix("#") })
    #expect(Set(anchors.map { $0.dropFirst() }).isSubset(of: attributes("id", in: html).map { $0[...] }))
    #expect(anchors.count == 2)
    #expect(Set(files) == Set(ReportSample.files))
    #expect(files.allSatisfy { !$0.hasPrefix("/") && !$0.contains("..") && !$0.contains(":") })
  }

  @Test("A stream that is not as expected is open; of many, one that is as expected is closed")
  func open() {
    var report = ReportSample.report
    var red = report.streams[0]
    red.passed = false
    report.streams += [red, report.streams[0]]
    let html = RunPage(report: report, sounds: report.streams.map { _ in StreamSound() }).html
    let open = html.components(separatedBy: "<details class=\"stream\"").dropFirst().map {
      $0.prefix { $0 != ">" }.hasSuffix(" open")
    }
    #expect(open == [false, false, true, false])
  }

  /// The rows of a table, its head left out.
  private func rows(_ part: String, in html: String) throws -> [String] {
    let rest = html.components(separatedBy: "<table data-part=\"\(part)\">")
    let table = try #require(rest.dropFirst().first?.components(separatedBy: "</table>").first)
    return table.components(separatedBy: "<tr").dropFirst().filter { !$0.contains("<th>") }
  }

  @Test("Green is what is as expected, red what is not, and red checks are named")
  func marks() throws {
    var report = ReportSample.report
    var red = report.streams[0]
    red.passed = false
    red.checks[1].passed = false
    red.checks[1].state = .failed
    report.streams.append(red)
    report.faults.append(
      .init(
        fault: "quiet", caughtBy: [], expected: ["loudness"], message: "", ok: false, outcome: .dubbed,
        hashDiffers: false))
    report.faults.append(
      .init(fault: "gone", caughtBy: [], expected: [], message: "", ok: true, outcome: nil, hashDiffers: nil))
    let html = RunPage(report: report, sounds: report.streams.map { _ in StreamSound() }).html
    let marks = ["✔", "✘", "⚡"]
    func mark(_ row: String) -> String? { marks.first(where: row.contains) }
    let overview = try rows("overview", in: html)
    #expect(overview.map(mark) == ["✔", "⚡", "✘"])
    #expect(overview[0].contains(">–</tr>") && overview[2].contains(">\(red.checks[1].name)</tr>"))
    let checks = try #require(html.components(separatedBy: "<details").last.map { try rows("checks", in: $0) })
    #expect(checks.map(mark) == ["✘"] + red.checks.dropFirst().map { _ in "✔" }, "the red one is first")
    #expect(checks[0].contains(">\(red.checks[1].name)<"))
    let faults = try rows("faults", in: html)
    #expect(faults.map(mark) == ["✔", "✘", "✔"])
    for (row, words) in zip(faults, ["<td>dubbed<td", "<td>not dubbed<td", "<td>nothing: no output<td"]) {
      #expect(row.contains(words))
    }
    #expect(faults[1].contains("nothing, as it should be; expected were loudness"))
  }
}
