import Foundation
import Synchronization
import Testing

/// Runs this process's part of the cases: those of suites that share an environment.
package final class Shards: Sendable {
  package static let ofThisProcess = Shards(in: ProcessInfo.processInfo.environment)

  private struct State {
    /// Tests that are to run, and whether they have arguments.
    var tests: [String: Bool] = [:]
    var plan: ShardPlan?
    /// What has been decided so far: a test's cases are known when it begins.
    var decided: [CaseName: Int] = [:]
    /// Identifiers of tests with no case here.
    var leftOut: Set<String> = []
  }

  private let settings: Result<(shard: Shard, earlier: EarlierRun)?, ShardError>
  private let state = Mutex(State())

  init(in environment: [String: String]) {
    do throws(ShardError) {
      if let shard = try Shard.chosen(in: environment) {
        settings = .success((shard, try EarlierRun.chosen(in: environment)))
      } else {
        settings = .success(nil)
      }
    } catch {
      settings = .failure(error)
    }
  }

  /// This process's shard; nil: everything is run here.
  package var shard: Shard? { (try? settings.get())?.shard }

  /// Every case that has been decided so far, and its shard.
  package var decided: [CaseName: Int] { state.withLock { $0.decided } }

  /// Identifiers of tests that began and have no case here.
  package var leftOut: Set<String> { state.withLock { $0.leftOut } }

  // MARK: In the order of a run

  /// A test is planned. All are before the first one runs.
  func expect(_ test: Test) async {
    guard shard != nil, !test.isSuite, await test.isToRun else { return }
    state.withLock { $0.tests[test.nameInEveryRun] = test.isParameterized }
  }

  /// The first suite begins.
  ///
  /// - Throws: ``ShardError`` if the settings are wrong: once, and not for each test.
  func begin() throws { _ = try settings.get() }

  /// A test begins, and its cases are known: cancels it if all of them are others'.
  func admit(_ test: Test) throws {
    guard let (shard, earlier) = try settings.get() else { return }
    let cases = CaseName.all(of: test)
    let shards = state.withLock { state in
      let plan = state.plan ?? ShardPlan(count: shard.count, tests: state.tests, durations: earlier.durations)
      state.plan = plan
      for (position, name) in cases.enumerated() where state.decided[name] == nil {
        state.decided[name] = plan.shard(of: name, at: position)
      }
      let shards = Set(cases.compactMap { state.decided[$0] })
      if !shards.contains(shard.index) { state.leftOut.insert("\(test.id)") }
      return shards
    }
    guard !shards.contains(shard.index) else { return }
    try Test.cancel("left to \(Self.list(shards)) of \(shard.count)")
  }

  /// A case begins: cancels it if it is another shard's.
  func admit(_ testCase: Test.Case, of test: Test) throws {
    guard let (shard, _) = try settings.get() else { return }
    let names = [CaseName(testCase, of: test), CaseName(test: test.nameInEveryRun)]
    let decided = self.decided
    let owner = names.lazy.compactMap { decided[$0] }.first
    // Rather twice than never.
    guard let owner, owner != shard.index else { return }
    try Test.cancel("left to shard \(owner) of \(shard.count)")
  }

  /// A suite has ended: what of it was run here and what was not, in a line; nil: everything was to be.
  func line(about suite: Test) -> String? {
    guard let (shard, earlier) = try? settings.get() else { return nil }
    let name = suite.nameInEveryRun
    let cases = decided.filter { $0.key.test == name || $0.key.test.hasPrefix(name + "/") }
    let here = cases.values.count { $0 == shard.index }
    let subject = "e2e: shard \(shard) of '\(suite.displayName ?? suite.name)'"
    guard here > 0 else {
      return cases.isEmpty
        ? "\(subject) has no case: the selection has none"
        : "\(subject) has no case: all \(cases.count) are left to \(Self.list(Set(cases.values)))"
    }
    return
      "\(subject): \(here) of \(cases.count) cases here, \(cases.count - here) left to the others, \(earlier.remark)"
  }

  private static func list(_ shards: Set<Int>) -> String {
    (shards.count == 1 ? "shard " : "shards ") + shards.sorted().map { "\($0)" }.joined(separator: ", ")
  }
}

extension Test {
  /// Whether its conditions and the selection by tags let it run; what other traits do is known too late, and does no harm.
  fileprivate var isToRun: Bool {
    get async {
      for trait in traits {
        if let selection = trait as? SelectedTagsTrait, !selection.selects(self) { return false }
        if let condition = trait as? ConditionTrait, (try? await condition.evaluate()) == false { return false }
      }
      return true
    }
  }
}
