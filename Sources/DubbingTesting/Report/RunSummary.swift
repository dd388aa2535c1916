import Foundation

extension RunReport {
  /// Reads a report that a run has left.
  ///
  /// - Throws: what reading the file throws; `DecodingError` for what is no report.
  public init(contentsOf file: URL) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .iso8601
    self = try decoder.decode(RunReport.self, from: Data(contentsOf: file))
  }

  /// The run in a few lines for a terminal: a line for each stream with its red checks, and one for each fault.
  public var summary: String {
    let heading = String(format: "environment ready after %.1f s, whole run %.1f s", envReadyS, totalS)
    let width = max(12, (streams.map(\.fixture.count).max() ?? 0) + 1)
    let streamLines = streams.map { stream in
      let red = stream.checks.filter { !$0.passed }.map(\.name)
      let said = red.isEmpty ? "" : "  [red: \(red.joined(separator: ", "))]"
      let wrong = [(stream.wordErrorRate, "words wrong"), (stream.dubErrorRate, "dub misheard")].compactMap {
        rate, what in
        rate.flatMap { $0 > 0 ? "\(what) \(Int(($0 * 100).rounded()))%" : nil }
      }
      let words = wrong.isEmpty ? "" : "  (\(wrong.joined(separator: ", ")))"
      return
        "  \(stream.outcome.rawValue.padded(to: 12)) \(stream.fixture.padded(to: width)) \(stream.test)\(words)\(said)"
    }
    let faultLines = faults.map { fault in
      let caught = fault.caughtBy.isEmpty ? "nothing" : fault.caughtBy.joined(separator: ", ")
      guard !fault.ok else { return "  fault '\(fault.fault)': caught by \(caught)" }
      let expected = fault.expected.isEmpty ? "nothing" : fault.expected.joined(separator: ", ")
      return "  fault '\(fault.fault)': NOT CAUGHT AS EXPECTED: red are \(caught); expected were \(expected)"
    }
    let measured = measurements.sorted { $0.key < $1.key }.map { String(format: "  %@: %g", $0.key, $0.value) }
    return ([heading] + streamLines + measured + faultLines).joined(separator: "\n")
  }
}
