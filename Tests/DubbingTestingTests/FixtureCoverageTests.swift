import DubbingTesting
import Testing

@Suite("What of a fixture was sent", .kind(.logic))
struct FixtureCoverageTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var spans: [(Double, Double)]
    var tail: FixtureCoverage.Tail?
    /// Words that the problems must hold, one each; none: nothing is wrong.
    var problems: [String] = []
    var measured: String?
  }

  static let cases: [Case] = [
    .init(
      testDescription: "all of it", spans: [(0, 6), (6, 12), (12, 18), (18, 20)], tail: .flushed,
      measured: "4 fragments, 20.00 s of 20.00 s"),
    .init(
      testDescription: "fragments of whole AAC frames, a fifth of a second late, without the tail",
      spans: [(0.2, 6.216), (6.216, 12.232), (12.232, 18.248)],
      measured: "3 fragments, 18.05 s of 20.00 s; the first 0.20 s were missed; the last 1.75 s were dropped"),
    .init(
      testDescription: "the tail is missing where it is flushed", spans: [(0, 6), (6, 12), (12, 18)], tail: .flushed,
      problems: ["the last 2.00 s of the fixture were never sent, and the worker is described"]),
    .init(
      testDescription: "more than a tail is missing", spans: [(0, 6), (6, 12)], tail: .dropped,
      problems: ["the last 8.00 s of the fixture were never sent"]),
    .init(
      testDescription: "the worker joined late", spans: [(2, 8), (8, 14), (14, 20)],
      problems: ["the first 2.00 s of the fixture were never sent"]),
    .init(
      testDescription: "a fragment is missing", spans: [(0, 6), (12, 18), (18, 20)],
      problems: ["6.00 s to 12.00 s of the fixture was never sent"]),
    .init(
      testDescription: "a fragment was sent twice", spans: [(0, 6), (6, 12), (6, 12), (12, 18), (18, 20)],
      problems: ["6.00 s to 12.00 s of the fixture was sent twice"]),
    .init(testDescription: "nothing", spans: [], problems: ["no fragment was sent; the fixture has 20.00 s of sound"]),
  ]

  @Test("What is missing is said in seconds", arguments: cases)
  func coverage(expected: Case) {
    let coverage = FixtureCoverage(
      expected.spans.map { Duration.seconds($0.0)..<Duration.seconds($0.1) }, of: Duration.zero..<Duration.seconds(20))
    let problems = coverage.problems(.standard, tail: expected.tail)
    #expect(problems.count == expected.problems.count, "\(problems)")
    for (problem, words) in zip(problems, expected.problems) { #expect(problem.contains(words), "\(problem)") }
    if let measured = expected.measured { #expect(coverage.measured(expected.tail) == measured) }
  }

  @Test("How late a worker may join is a setting")
  func lateJoin() {
    let coverage = FixtureCoverage(
      [Duration.seconds(2)..<Duration.seconds(20)], of: Duration.zero..<Duration.seconds(20))
    var tolerances = Tolerances.standard
    tolerances.missedStart = .milliseconds(2500)
    #expect(coverage.problems(tolerances, tail: .flushed) == [])
  }

  @Test(
    "What most dubs agree on is how late they are; one that was swapped says nothing",
    arguments: [
      ([0.01, 0.02, 0.0], 0, 0.01), ([6, -6, 0.1, 0.1], 0, 0.1), ([-4.9, -4.8, -4.9, 1.2], -20, -4.9), ([6, -6], 0, 0),
      ([-9], 0, -9), ([], 0.3, 0.3), ([2.4, 2.4, 2.4], 0, 2.4), ([8, 8.1, 14], 0, 8.1),
    ] as [([Double], Double, Double)])
  func usual(offsets: [Double], reference: Double, usual: Double) {
    #expect(OutputWindows.usual(offsets, reference: reference, reach: 3) == usual)
  }
}
