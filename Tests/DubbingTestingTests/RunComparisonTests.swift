import ComposeTesting
import DubbingTesting
import Foundation
import Testing

@Suite("Runs beside each other", .kind(.logic))
struct RunComparisonTests {
  /// Small reports: on Tuesday a stream is mixed, another one slow and a fault's diagnosis lost; on Wednesday the fault is not injected.
  private func report(_ day: String) throws -> RunReport {
    try RunReport(contentsOf: try #require(Bundle.module.url(forResource: "Reports/\(day)", withExtension: "json")))
  }

  @Test("What differs is told, and what of it is worse")
  func differences() throws {
    let comparison = RunComparison(try report("monday"), try report("tuesday"))
    let quiet = "A fault leads to its diagnosis and no other, counting-short, under 'dubbed audio 40 dB too quiet'"
    #expect(
      comparison.text == """
        ✘ checks      \(quiet): red no more: loudness
        ✘ answers     Sentences come out dubbed, sentences: slowest answer 0.91 s → 2.5 s
        ✘ outcome     isDubbed(), counting-short: dubbed → mixed
        ✘ checks      isDubbed(), counting-short: now red: identity
        ✘ lost check  isDubbed(), counting-short: no longer asked: a/v sync
        ✘ a/v         isDubbed(), counting-short: +0.7 ms → +40.5 ms
        ✘ fault       dubbed audio 40 dB too quiet: no longer leads to its diagnosis
        """)
    #expect(comparison.isWorse)
  }

  @Test(
    "What rounds to 0 has no sign",
    arguments: [(-0.04, "+0.0 ms"), (0, "+0.0 ms"), (-0.06, "-0.1 ms"), (12.04, "+12.0 ms"), (-250.4, "-250.4 ms")])
  func signs(milliseconds: Double, text: String) { #expect(milliseconds.signedMilliseconds == text) }

  @Test("What has become better is not worse, and what is gone is")
  func directions() throws {
    let back = RunComparison(try report("tuesday"), try report("monday"))
    #expect(!back.isWorse, "\(back.text)")
    #expect(back.changes.count == 6)
    let gone = RunComparison(try report("monday"), try report("wednesday"))
    #expect(gone.changes.filter(\.isWorse).map(\.kind) == [.missing, .answers, .fault])
    let same = RunComparison(try report("monday"), try report("monday"))
    #expect(same.changes.isEmpty && same.text == "nothing differs" && !same.isWorse)
  }

  @Test(
    "A history finds what passes only sometimes and whose answers have become slower, in whatever order it is given")
  func history() throws {
    let history = RunHistory(try ["wednesday", "monday", "tuesday"].map(report))
    #expect(history.runs.map(\.unexpected) == [0, 2, 0])
    #expect(history.runs.map(\.streams) == [3, 3, 2])
    #expect(
      history.flaky.map { "\($0.marks) \($0.name)" } == [
        "✔✘· A fault leads to its diagnosis and no other, counting-short, under 'dubbed audio 40 dB too quiet'",
        "✔✘✔ isDubbed(), counting-short",
      ])
    #expect(history.slower.map(\.name) == ["Sentences come out dubbed, sentences"])
    #expect(history.slower.first?.lastMs == 2600)
    #expect(RunHistory([try report("monday"), try report("tuesday")]).slower.isEmpty, "two runs are no trend")
    for words in ["2026-11-02T02:00:00Z", "✔✘✔", "0.91 s → 2.6 s"] { #expect(history.text.contains(words)) }
  }

  @Test("What is red in every run, or in every run that had it, is not flaky: it is broken")
  func broken() throws {
    let name = "Sentences come out dubbed, sentences"
    var reports = try ["monday", "tuesday", "wednesday"].map(report)
    for run in reports.indices {
      for stream in reports[run].streams.indices where name.hasPrefix(reports[run].streams[stream].test) {
        reports[run].streams[stream].passed = false
      }
    }
    #expect(reports.allSatisfy { $0.streams.contains { name.hasPrefix($0.test) } })
    #expect(!RunHistory(reports).flaky.map(\.name).contains(name))
    #expect(RunHistory([reports[0]]).flaky.isEmpty)
  }
}
