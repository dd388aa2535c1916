/// What of a fixture was sent, found by the sound of the fragments.
public struct FixtureCoverage: Sendable, Hashable {
  /// Whether a worker sends what is left when a stream ends and does not fill a fragment.
  public enum Tail: String, Sendable, Hashable, Codable { case flushed, dropped }

  /// How many fragments were sent.
  package var count: Int
  /// How much of the fixture's sound they hold.
  package var sent: Duration
  /// How much there is of it.
  package var whole: Duration
  /// What had gone by before the first fragment.
  package var missedStart: Duration
  /// What lies between two fragments and is in neither.
  package var gaps: [Range<Duration>]
  /// What lies in two fragments.
  package var overlaps: [Range<Duration>]
  /// What comes after the last fragment.
  package var missedEnd: Duration
  /// Length of a usual fragment.
  package var fragment: Duration

  /// - Parameters:
  ///   - fragments: the spans of the fixture that were sent, in order.
  ///   - whole: the span in which the fixture has sound.
  package init(_ fragments: [Range<Duration>], of whole: Range<Duration>) {
    count = fragments.count
    self.whole = whole.upperBound - whole.lowerBound
    (sent, gaps, overlaps) = (.zero, [], [])
    var end = whole.lowerBound
    missedStart = max(.zero, (fragments.first?.lowerBound ?? whole.upperBound) - whole.lowerBound)
    for (index, span) in fragments.sorted(by: { $0.lowerBound < $1.lowerBound }).enumerated() {
      if index > 0, span.lowerBound > end { gaps.append(end..<span.lowerBound) }
      if span.lowerBound < end, index > 0 { overlaps.append(span.lowerBound..<min(end, span.upperBound)) }
      let from = max(end, span.lowerBound)
      let to = min(span.upperBound, whole.upperBound)
      if to > from { sent += to - from }
      end = max(end, span.upperBound)
    }
    missedEnd = fragments.isEmpty ? .zero : max(.zero, whole.upperBound - end)
    let lengths = fragments.map { $0.upperBound - $0.lowerBound }.sorted()
    fragment = lengths.isEmpty ? .zero : lengths[lengths.count / 2]
  }

  /// What a worker may leave of the fixture's end: less than a fragment, unless it is described as one that flushes.
  func allowedEnd(_ tail: Tail?) -> Duration {
    tail != .flushed && missedEnd < fragment ? missedEnd : .zero
  }

  /// What is missing that may not be.
  package func problems(_ tolerances: Tolerances, tail: Tail?) -> [String] {
    guard count > 0 else { return ["no fragment was sent; the fixture has \(whole.text) of sound"] }
    var problems: [String] = []
    if missedStart > tolerances.missedStart {
      problems.append("the first \(missedStart.text) of the fixture were never sent")
    }
    problems += gaps.filter { $0.upperBound - $0.lowerBound > tolerances.gap }.map {
      "\($0.words) of the fixture was never sent"
    }
    problems += overlaps.filter { $0.upperBound - $0.lowerBound > tolerances.gap }.map {
      "\($0.words) of the fixture was sent twice"
    }
    if missedEnd - allowedEnd(tail) > tolerances.gap {
      let flushes =
        tail == .flushed && missedEnd < fragment ? ", and the worker is described as one that sends its tail" : ""
      problems.append("the last \(missedEnd.text) of the fixture were never sent\(flushes)")
    }
    return problems
  }

  /// In words: what was sent, and what is missing although it may be.
  package func measured(_ tail: Tail?) -> String {
    var parts = ["\(count) fragments, \(sent.text) of \(whole.text)"]
    if missedStart > .milliseconds(100) { parts.append("the first \(missedStart.text) were missed") }
    if allowedEnd(tail) > .milliseconds(100) { parts.append("the last \(missedEnd.text) were dropped") }
    return parts.joined(separator: "; ")
  }
}

extension Range<Duration> {
  fileprivate var words: String { "\(lowerBound.text) to \(upperBound.text)" }
}
