import Synchronization
import Testing

/// How a test case went.
package struct CaseRun: Sendable {
  package enum Outcome: String, Sendable, Codable {
    case passed, failed
    /// It took itself back.
    case cancelled
    /// It was left to another shard, or the run ended before it.
    case notRun = "not run"
  }

  package var name: CaseName
  package var outcome: Outcome
  /// Without its waiting for a place or an environment.
  package var worked: Duration
  /// What made it fail.
  package var issues: [String]

  /// How a case went that was run elsewhere.
  package init(name: CaseName, outcome: Outcome, worked: Duration, issues: [String]) {
    (self.name, self.outcome, self.worked, self.issues) = (name, outcome, worked, issues)
  }

  /// Runs a case, and tells how it went before what it throws is thrown.
  static func told(
    to listener: @Sendable (CaseRun) async -> Void, _ test: Test, _ testCase: Test.Case,
    performing function: @Sendable () async throws -> Void
  ) async throws {
    let clock = CaseClock()
    let issues = Log()
    let watcher = IssueHandlingTrait.compactMapIssues { issue in
      if issue.isFailure { issues.add("\(issue)") }
      return issue
    }
    let result: Result<Void, any Error>
    do {
      try await CaseClock.$current.withValue(clock) {
        try await watcher.provideScope(for: test, testCase: testCase, performing: function)
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    var isCancelled = false
    if case .failure(let error) = result {
      // What `Test.cancel` throws has no public type, nor has what `#require` throws after it has recorded its issue.
      isCancelled = "\(type(of: error))" == "SkipInfo"
      if !isCancelled, "\(type(of: error))" != "ExpectationFailedError" { issues.add("\(error)") }
    }
    let all = issues.all
    await listener(
      CaseRun(
        name: CaseName(testCase, of: test), outcome: !all.isEmpty ? .failed : isCancelled ? .cancelled : .passed,
        worked: clock.worked, issues: all))
    try result.get()
  }

  /// What tasks of one case add to.
  private final class Log: Sendable {
    private let entries = Mutex<[String]>([])
    func add(_ entry: String) { entries.withLock { $0.append(String(entry.prefix(2000))) } }
    var all: [String] { entries.withLock { $0 } }
  }
}
