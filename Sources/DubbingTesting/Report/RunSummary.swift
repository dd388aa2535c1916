import Foundation

extension RunReport {
  /// Reads a report that a run has left.
  ///
  /// - Throws: what reading the file throws; `DecodingError` for what is no report.
  package init(contentsOf file: URL) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .iso8601
    self = try decoder.decode(RunReport.self, from: Data(contentsOf: file))
  }

  /// The run in a few lines for a terminal: how much was as expected, and of what was not which, why, and where to look.
  ///
  /// - Parameters:
  ///   - most: of how many that were not as expected it tells.
  ///   - isColoured: whether the terminal shows colours.
  package func summary(most: Int = 5, isColoured: Bool = false) -> String {
    func mark(_ isGood: Bool) -> String {
      let mark = isGood ? "✔" : "✘"
      return isColoured ? "\u{1B}[\(isGood ? 32 : 31)m\(mark)\u{1B}[0m" : mark
    }
    let wrong = unexpected
    let asExpected = streams.count - Set(wrong.compactMap(\.stream)).count
    var parts = ["\(asExpected) of \(streams.count) streams as expected"]
    if !faults.isEmpty { parts.append("\(faults.filter(\.ok).count) of \(faults.count) faults led to their diagnosis") }
    if let shards {
      let failed = (cases ?? []).count { $0.outcome == .failed }
      let own = (cases ?? []).filter { shards.reported.contains($0.shard ?? 0) }.count
      parts.append("\(shards.text): \(own) of \(cases?.count ?? 0) cases, \(failed) failed")
    }
    parts.append(String(format: "%.0f s, the slowest environment ready after %.1f s", totalS, envReadyS))
    let gaps = shards?.gaps ?? []
    var lines = ["\(mark(wrong.isEmpty && gaps.isEmpty)) " + parts.joined(separator: "; ")]
    lines += gaps.map { "  \(mark(false)) \($0)" }
    for one in wrong.prefix(most) {
      lines.append("  \(mark(false)) \(one.what): \(one.why.oneLine(atMost: 200))")
      if let place = one.stream { lines.append("      look at streams/\(place)/ and #stream-\(place) of index.html") }
    }
    if wrong.count > most { lines.append("  … and \(wrong.count - most) more: index.html has them all") }
    let repeated = streams.filter { $0.repeatedAs != nil }
    if !repeated.isEmpty {
      lines.append(
        "  run again alone, since the machine was starved: \(repeated.map(\.stream).joined(separator: ", "))")
    }
    let starved = streams.filter { $0.starvation?.isStarved == true }.count
    if starved > 0 { lines.append("  the machine was starved during \(starved) of \(streams.count) streams") }
    return lines.joined(separator: "\n")
  }

  private struct Unexpected {
    var what: String
    var why: String
    var stream: String?
  }

  private var unexpected: [Unexpected] {
    let streams = streams.filter(\.isUnexpected).map { stream in
      let red = stream.failedChecks
      var reasons: [String] = []
      if stream.outcome != stream.expectedOutcome {
        reasons.append("\(stream.outcome.rawValue), expected \(stream.expectedOutcome.rawValue)")
      }
      if let first = red.first { reasons.append("\(first.name): \(first.detail)") }
      if red.count > 1 { reasons.append("red too: \(red.dropFirst().map(\.name).joined(separator: ", "))") }
      if let remark = stream.starvation?.remark { reasons.append(remark) }
      return Unexpected(
        what: "\(stream.fixture) in ‘\(stream.test)’", why: reasons.joined(separator: "; "), stream: stream.stream)
    }
    let faults = faults.filter { !$0.ok }.map { fault in
      let (red, expected) = (Self.list(fault.caughtBy), Self.list(fault.expected))
      // The last of that name: one that was run again counts.
      return Unexpected(
        what: "fault ‘\(fault.fault)’", why: "red are \(red), expected were \(expected)",
        stream: self.streams.last { $0.fault == fault.fault }?.stream)
    }
    return streams + faults
  }

  private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}

extension String {
  /// Without line breaks, and cut where it is too long.
  fileprivate func oneLine(atMost length: Int) -> String {
    let line = split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > length ? line.prefix(length - 1) + "…" : line
  }
}
