import Foundation
import Testing

@testable import DubbingTesting

@Suite("RunReport")
struct RunReportTests {
  @Test("The JSON has the form that scripts read")
  func form() throws {
    var report = RunReport(started: Date(timeIntervalSince1970: 0))
    report.streams = [RunReport.Stream(DubbingVerdict(HealthyRun.evidence), test: "t")]
    let object = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    #expect(object["started"] as? String == "1970-01-01T00:00:00Z")
    #expect(Set(object.keys) == ["started", "env_ready_s", "total_s", "streams", "faults"])
    let stream = try #require((object["streams"] as? [[String: Any]])?.first)
    #expect(Set(stream.keys) == ["test", "fixture", "stream", "outcome", "duration_s", "fragments", "checks"])
    let fragment = try #require((stream["fragments"] as? [[String: Any]])?.first)
    #expect(
      Set(fragment.keys) == [
        "sequence", "transcript", "translated_text", "processing_ms", "attributed_to", "coherence", "lag_ms",
        "av_delta_ms",
      ])
    #expect(fragment["av_delta_ms"] as? Double == 4)
    #expect(fragment["processing_ms"] as? Double == 800)
  }

  @Test("The report is on disk after every stream")
  func isWrittenAtOnce() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    try await reporter.add(DubbingVerdict(HealthyRun.evidence), test: "t")
    let text = try String(contentsOf: folder.appending(path: "report.json"), encoding: .utf8)
    #expect(text.contains(#""outcome" : "dubbed""#))
  }

  @Test("The page shows every stream and fault, and nothing in it is taken for markup")
  func page() {
    var report = RunReport(started: Date(timeIntervalSince1970: 0))
    let verdict = DubbingVerdict(HealthyRun.evidence)
    report.streams = [RunReport.Stream(verdict, test: "a <b> & \"c\"")]
    report.faults = [.init(fault: "noise", caughtBy: ["identity"], expected: ["identity"], message: "1 < 2", ok: true)]
    let html = RunPage(report: report, verdicts: [verdict]).html
    for part in ["a &lt;b&gt; &amp; &quot;c&quot;", "dubbed 1", "uno, dos, tres", "noise", "1 &lt; 2", "<svg"] {
      #expect(html.contains(part))
    }
    #expect(!html.contains("http"), "the page needs no network")
  }

  @Test("The table names fragment, transcript, source and every failed check")
  func table() {
    var evidence = HealthyRun.evidence
    evidence.windows[1].lag = 0.25
    let table = DubbingVerdict(evidence).table(test: "t")
    for part in ["✘ t: pair as s is DUBBED", "one two three", "dubbed 1", "+250.0 ms", "✘ a/v sync"] {
      #expect(table.contains(part), "\(table)")
    }
  }
}
