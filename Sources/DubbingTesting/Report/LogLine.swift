import Foundation

/// One line of a project's log, as `docker compose logs --timestamps` writes it.
package struct LogLine: Sendable, Equatable {
  package var date: Date
  var service: String
  var text: String
  /// How often the service said the same, but for numbers, one after another.
  var count = 1

  package var level: LogLevel { LogLevel(of: text) }
}

extension LogLine {
  /// Reads a project's log; lines without a service or a time are left out.
  ///
  /// - Parameters:
  ///   - log: with the engine's times.
  ///   - offset: by how many milliseconds the engine's clock is ahead of the one by which everything else of the run was dated.
  package static func lines(of log: String, ahead offset: Double = 0) -> [LogLine] {
    log.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "|", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      let said = parts[1].drop { $0 == " " }
      guard let end = said.firstIndex(of: " "), let date = date(said[..<end]) else { return nil }
      return LogLine(
        date: date.addingTimeInterval(-offset / 1000), service: parts[0].trimmingCharacters(in: .whitespaces),
        text: String(said[end...].dropFirst()))
    }
  }

  /// Those within `margin` seconds of a moment, and all warnings and errors of the span, in the order of time.
  ///
  /// - Parameters:
  ///   - span: from the stream's first word to its last.
  ///   - others: names of streams whose lines are no business of this one.
  static func lines(
    _ all: [LogLine], near moments: [Date], in span: ClosedRange<Date>, without others: [String], margin: Double = 5
  ) -> [LogLine] {
    let wide = span.lowerBound.addingTimeInterval(-margin)...span.upperBound.addingTimeInterval(margin)
    let chosen = all.filter { line in
      let isNear = moments.contains { abs(line.date.timeIntervalSince($0)) <= margin }
      guard isNear || (line.level > .ordinary && wide.contains(line.date)) else { return false }
      return !others.contains { line.text.contains($0) }
    }
    return chosen.sorted { $0.date < $1.date }.reduce(into: []) { folded, line in
      if let last = folded.last, last.service == line.service, last.words == line.words {
        folded[folded.count - 1].count += 1
      } else {
        folded.append(line)
      }
    }
  }

  private var words: [Substring] { text.split { !$0.isLetter } }

  private static func date(_ text: Substring) -> Date? {
    // Nanoseconds are more than the parser takes.
    let parts = text.dropLast().split(separator: ".")
    guard let whole = parts.first, let date = try? Date(whole + "Z", strategy: .iso8601) else { return nil }
    return date.addingTimeInterval(parts.count > 1 ? Double("0." + parts[1]) ?? 0 : 0)
  }
}
