import Foundation

extension DubbingVerdict {
  /// The verdict as a table for a terminal: one line a fragment, then one line for each check.
  ///
  /// - Parameters:
  ///   - test: the name that stands at the head of the table.
  ///   - fault: what was broken on purpose; red checks are then what is hoped for.
  public func table(test: String, fault: String? = nil) -> String {
    let header = ["fragment", "sent at", "processed after", "transcript", "attributed to", "coherence", "A/V delta"]
    let rows = fragments.map { fragment in
      [
        "\(fragment.sequence)",
        fragment.sentAfter?.text ?? "never",
        fragment.processing?.text ?? "never",
        (fragment.transcript ?? "–").shortened(to: 48),
        fragment.attributedTo.description,
        fragment.coherence.map { String(format: "%.2f", $0) } ?? "–",
        fragment.avDelta.map { $0.milliseconds.signedMilliseconds } ?? "–",
      ]
    }
    let lines = columns([header] + rows).map { "  " + $0 }
    let checkLines = checks.map {
      "  \($0.state.mark) \($0.name.rawValue.padded(to: 16)) \($0.detail.shortened(to: 160))"
    }
    return ([heading(test: test, fault: fault)] + lines + checkLines).joined(separator: "\n")
  }

  /// The verdict in a line.
  func heading(test: String, fault: String? = nil) -> String {
    let found = "\(test): \(fixture) as \(stream) is \(outcome.rawValue.uppercased())"
    if let fault { return "⚡ \(found), under the fault '\(fault)'" }
    if passed { return "✔ \(found)" }
    return "✘ \(found)" + (outcome == expectedOutcome ? "" : ", expected \(expectedOutcome.rawValue)")
  }

  private func columns(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ") }
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
  fileprivate func shortened(to width: Int) -> String { count > width ? prefix(width - 1) + "…" : self }
}

extension DubbingVerdict.Check.State {
  /// One letter for a terminal and the page.
  var mark: String {
    switch self {
    case .passed: "✔"
    case .failed: "✘"
    case .notAsked: "–"
    }
  }
}
