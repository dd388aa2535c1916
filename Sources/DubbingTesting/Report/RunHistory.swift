import Foundation

/// How runs went one after another: which cases pass only sometimes, and whose answers have become slower.
package struct RunHistory: Sendable, Codable, Equatable {
  /// One run in a line.
  package struct Run: Sendable, Codable, Equatable {
    package var started: Date
    package var streams: Int
    /// How much was not as it should be: streams, faults, test cases.
    package var unexpected: Int
    /// Median of all answers in time and late, milliseconds; nil: there was none.
    package var medianAnswerMs: Double?
    package var totalS: Double
  }

  /// A case that passed in some runs and not in others.
  package struct Flaky: Sendable, Codable, Equatable {
    package var name: String
    /// A letter for each run: `✔`, `✘`, or `·` where it was not run.
    package var marks: String
  }

  /// A case whose answers take half as much again as at first, and 0.2 s more.
  package struct Slower: Sendable, Codable, Equatable {
    package var name: String
    /// Medians of the first and of the last third of the runs, milliseconds.
    package var firstMs: Double
    package var lastMs: Double
  }

  /// In the order of time.
  package var runs: [Run]
  package var flaky: [Flaky]
  package var slower: [Slower]

  /// - Parameter reports: in any order. Fewer than three runs have no trend.
  package init(_ reports: [RunReport]) {
    let sorted = reports.sorted { $0.started < $1.started }
    runs = sorted.map { report in
      Run(
        started: report.started, streams: report.streams.count,
        unexpected: report.problems.count,
        medianAnswerMs: median(report.streams.flatMap { $0.fragments.compactMap(\.processingMs) }),
        totalS: report.totalS)
    }
    let cases = sorted.map(\.streamsByCase)
    let names = Set(cases.flatMap(\.keys)).sorted()
    flaky = names.compactMap { name in
      let passed = zip(sorted, cases).map { report, streams in streams[name].map { $0.isAsHoped(in: report) } }
      guard passed.contains(true), passed.contains(false) else { return nil }
      return Flaky(name: name, marks: passed.map { $0.map { $0 ? "✔" : "✘" } ?? "·" }.joined())
    }
    slower = names.compactMap { name in
      let answers = cases.compactMap { $0[name]?.slowestMs }
      let third = answers.count / 3
      guard third > 0, let first = median(answers.prefix(third)), let last = median(answers.suffix(third)),
        last > first * 1.5, last - first > 200
      else { return nil }
      return Slower(name: name, firstMs: first, lastMs: last)
    }
  }

  /// The history for a terminal.
  package var text: String {
    let head = "started               streams  not as expected  median answer  whole run"
    let lines = runs.map { run in
      let answer = run.medianAnswerMs.map { String(format: "%.0f ms", $0) } ?? "–"
      return run.started.formatted(.iso8601).padded(to: 22) + "\(run.streams)".padded(to: 9)
        + "\(run.unexpected)".padded(to: 17) + answer.padded(to: 15) + "\(run.totalS.short) s"
    }
    let unsteady =
      flaky.isEmpty
      ? ["no case passes only sometimes"] : ["passes only sometimes:"] + flaky.map { "  \($0.marks)  \($0.name)" }
    let trend =
      slower.isEmpty
      ? ["no case has become slower"]
      : ["slower than at first:"]
        + slower.map { "  \(($0.firstMs / 1000).short) s → \(($0.lastMs / 1000).short) s  \($0.name)" }
    return ([head] + lines + [""] + unsteady + trend).joined(separator: "\n")
  }
}

private func median(_ values: some Collection<Double>) -> Double? {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return nil }
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

extension RunReport.Stream {
  /// Under a fault the catalogue's entry tells whether the stream was what was hoped for.
  func isAsHoped(in report: RunReport) -> Bool {
    guard let fault else { return passed }
    return report.faults.first { $0.fault == fault }?.ok ?? true
  }
}
