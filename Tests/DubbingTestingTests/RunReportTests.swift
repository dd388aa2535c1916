import ComposeKit
import ComposeTesting
import DubbingTesting
import Foundation
import Testing

@Suite("RunReport", .kind(.programs))
struct RunReportTests {
  @Test("The JSON has the form that scripts read")
  func form() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: ReportSample.report.json()) as? [String: Any])
    #expect(object["started"] as? String == "1970-01-01T00:00:00Z")
    let contract: Set = ["started", "env_ready_s", "total_s", "streams", "faults"]
    #expect(
      Set(object.keys)
        == contract.union([
          "publishing_s", "environments", "versions", "measurements", "cases", "shards", "elsewhere", "rerun",
          "engines",
        ]))
    let stream = try #require((object["streams"] as? [[String: Any]])?.last)
    #expect(
      Set(stream.keys) == [
        "test", "test_case", "fixture", "stream", "outcome", "duration_s", "fragments", "checks",
        // What the contract does not have.
        "expected_outcome", "passed", "fault", "environment", "fixture_duration_s", "segment_s", "answer_bound_s",
        "av_bound_ms", "video_lag_ms", "video", "hash_differs", "recording", "events", "word_error_rate",
        "breaks", "starvation",
      ])
    let fault = try #require((object["faults"] as? [[String: Any]])?.first)
    #expect(Set(fault.keys) == ["fault", "caught_by", "expected", "message", "ok", "outcome", "hash_differs"])
    let fragment = try #require(
      ((object["streams"] as? [[String: Any]])?.first?["fragments"] as? [[String: Any]])?.first)
    #expect(
      Set(fragment.keys) == [
        "sequence", "transcript", "translated_text", "processing_ms", "attributed_to", "coherence", "lag_ms",
        "av_delta_ms", "sent_after_s", "acknowledged_ms", "fixture_start_s", "output_start_s", "output_end_s",
      ])
    #expect(fragment["acknowledged_ms"] as? Double == 10)
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

  @Test("A page that was not written anew with every stream is there when the suite ends")
  func pageCatchesUp() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    let tests = ["first of three", "second of three", "third of three"]
    for test in tests { try await reporter.add(DubbingVerdict(HealthyRun.evidence), test: test) }
    await reporter.keepCases()
    let page = try String(contentsOf: folder.appending(path: "index.html"), encoding: .utf8)
    for test in tests { #expect(page.contains(test)) }
  }

  @Test("A stream that was given up while programs were asked for their versions leaves them to be asked again")
  func versionsAfterCancellation() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "versions-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    let engine = ComposeEngine(
      access: EngineAccess(address: nil, environment: [:]), command: ["docker", "compose"], composeVersion: "2.26.1",
      engineVersion: "20.10", host: "127.0.0.1")
    let givenUp = Task {
      // Cancelled before it asks: what it starts is ended at once.
      while !Task.isCancelled { await Task.yield() }
      await reporter.noteVersions(on: engine)
    }
    givenUp.cancel()
    await givenUp.value
    await reporter.noteVersions(on: engine)
    try await reporter.add(DubbingVerdict(HealthyRun.evidence), test: "t")
    let report = try String(contentsOf: folder.appending(path: "report.json"), encoding: .utf8)
    #expect(report.contains("\"ffmpeg\"") && !report.contains("unknown"), "\(report)")
  }

  @Test("A run in which nothing started has a page with the reason")
  func nothingStarted() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nothing-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    await reporter.add(
      CaseRun(name: CaseName(test: "m.s/t()"), outcome: .passed, worked: .seconds(1), issues: []))
    await reporter.keepCases()
    let page = folder.appending(path: "index.html")
    #expect(!FileManager.default.fileExists(atPath: page.path), "nothing to show yet")
    await reporter.add(
      CaseRun(name: CaseName(test: "m.s/u()"), outcome: .failed, worked: .seconds(1), issues: ["sts <exited>"]))
    await reporter.keepCases()
    let html = try String(contentsOf: page, encoding: .utf8)
    #expect(html.contains("<p class=\"why\">sts &lt;exited&gt;</p>") && !html.contains("m.s/t()"))
  }

  @Test("The page of a red run is not made again at the end of a suite that adds nothing to it")
  func redPageOnce() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "once-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    let page = folder.appending(path: "index.html")
    func end(_ test: String, _ outcome: CaseRun.Outcome, _ issues: [String] = []) async throws -> String {
      await reporter.add(CaseRun(name: CaseName(test: test), outcome: outcome, worked: .seconds(1), issues: issues))
      await reporter.keepCases()
      return try String(contentsOf: page, encoding: .utf8)
    }
    #expect(try await end("m.s/t()", .failed, ["the first reason"]).contains("the first reason"))
    // A page that is made again takes the place of what lies there.
    try Data("left alone".utf8).write(to: page)
    #expect(try await end("m.s/u()", .passed) == "left alone")
    #expect(try await end("m.s/v()", .failed, ["a second reason"]).contains("a second reason"))
  }

  @Test("Links are to files that are there, in the report's own folder; the page of one stream has none")
  func files() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let reporter = RunReporter(folder: folder)
    try await reporter.add(DubbingVerdict(HealthyRun.evidence), test: "t")
    let page = try #require(await reporter.page(of: "s"))
    #expect(page.contains("data-part=\"timeline\"") && !page.contains("output.flv"))
    #expect(await reporter.page(of: "another") == nil)
    try await reporter.add(
      RunReport.Fault(fault: "of-the-rest", caughtBy: [], expected: ["loudness"], message: "", ok: false, outcome: nil))
    let again = try #require(await reporter.page(of: "s"))
    #expect(!again.contains("of-the-rest"), "what the rest of the run found is not of this stream")
    let inside = folder.appending(path: "streams/a b/output.flv")
    #expect(await reporter.relativePath(of: inside) == nil, "there is no such file")
    try FileManager.default.createDirectory(at: inside.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: inside)
    #expect(await reporter.relativePath(of: inside) == "streams/a b/output.flv")
    #expect(await reporter.relativePath(of: URL(filePath: "/etc/hostname")) == nil, "it lies elsewhere")
  }

  @Test("A report that was written is read again")
  func roundTrip() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let report = ReportSample.report
    try report.json().write(to: file)
    #expect(try RunReport(contentsOf: file).json() == report.json(), "nothing of it is lost")
  }

  @Test("Time in which several streams are published counts once")
  func busyTime() {
    var busy = BusyTime()
    for (begins, seconds) in [(true, 1), (true, 2), (false, 4), (false, 5), (true, 10), (false, 12)] {
      busy.note(begins: begins, at: .seconds(seconds))
    }
    #expect(busy.total(at: .seconds(20)) == .seconds(6))
    busy.note(begins: true, at: .seconds(20))
    #expect(busy.total(at: .seconds(23)) == .seconds(9), "what still goes on counts so far")
  }

  @Test("Versions are cut from what programs say")
  func versions() {
    #expect(
      RunVersions.short("ffmpeg version 5.1.6-0+deb12u1 Copyright (c)", after: "ffmpeg version ") == "5.1.6-0+deb12u1")
    #expect(RunVersions.short("Swift version 6.3.2 (swift-6.3.2-RELEASE)", after: "Swift version ") == "6.3.2")
    #expect(RunVersions.short("unknown", after: "ffmpeg version ") == "unknown")
  }

  @Test("The table names fragment, transcript, source and every failed check")
  func table() {
    var evidence = HealthyRun.evidence
    evidence.windows[1].lag = .milliseconds(250)
    let table = DubbingVerdict(evidence).table(test: "t")
    for part in ["✘ t: pair as s is DUBBED", "one two three", "dubbed 1", "+250.0 ms", "✘ a/v sync"] {
      #expect(table.contains(part), "\(table)")
    }
  }
}
