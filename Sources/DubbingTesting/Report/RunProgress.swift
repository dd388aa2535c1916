import Foundation

/// How far a run has come (pure): n of m, what runs, and about how long the rest will take.
package struct RunProgress: Sendable {
  /// Tests of which no stream has been asked for yet, by their identifiers: how many streams each will have nobody says beforehand.
  private var awaited: Set<String> = []
  private var asked = 0
  private var done = 0
  /// What is being published or judged, in the order of their beginning.
  private var running: [String] = []
  private var firstAt: Duration?

  package init() {}

  /// A test that will ask for a stream, one for each of its cases.
  package mutating func expect(_ test: String) { awaited.insert(test) }

  /// Tests that another shard runs.
  mutating func forget(_ tests: Set<String>) { awaited.subtract(tests) }

  /// A test case asks for a stream, and may wait for a place.
  package mutating func ask(of test: String) {
    awaited.remove(test)
    asked += 1
  }

  /// Something is being published.
  ///
  /// - Parameter time: since some beginning.
  package mutating func begin(_ name: String, at time: Duration) {
    firstAt = firstAt ?? time
    running.append(name)
  }

  /// It is judged, or could not be.
  package mutating func end(_ name: String) {
    if let index = running.firstIndex(of: name) { running.remove(at: index) }
  }

  /// A test case that had asked for a stream is over.
  package mutating func finish() { done += 1 }

  /// How many streams there are, as far as is known.
  var total: Int { asked + awaited.count }

  /// One line, no longer than `width` where there is one.
  package func line(at time: Duration, width: Int? = nil) -> String {
    var parts = ["e2e: \(done) of \(total)"]
    if done > 0, done < total, let firstAt {
      // What runs counts as half done: in the first minute nearly everything does.
      let ended = Double(done) + Double(running.count) / 2
      let left = (time - firstAt).seconds / ended * max(0, Double(total) - ended)
      parts.append("about \(Self.text(left)) left")
    }
    if !running.isEmpty { parts.append("now " + running.joined(separator: ", ")) }
    let line = parts.joined(separator: " · ")
    guard let width, line.count > width, width > 1 else { return line }
    return line.prefix(width - 1) + "…"
  }

  private static func text(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
  }
}
