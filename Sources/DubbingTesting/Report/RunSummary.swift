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
      return "  \(stream.outcome.rawValue.padded(to: 12)) \(stream.fixture.padded(to: width)) \(stream.test)\(said)"
    }
    let faultLines = faults.map { fault in
      let caught = fault.caughtBy.isEmpty ? "nothing" : fault.caughtBy.joined(separator: ", ")
      guard !fault.ok else { return "  fault '\(fault.fault)': caught by \(caught)" }
      let expected = fault.expected.isEmpty ? "nothing" : fault.expected.joined(separator: ", ")
      return "  fault '\(fault.fault)': NOT CAUGHT AS EXPECTED: red are \(caught); expected were \(expected)"
    }
    return ([heading] + streamLines + faultLines).joined(separator: "\n")
  }
}
