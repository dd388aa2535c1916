/// What is not as it should be. Summary, page, history and exit codes all go by this.
extension RunReport {
  /// A stream, a fault, a shard or a test case that is not as it should be.
  package struct Problem: Sendable, Hashable {
    /// Which one.
    package var what: String
    /// Why, where that is more than what it is.
    package var why = ""
    /// The stream to look at; nil: no stream was judged.
    package var stream: String?
  }

  /// Whether anything is not as it should be.
  package var isRed: Bool { !problems.isEmpty }

  /// All that is not as it should be, each thing once.
  package var problems: [Problem] { streamProblems + faultProblems + otherProblems }

  /// What is neither a stream nor a fault: shards, cases that did not fail for their stream, and what failed outside of every case.
  var otherProblems: [Problem] {
    let told = Set((streamProblems + faultProblems).compactMap(\.stream))
    let toldCases = Set(streams.filter { told.contains($0.stream) }.compactMap(\.testCase))
    let untold = (cases ?? []).filter { $0.outcome == .failed && !toldCases.contains($0.name) }
    return (shards?.gaps ?? []).map { Problem(what: $0) }
      + untold.map { Problem(what: $0.name, why: $0.issues?.first ?? "it failed without a word") }
      + (elsewhere ?? []).map { Problem(what: $0) }
  }

  /// Cases that have one reason, such as an environment that did not start; anything else stands alone.
  struct Alike {
    /// The first of them.
    var problem: Problem
    /// What else has that reason.
    var others: [String] = []
  }

  /// All that is not as it should be, what has one reason together.
  var problemsByReason: [Alike] {
    (streamProblems + faultProblems).map { Alike(problem: $0) } + otherProblemsByReason
  }

  /// ``otherProblems``, what has one reason together, in the order of the first of each.
  var otherProblemsByReason: [Alike] {
    var found: [Alike] = []
    var places: [String: Int] = [:]
    for problem in otherProblems {
      if !problem.why.isEmpty, let place = places[problem.why] {
        found[place].others.append(problem.what)
      } else {
        places[problem.why] = found.count
        found.append(.init(problem: problem))
      }
    }
    return found
  }

  private var streamProblems: [Problem] {
    streams.filter(\.isUnexpected).map { stream in
      let red = stream.failedChecks
      var reasons: [String] = []
      if stream.outcome != stream.expectedOutcome {
        reasons.append("\(stream.outcome.rawValue), expected \(stream.expectedOutcome.rawValue)")
      }
      if let first = red.first { reasons.append("\(first.name): \(first.detail)") }
      if red.count > 1 { reasons.append("red too: \(red.dropFirst().map(\.name).joined(separator: ", "))") }
      if let remark = stream.starvation?.remark { reasons.append(remark) }
      return Problem(
        what: "\(stream.fixture) in ‘\(stream.test)’", why: reasons.joined(separator: "; "), stream: stream.stream)
    }
  }

  private var faultProblems: [Problem] {
    faults.filter { !$0.ok }.map { fault in
      let (red, expected) = (Self.list(fault.caughtBy), Self.list(fault.expected))
      // The last of that name: one that was run again counts.
      return Problem(
        what: "fault ‘\(fault.fault)’", why: "red are \(red), expected were \(expected)",
        stream: streams.last { $0.fault == fault.fault }?.stream)
    }
  }

  private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}

extension RunReport {
  /// Adds what only the log of the tests knows: that something failed outside of every test case, such as the end of an environment.
  ///
  /// - Parameter log: what `swift test` printed, of one run or of several.
  package mutating func note(log: String) {
    guard !isRed, TestLog.isRed(log) else { return }
    let failures = TestLog.failures(in: log)
    elsewhere = failures.isEmpty ? ["the tests failed outside of their cases: test.log says how"] : failures
  }
}

/// What `swift test` printed.
enum TestLog {
  /// Whether it ends in red.
  static func isRed(_ log: String) -> Bool { log.split(separator: "\n").contains { $0.hasPrefix("✘ Test run with ") } }

  /// What Swift Testing said of tests and suites that failed.
  static func failures(in log: String) -> [String] {
    log.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("✘ "), line.contains(" recorded an issue") else { return nil }
      let words = line.dropFirst(2)
      return String((words.hasPrefix("Test ") ? words.dropFirst("Test ".count) : words).prefix(300))
    }
  }
}
