/// One of several runs of the same tests, each of which runs a part of the cases.
package struct Shard: Sendable, Hashable, CustomStringConvertible {
  /// From 1 to `count`.
  package let index: Int
  package let count: Int

  /// - Throws: ``ShardError`` in the words of `source` if there is no such shard.
  init(_ index: Int, of count: Int, source: String) throws(ShardError) {
    guard count >= 1 else {
      throw ShardError("\(source) is of \(count) shards", next: "there has to be one at least")
    }
    guard (1...count).contains(index) else {
      throw ShardError(
        "\(source) is shard \(index) of \(count)", next: "the first is 1/\(count), the last \(count)/\(count)")
    }
    (self.index, self.count) = (index, count)
  }

  package var description: String { "\(index)/\(count)" }

  /// The shard that `E2E_SHARD` names: `2/5`, or with `auto` what the scheduler says. nil: the run is not split.
  ///
  /// What a scheduler says counts only with `auto`: a job that GitLab runs five times for another reason would lose cases.
  package static func chosen(in environment: [String: String]) throws(ShardError) -> Shard? {
    guard let text = environment["E2E_SHARD"], !text.isEmpty else { return nil }
    if text == "auto" { return try Scheduler.shard(in: environment) }
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let index = numbers[0], let count = numbers[1] else {
      throw ShardError(
        "E2E_SHARD=\(text) names no shard", next: "write 2/5 for the second of five, or auto where a scheduler says it")
    }
    return try Shard(index, of: count, source: "E2E_SHARD=\(text)")
  }
}

/// Why it cannot be said which cases this process has to run, or what several have run.
package struct ShardError: Error, Sendable, CustomStringConvertible {
  var problem: String
  /// What to do about it.
  var next: String

  package init(_ problem: String, next: String) { (self.problem, self.next) = (problem, next) }

  package var description: String { "\(problem): \(next)" }
}
