import Foundation
import Testing

@testable import Evaluation

@Suite("The evaluation's report")
struct ReportTests {
  private func clip(_ source: Int, _ kind: String, original: Bool, says: Bool, agreement: Double) -> ClipMeasurement {
    var clip = ClipMeasurement(
      source: source, kind: kind, isOriginal: original, seedSaysSame: false, clipAgreement: agreement,
      saysOriginal: says)
    for length in ClipJudge.lengths {
      clip.windows[length] = [WindowScore(score: original ? 0.9 : 0.1, isWrong: original != says)]
    }
    clip.chromaprintWindows = [agreement]
    clip.secondCoherence = [original ? 0.1 : 0.8]
    return clip
  }

  private func report(edges: [Double] = [0.01, 0.02, 0.2]) -> Report {
    Report(
      clips: (0..<4).flatMap { source in
        [
          clip(source, "aac", original: true, says: source != 1, agreement: source == 3 ? 0.5 : 0.9),
          clip(source, Replacement.language.rawValue, original: false, says: false, agreement: 0.5),
          clip(source, Replacement.under12.rawValue, original: false, says: true, agreement: 0.9),
          clip(source, Replacement.under18.rawValue, original: false, says: false, agreement: 0.9),
        ]
      }, edges: edges,
      speeds: [0.97, 0.99, 1.01, 1.03].map { .init(ratio: $0, found: $0 != 1.03, chromaprint: nil) },
      rightOfHundred: 0.99)
  }

  private func row(_ start: String, in report: Report) throws -> Row {
    try #require(report.rows().first { $0.name.hasPrefix(start) }, "there is no row \(start)")
  }

  @Test("Only the odd sources are reported, and a wrong verdict is counted where it belongs")
  func heldOut() throws {
    let dubbed = try row("30 s clips, false \"dubbed\"", in: report())
    // Of sources 1 and 3: ours calls 1 dubbed, the seed calls all dubbed, Chromaprint finds 3 too different.
    #expect(dubbed.runs == 2 && dubbed.ours == 1 && dubbed.peers == ["seed": 2, "chromaprint": 1])
    #expect(dubbed.isMet == false)
    // A voice under the original is not counted as a replacement of the clip; its windows are.
    let passthrough = try row("30 s clips, false \"passthrough\"", in: report())
    #expect(passthrough.runs == 2 && passthrough.ours == 0 && passthrough.isMet == true)
    let windows = try row("6 s windows, wrong", in: report())
    #expect(windows.ours == 3)
  }

  @Test("Edges, voices under the original, speeds and fragments have their rows, in their units")
  func others() throws {
    #expect(try row("edges without schedule, median", in: report()).ours == 20)
    #expect(try row("edges without schedule, p95", in: report()).isMet == false)
    #expect(try row("voice 12 dB", in: report()).ours == 1)
    #expect(try row("speed ±1 %", in: report()).ours == 100)
    #expect(try row("speed ±3 %", in: report()).ours == 50)
    #expect(try row("right fragment", in: report()).isMet == false)
  }

  @Test("What is wrong is named by kind and source")
  func details() {
    let details = report().details().joined(separator: "\n")
    #expect(
      details.contains("6 s, wrong (all sources): ") && details.contains("numbers awb / aac 1"), "\(details)"
    )
  }

  @Test("The result file has the contract's form, and the table marks what is missed")
  func form() throws {
    let rows = report().rows()
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("results-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Table.write(rows, to: path)
    let objects = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [[String: Any]])
    #expect(objects.count == rows.count)
    for object in objects {
      #expect(
        Set(object.keys)
          == ["group", "case", "unit", "lower_is_better", "ours", "peers", "wanted", "runs"], "\(object)")
      #expect(object["group"] as? String == "audioprint" && object["ours"] is Double)
    }
    let text = Table.text(rows, title: "title").split(separator: "\n")
    #expect(text.count == rows.count + 2 && text[0] == "title")
    #expect(text[2].hasSuffix("missed"), "\(text[2])")
  }
}
