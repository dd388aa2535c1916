/// Which case is in which shard; the same wherever it is made of the same tests and durations (pure).
package struct ShardPlan: Sendable {
  let count: Int
  private var shards: [CaseName: Int] = [:]
  /// Where the dealing of a test's cases begins that nobody has timed.
  private var begins: [String: Int] = [:]

  /// Spreads what is known beforehand: the longest first, each to the shard with least so far.
  ///
  /// - Parameters:
  ///   - count: of shards.
  ///   - tests: those that are to run, and whether they have arguments. Their cases are known only when each begins.
  ///   - durations: of cases of an earlier run, seconds. A test that is not among them is taken to last as long as the mean.
  package init(count: Int, tests: [String: Bool], durations: [CaseName: Double]) {
    self.count = count
    // Whole milliseconds: sums of fractions depend on their order.
    let timed = durations.filter { tests[$0.key.test] != nil }.mapValues { Self.milliseconds($0) }
    let mean = timed.isEmpty ? 1 : max(1, timed.values.reduce(0, +) / timed.count)
    var weights = timed
    for (test, hasArguments) in tests where !hasArguments {
      let name = CaseName(test: test)
      weights[name] = timed[name] ?? mean
    }
    let order = weights.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    var loads = [Int](repeating: 0, count: count)
    for (name, weight) in order {
      guard let least = loads.indices.min(by: { loads[$0] < loads[$1] }) else { continue }
      loads[least] += weight
      shards[name] = least + 1
    }
    for (offset, test) in tests.filter(\.value).keys.sorted().enumerated() { begins[test] = order.count + offset }
  }

  /// The shard of a case, from 1.
  ///
  /// - Parameter position: which of its test's cases it is, from 0. Cases that nobody has timed are dealt round.
  package func shard(of name: CaseName, at position: Int) -> Int {
    shards[name] ?? (begins[name.test, default: 0] + position) % count + 1
  }

  private static func milliseconds(_ seconds: Double) -> Int {
    // A report is a file: whatever it says, nothing here may trap.
    seconds.isFinite ? Int(min(max(seconds * 1000, 1), 1e9)) : 1
  }
}
