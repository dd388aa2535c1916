import Foundation

extension RunReport {
  /// Reads a report that a run has left, and in the log beside it whether something failed outside of every test case.
  ///
  /// - Throws: what reading the file throws; `DecodingError` for what is no report.
  package init(contentsOf file: URL) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .iso8601
    self = try decoder.decode(RunReport.self, from: Data(contentsOf: file))
    note(log: RunFolder.log(in: file.deletingLastPathComponent()))
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
    let asExpected = streams.count - Set(problems.compactMap(\.stream)).count
    var parts = ["\(asExpected) of \(streams.count) streams as expected"]
    if !faults.isEmpty { parts.append("\(faults.filter(\.ok).count) of \(faults.count) faults led to their diagnosis") }
    if let shards {
      let failed = (cases ?? []).count { $0.outcome == .failed }
      let own = (cases ?? []).filter { shards.reported.contains($0.shard ?? 0) }.count
      parts.append("\(shards.text): \(own) of \(cases?.count ?? 0) cases, \(failed) failed")
    }
    parts.append(String(format: "%.0f s, the slowest environment ready after %.1f s", totalS, envReadyS))
    var lines = ["\(mark(!isRed)) " + parts.joined(separator: "; ")]
    let groups = problemsByReason
    for group in groups.prefix(most) {
      let (one, more) = (group.problem, group.others.count)
      let what = more == 0 ? one.what : "\(one.what) and \(more) more"
      lines.append("  \(mark(false)) \(what)\(one.why.isEmpty ? "" : ": " + one.why.whatHappened.oneLine(atMost: 300))")
      if let place = one.stream { lines.append("      look at streams/\(place)/ and #stream-\(place) of index.html") }
    }
    let rest = groups.dropFirst(most).map { 1 + $0.others.count }.reduce(0, +)
    if rest > 0 { lines.append("  … and \(rest) more: index.html has them all") }
    let repeated = streams.filter { $0.repeatedAs != nil }
    if !repeated.isEmpty {
      lines.append(
        "  run again alone, since the machine was starved: \(repeated.map(\.stream).joined(separator: ", "))")
    }
    lines += lostEngines.map { "  \($0.oneLine(atMost: 300))" }
    let starved = streams.filter { $0.starvation?.isStarved == true }.count
    if starved > 0 { lines.append("  the machine was starved during \(starved) of \(streams.count) streams") }
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// Without an error's lines about what was run: in one line they would leave no room for what came of it.
  fileprivate var whatHappened: String {
    let lines = split(separator: "\n").filter { line in !["  command ", "  engine "].contains(where: line.hasPrefix) }
    return lines.joined(separator: "\n")
  }

  /// In one line, with one space between words, and cut where it is too long.
  fileprivate func oneLine(atMost length: Int) -> String {
    let line = split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > length ? line.prefix(length - 1) + "…" : line
  }
}
