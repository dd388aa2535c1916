import AudioPrint
import Testing

@testable import Evaluation

@Suite("The evaluation of breaks")
struct BreakTests {
  private let evaluation = BreakEvaluation(folder: "", rounds: 2, minutes: 9, sources: Array(0..<18))

  @Test("Every part is done once, in the same order each time, and a run that is stopped early has some of every kind")
  func parts() {
    let names = evaluation.parts.map { "\($0)" }
    // Six kinds twice, a lost channel four times, three times three minutes.
    #expect(names.count == 18 * (6 * 2 + 4 + 3) && Set(names).count == names.count)
    #expect(names == evaluation.parts.map { "\($0)" })
    var (kinds, sources, clean): (Set<Int>, Set<Int>, Int) = ([], [], 0)
    for part in evaluation.parts.prefix(60) {
      switch part {
      case .broken(let source, let kind, _):
        kinds.insert(kind)
        sources.insert(source)
      case .clean: clean += 1
      }
    }
    #expect(kinds.count == BreakEvaluation.broken.count && sources.count >= 12 && clean > 0)
  }

  @Test("Breaks are counted by length, and what is missed is told of the half that thresholds are fixed on only")
  func report() {
    func outcome(_ source: Int, _ length: Double, named: Bool) -> BreakEvaluation.Outcome {
      .init(
        source: source, codec: "aac 64k", made: MadeBreak(kind: .missing, start: 1, length: length), isFound: named,
        isNamed: named, edges: [], isSilent: false)
    }
    var result = BreakEvaluation.Result()
    result.outcomes = [
      outcome(0, 0.04, named: false), outcome(1, 0.04, named: false), outcome(1, 0.1, named: true),
      outcome(1, 0.01, named: false),
    ]
    let report = BreakReport(result: result)
    let text = report.text()
    #expect(text.hasPrefix("breaks put in: 4, in 2 sources; 10 ms 1, 20 ms 0, 40 ms 2, 50 ms 0, 100 ms 1,"), "\(text)")
    #expect(text.contains("half that thresholds were fixed on: 1\n  flite slt, aac 64k: missing at 1.0 for 0.04\n"))
    let long = report.rows().first { $0.name.hasPrefix("missing ≥ 40 ms") }
    #expect(long?.runs == 2 && long?.ours == 50)
  }
}
