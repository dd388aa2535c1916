import AudioPrint
import Foundation

/// The figures of the breaks, for people and for scripts.
struct BreakReport {
  var result: BreakEvaluation.Result

  private static func isReported(_ source: Int) -> Bool { !source.isMultiple(of: 2) }
  private static func isSpeech(_ source: Int) -> Bool { BreakEvaluation.kinds[source].isSpeech }
  private var reported: [BreakEvaluation.Outcome] { result.outcomes.filter { Self.isReported($0.source) } }

  private static func isWanted(_ outcome: BreakEvaluation.Outcome) -> Bool {
    switch outcome.made.kind {
    case .missing: isSpeech(outcome.source) && outcome.made.length >= 0.02
    case .doubled, .skipped: outcome.made.length >= 0.1
    default: false
    }
  }

  private static func percent(_ outcomes: [BreakEvaluation.Outcome], _ is: (BreakEvaluation.Outcome) -> Bool) -> Double
  {
    100 * Double(outcomes.count(where: `is`)) / Double(max(1, outcomes.count))
  }

  /// Only what there was something to measure for.
  func rows() -> [Row] {
    let missing = reported.filter { $0.made.kind == .missing && Self.isSpeech($0.source) }
    let moved = reported.filter { [.doubled, .skipped].contains($0.made.kind) && $0.made.length >= 0.1 }
    let long = missing.filter { $0.made.length >= 0.04 }
    let short = missing.filter { $0.made.length >= 0.02 }
    // How much is rightly named besides stands in the tables.
    func row(_ name: String, _ outcomes: [BreakEvaluation.Outcome], _ wanted: Double, peer: Bool) -> Row {
      Row(
        name: name, unit: "%", lowerIsBetter: false, ours: Self.percent(outcomes, \.isFound),
        peers: peer ? ["silencedetect": Self.percent(outcomes) { $0.isSilent == true }] : [:], wanted: wanted,
        runs: outcomes.count)
    }
    let edges = reported.flatMap(\.edges)
    let clean = result.clean.filter { Self.isReported($0.source) }
    let hours = clean.map(\.hours).reduce(0, +)
    return [
      row("missing ≥ 40 ms in speech found", long, 99, peer: true),
      row("missing ≥ 20 ms in speech found", short, 90, peer: true),
      row("doubled or skipped ≥ 100 ms found", moved, 99, peer: false),
      Row(
        name: "edges of breaks, median", unit: "ms", lowerIsBetter: true,
        ours: 1000 * Statistics.quantile(edges, 0.5), peers: [:], wanted: 10, runs: edges.count),
      Row(
        name: "false alarms in 10 h without a break", unit: "", lowerIsBetter: true,
        ours: 10 * Double(clean.map(\.alarms.count).reduce(0, +)) / max(1e-9, hours),
        peers: ["silencedetect": 10 * Double(clean.map(\.silences).reduce(0, +)) / max(1e-9, hours)], wanted: 1,
        runs: clean.count),
      Row(
        name: "following one minute, decoded", unit: "CPU ms", lowerIsBetter: true,
        ours: result.milliseconds / max(1e-9, result.followed / 60), peers: [:], wanted: 6,
        runs: Int(result.followed / 60)),
    ].filter { $0.runs > 0 }
  }

  /// A line for each kind: rightly named and found at all, by length.
  private func lines(_ name: String, _ outcomes: [BreakEvaluation.Outcome]) -> [String] {
    let lengths = BreakMaker.lengths.map { pad("\(Int($0 * 1000)) ms", 14) }.joined()
    var lines = [
      "\n\(name): rightly named / found as anything, in %, with median and 95th percentile of the edges in ms"
    ]
    lines.append(pad("", 14) + lengths + "count   edges")
    for kind in BreakEvaluation.broken {
      let of = outcomes.filter { $0.made.kind == kind }
      let cells: [String] = BreakMaker.lengths.map { length in
        let some = of.filter { $0.made.length == length }
        let (named, found) = (Self.percent(some, \.isNamed), Self.percent(some, \.isFound))
        return pad(String(format: "%.1f / %.1f", named, found), 14)
      }
      let edges = of.flatMap(\.edges)
      let (median, most) = (1000 * Statistics.quantile(edges, 0.5), 1000 * Statistics.quantile(edges, 0.95))
      let tail = pad("\(of.count)", 8) + String(format: "%.1f, %.1f", median, most)
      lines.append(pad(kind.rawValue, 14) + cells.joined() + tail)
    }
    return lines
  }

  func text() -> String {
    let counts = BreakMaker.lengths.map { length in
      "\(Int(length * 1000)) ms \(result.outcomes.count { $0.made.length == length })"
    }
    var lines = [
      "breaks put in: \(result.outcomes.count), in \(Set(result.outcomes.map(\.source)).count) sources; "
        + counts.joined(separator: ", ")
    ]
    let tuned = result.outcomes.filter { !Self.isReported($0.source) }
    lines += self.lines("the half that thresholds were fixed on", tuned)
    if !reported.isEmpty { lines += self.lines("held-out half", reported) }
    lines.append("\nmissing, rightly named in %, by codec, speech only")
    for codec in BreakEvaluation.codecs {
      let of = result.outcomes.filter { $0.made.kind == .missing && $0.codec == codec.name && Self.isSpeech($0.source) }
      let cells = BreakMaker.lengths.map { length in
        pad(String(format: "%.1f", Self.percent(of.filter { $0.made.length == length }, \.isNamed)), 14)
      }
      lines.append(pad(codec.name, 18) + cells.joined())
    }
    lines.append("")
    for isHeldOut in [false, true] {
      let clean = result.clean.filter { Self.isReported($0.source) == isHeldOut }
      let hours = clean.map(\.hours).reduce(0, +)
      let alarms = clean.flatMap(\.alarms)
      let half = isHeldOut ? "held-out half" : "half that thresholds were fixed on"
      lines.append("without a break, \(half): " + String(format: "%.2f h, %d false alarms", hours, alarms.count))
      lines += alarms.map { "  " + $0 }
    }
    // Of the held-out half only how many: who sees which they are fixes thresholds on them.
    let strays = result.strays.filter { !Self.isReported($0.source) }
    lines.append(
      "reported elsewhere in broken recordings: \(strays.count), held-out half \(result.strays.count - strays.count)")
    lines += strays.prefix(40).map { "  " + $0.text }
    let misses = result.outcomes.filter { !Self.isReported($0.source) && !$0.isNamed && Self.isWanted($0) }
    lines.append("not rightly named of what is wanted, half that thresholds were fixed on: \(misses.count)")
    lines += misses.prefix(40).map {
      "  \(BreakEvaluation.kinds[$0.source].name), \($0.codec): \($0.made.kind.rawValue) at \($0.made.start) for \($0.made.length)\($0.isFound ? ", found" : "")"
    }
    lines.append("")
    for row in rows() {
      let peer = row.peers.sorted { $0.key < $1.key }.map { $0.key + String(format: " %.2f", $0.value) }
      let ours = pad(String(format: "%.2f ", row.ours) + row.unit, 16)
      let wanted = pad("wanted " + String(format: "%.0f", row.wanted ?? 0), 14)
      lines.append(pad(row.name, 40) + ours + wanted + peer.joined() + (row.isMet == false ? "  missed" : ""))
    }
    return lines.joined(separator: "\n")
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
