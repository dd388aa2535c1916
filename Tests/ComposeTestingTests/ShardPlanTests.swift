import ComposeTesting
import Testing

@Suite("Splitting cases among shards", .kind(.logic))
struct ShardPlanTests {
  /// The same numbers in every run (SplitMix64).
  struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// Tests with the number of their cases; nil: without arguments.
  struct Selection {
    var tests: [String: Int?] = [:]
    var durations: [CaseName: Double] = [:]

    /// - Parameter timed: how many of a hundred cases an earlier run has timed.
    init(_ numbers: inout Numbers, tests count: Int, withArguments: Bool = true, timed: Int) {
      for index in 0..<count {
        let cases = withArguments && Bool.random(using: &numbers) ? Int.random(in: 1...12, using: &numbers) : nil
        tests["Suite/test\(index)"] = .some(cases)
      }
      for (name, _) in cases where Int.random(in: 0..<100, using: &numbers) < timed {
        // Some are equally long.
        durations[name] = Double(Int.random(in: 1...20, using: &numbers))
      }
      // What is no longer there, and what was.
      durations[CaseName(test: "Suite/gone")] = 500
    }

    /// Each case, and which of its test's it is.
    var cases: [(CaseName, Int)] {
      tests.sorted { $0.key < $1.key }.flatMap { test, count in
        guard let count else { return [(CaseName(test: test), 0)] }
        return (0..<count).map { (CaseName(test: test, arguments: "argument \($0)"), $0) }
      }
    }

    /// As a runner knows it, to whom everything was told in another order.
    func plan(_ count: Int, _ numbers: inout Numbers) -> ShardPlan {
      var known = [String: Bool](minimumCapacity: Int.random(in: 0...300, using: &numbers))
      for (test, cases) in tests.shuffled(using: &numbers) { known[test] = cases != nil }
      var timed = [CaseName: Double](minimumCapacity: Int.random(in: 0...300, using: &numbers))
      for (name, seconds) in durations.shuffled(using: &numbers) { timed[name] = seconds }
      return ShardPlan(count: count, tests: known, durations: timed)
    }
  }

  @Test("Each case is run by exactly one of the runners, whatever is known of durations", arguments: 1...9)
  func exactlyOne(_ count: Int) {
    var numbers = Numbers(state: UInt64(count))
    for timed in [0, 50, 100] {
      for _ in 0..<40 {
        let selection = Selection(&numbers, tests: Int.random(in: 0...20, using: &numbers), timed: timed)
        var runs: [CaseName: Int] = [:]
        for runner in 1...count {
          let plan = selection.plan(count, &numbers)
          for (name, position) in selection.cases where plan.shard(of: name, at: position) == runner {
            runs[name, default: 0] += 1
          }
        }
        #expect(runs.count == selection.cases.count && runs.values.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test("With durations known, no shard is longer than 4/3 − 1/3m of the best split", arguments: 1...4)
  func longestFirst(_ count: Int) {
    var numbers = Numbers(state: 7 * UInt64(count))
    for _ in 0..<40 {
      let durations = (0..<7).map { _ in Int.random(in: 1...20, using: &numbers) }
      let longest = self.loads(durations, count).max() ?? 0
      let best = self.best(durations, [Int](repeating: 0, count: count))
      // Graham, "Bounds on multiprocessing timing anomalies", 1969.
      #expect(3 * count * longest <= (4 * count - 1) * best, "\(durations): \(longest), could be \(best)")
    }
  }

  @Test("Many cases of known durations: the shards differ by no more than the shortest case", arguments: 2...9)
  func isLevel(_ count: Int) {
    var numbers = Numbers(state: 11 * UInt64(count))
    for _ in 0..<20 {
      let durations = (0..<200).map { _ in Int.random(in: 1...20, using: &numbers) }
      let loads = self.loads(durations, count)
      #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= (durations.min() ?? 0), "\(loads)")
    }
  }

  @Test(
    "Without durations shards differ by one case at most, and by one more for each test with arguments",
    arguments: 1...9)
  func isEven(_ count: Int) {
    var numbers = Numbers(state: 13 * UInt64(count))
    for withArguments in [false, true] {
      let selection = Selection(&numbers, tests: 30, withArguments: withArguments, timed: 0)
      let plan = selection.plan(count, &numbers)
      var sizes = [Int](repeating: 0, count: count)
      for (name, position) in selection.cases { sizes[plan.shard(of: name, at: position) - 1] += 1 }
      let uneven = selection.tests.values.count { $0 != nil }
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1 + uneven, "\(sizes)")
    }
  }

  @Test("Durations that no clock can have measured do no harm")
  func oddDurations() {
    let odd = [Double.nan, .infinity, -.infinity, -5, 0, 1e300]
    let names = odd.indices.map { CaseName(test: "t", arguments: "\($0)") }
    let plan = ShardPlan(count: 3, tests: ["t": true], durations: Dictionary(uniqueKeysWithValues: zip(names, odd)))
    #expect(names.enumerated().allSatisfy { (1...3).contains(plan.shard(of: $1, at: $0)) })
  }

  /// How long each shard takes, seconds.
  private func loads(_ durations: [Int], _ count: Int) -> [Int] {
    let names = durations.indices.map { CaseName(test: "t", arguments: "\($0)") }
    let timed = Dictionary(uniqueKeysWithValues: zip(names, durations.map(Double.init)))
    let plan = ShardPlan(count: count, tests: ["t": true], durations: timed)
    var loads = [Int](repeating: 0, count: count)
    for (position, name) in names.enumerated() { loads[plan.shard(of: name, at: position) - 1] += durations[position] }
    return loads
  }

  /// The longest shard of the best split: all are tried.
  private func best(_ durations: [Int], _ loads: [Int]) -> Int {
    guard let next = durations.first else { return loads.max() ?? 0 }
    return loads.indices.map { shard in
      var loads = loads
      loads[shard] += next
      return best(Array(durations.dropFirst()), loads)
    }.min() ?? 0
  }
}
