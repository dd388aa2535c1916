import Foundation

// What the parts of the page are written with.

extension String {
  /// Safe between tags and inside quoted attributes.
  var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }

  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }

  /// A path for an `href`, relative to the page.
  package var href: String { (addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? self).escaped }
}

extension Double {
  /// At most two decimals, without zeros at the end.
  var short: String {
    var text = String(format: "%.2f", self)
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// Milliseconds, early or late: `+12.0 ms`. What rounds to 0 is never `-0.0`, which would look like a finding.
  package var signedMilliseconds: String {
    let tenths = (self * 10).rounded() / 10
    return String(format: "%+.1f ms", tenths == 0 ? 0 : tenths)
  }

  /// A share of `whole` in per cent, for a style.
  func percent(of whole: Double) -> String { String(format: "%.3f%%", whole > 0 ? self / whole * 100 : 0) }
}

/// A time axis that every lane of a figure shares; its marks are positions in per cent, so that the figure fits any width.
package struct PageAxis {
  /// Seconds that the whole width stands for.
  var end: Double

  package init(end: Double) { self.end = max(end, 1) }

  /// The style of something that lasts.
  package func span(_ start: Double, _ length: Double) -> String {
    "left:\(start.percent(of: end));width:\(max(0, length).percent(of: end))"
  }

  func at(_ time: Double) -> String { "left:\(time.percent(of: end))" }

  /// Numbers every so many seconds, at most a dozen.
  var ticks: String {
    let step = [1.0, 2, 3, 6, 12, 30, 60, 300].first { end / $0 <= 12 } ?? end
    return stride(from: 0, through: end, by: step).map { time in
      // A number at the right end would stand out of the figure.
      let isLast = time > end * 0.97
      return "<span style=\"\(isLast ? "right:0" : at(time))\">\(time.short)\(time == 0 ? " s" : "")</span>"
    }.joined()
  }
}
