import ComposeTesting

extension RunReport {
  /// A test case, and how it went.
  package struct Case: Sendable, Codable, Hashable {
    /// Module, suites and function.
    package var test: String
    /// As text; nil for a test without arguments.
    package var arguments: String?
    /// The shard whose case it is, from 1; nil in a run that was not split.
    package var shard: Int?
    package var outcome: CaseRun.Outcome
    /// Seconds, without its waiting for a place or an environment; nil: not run.
    package var durationS: Double?
    /// What made it fail.
    package var issues: [String]?

    package init(
      test: String, arguments: String? = nil, shard: Int? = nil, outcome: CaseRun.Outcome, durationS: Double? = nil,
      issues: [String]? = nil
    ) {
      self.test = test
      self.arguments = arguments
      self.shard = shard
      self.outcome = outcome
      self.durationS = durationS
      self.issues = issues
    }
  }

  /// Which shards of how many a report is about.
  package struct Shards: Sendable, Codable, Hashable {
    /// From 1; several in a merged report.
    package var reported: [Int]
    package var count: Int
    /// What a merged report does not know: shards that are missing or were cut off, a sentence each.
    package var gaps: [String]

    package init(reported: [Int], count: Int, gaps: [String]) {
      (self.reported, self.count, self.gaps) = (reported, count, gaps)
    }

    /// Those that are not in the report.
    package var missing: [Int] { (1...max(1, count)).filter { !reported.contains($0) } }

    /// `shard 2 of 5`, or `shards 1, 2 of 5`.
    var text: String {
      "shard\(reported.count == 1 ? "" : "s") \(reported.map { "\($0)" }.joined(separator: ", ")) of \(count)"
    }
  }
}

extension RunReport.Case {
  /// Test and arguments.
  package var name: String { "\(CaseName(test: test, arguments: arguments))" }

  init(_ name: CaseName, shard: Int?) {
    (test, arguments, self.shard, outcome) = (name.test, name.arguments, shard, .notRun)
  }

  /// Adds how it went. Of several cases of one name, with the same arguments, all count.
  mutating func add(_ run: CaseRun) {
    if outcome != .failed { outcome = run.outcome }
    durationS = ((durationS ?? 0) + run.worked.seconds).rounded(places: 3)
    if !run.issues.isEmpty { issues = (issues ?? []) + run.issues }
  }
}
