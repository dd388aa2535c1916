import Foundation

/// The report as one self-contained page: what a person looks at when a run was red.
struct RunPage {
  var report: RunReport
  var verdicts: [DubbingVerdict]

  var html: String {
    """
    <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dubbing E2E</title><style>\(Self.style)</style></head><body>
    <h1>Dubbing E2E</h1>
    <p>\(report.started.formatted(.iso8601)) · environment ready after \(report.envReadyS.short) s · whole run \(report.totalS.short) s ·
    \(report.streams.count) streams</p>
    \(zip(report.streams, verdicts).map(section).joined(separator: "\n"))
    \(faultTable)
    </body></html>
    """
  }

  private func section(_ stream: RunReport.Stream, _ verdict: DubbingVerdict) -> String {
    """
    <section><h2 class="\(verdict.passed ? "good" : "other")">\(stream.outcome.rawValue) <small>\(stream.test.escaped)</small></h2>
    <p>fixture <b>\(stream.fixture.escaped)</b>, \(stream.durationS.short) s, <a href="streams/\(stream.stream)/output.flv">recording</a>,
    <a href="streams/\(stream.stream)/events.jsonl">events</a></p>
    \(Timeline(verdict: verdict).svg)
    <table><tr><th>fragment<th>processed after<th>transcript<th>translation<th>attributed to<th>coherence<th>A/V delta</tr>
    \(stream.fragments.map(row).joined())</table>
    <table>\(stream.checks.map(row).joined())</table></section>
    """
  }

  private func row(_ fragment: RunReport.Stream.Fragment) -> String {
    let cells = [
      "\(fragment.sequence)", fragment.processingMs.map { "\($0.short) ms" } ?? "never", fragment.transcript ?? "–",
      fragment.translatedText ?? "–", fragment.attributedTo, fragment.coherence.map(\.short) ?? "–",
      fragment.avDeltaMs.map { "\($0.short) ms" } ?? "–",
    ]
    return "<tr>" + cells.map { "<td>\($0.escaped)" }.joined() + "</tr>\n"
  }

  private func row(_ check: RunReport.Stream.Check) -> String {
    "<tr class=\"\(check.passed ? "passed" : "failed")\"><td>\(check.passed ? "✔" : "✘")<td>\(check.name)<td>\(check.detail.escaped)</tr>\n"
  }

  private var faultTable: String {
    guard !report.faults.isEmpty else { return "" }
    let rows = report.faults.map { fault in
      let caught = fault.caughtBy.isEmpty ? "nothing, as it should be" : fault.caughtBy.joined(separator: ", ")
      return """
        <tr class="\(fault.ok ? "passed" : "failed")"><td>\(fault.ok ? "✔" : "✘")<td>\(fault.fault.escaped)<td>\(caught)<td>\(
          fault.message.escaped)</tr>

        """
    }
    return "<h2>Faults</h2><table><tr><th><th>injected<th>caught by<th>message</tr>\(rows.joined())</table>"
  }

  private static let style = """
    body{font:15px system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}
    section{border-top:1px solid #ccc;margin-top:2em} table{border-collapse:collapse;margin:1em 0}
    td,th{padding:.2em .8em .2em 0;text-align:left;vertical-align:top} small{font-weight:normal;color:#555}
    h2.good{color:#176b3a} h2.other{color:#8a4b00} .failed{color:#b00020} .passed td:first-child{color:#176b3a}
    svg text{font:12px system-ui,sans-serif}
    """
}

/// When each fragment was sent and answered, and below it what its window of the output holds.
private struct Timeline {
  var verdict: DubbingVerdict

  private let scale = 24.0  // pixels for a second
  private let rowHeight = 18.0

  var svg: String {
    let ends = verdict.fragments.map { ($0.sentAfter ?? 0) + ($0.processing?.seconds ?? 0) }
    let width = max(ends.max() ?? 0, verdict.duration) * scale + 160
    let height = Double(verdict.fragments.count) * rowHeight + 50
    let bars = verdict.fragments.enumerated().map(bar).joined()
    let strip = verdict.fragments.map { cell($0, at: height - 38) }.joined()
    return """
      <svg width="\(width.short)" height="\(height.short)" role="img" aria-label="sent, answered and what the output holds">\(bars)\(strip)</svg>
      """
  }

  private func bar(_ row: Int, _ fragment: DubbingVerdict.Fragment) -> String {
    guard let sent = fragment.sentAfter else { return "" }
    let wait = fragment.processing?.seconds ?? 0
    let label =
      fragment.processing.map { "fragment \(fragment.sequence): \($0.text)" }
      ?? "fragment \(fragment.sequence): never answered"
    let y = Double(row) * rowHeight
    return """
      <rect x="\((sent * scale).short)" y="\((y + 3).short)" width="\(max(2, wait * scale).short)" height="12" fill="#4a78c2"/>\
      <text x="\(((sent + wait) * scale + 6).short)" y="\((y + 13).short)">\(label)</text>
      """
  }

  private func cell(_ fragment: DubbingVerdict.Fragment, at y: Double) -> String {
    let length = TimeBudget.standard.segment.seconds
    let x = Double(fragment.sequence) * length * scale
    return """
      <rect x="\(x.short)" y="\(y.short)" width="\((length * scale - 2).short)" height="26" fill="\(color(of: fragment))"/>\
      <text x="\((x + 6).short)" y="\((y + 17).short)" fill="#fff">\(fragment.attributedTo)</text>
      """
  }

  private func color(of fragment: DubbingVerdict.Fragment) -> String {
    switch fragment.attributedTo {
    case "dubbed \(fragment.sequence)": "#176b3a"
    case "original": "#8a4b00"
    case "silent": "#777"
    default: "#b00020"
    }
  }
}

extension String {
  fileprivate var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }
}

extension Double {
  fileprivate var short: String {
    let text = String(format: "%.2f", self)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}
