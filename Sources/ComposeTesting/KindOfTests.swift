package import Testing

/// What a suite needs of the machine: suites of one kind run side by side, and kinds one after the other.
///
/// Swift Testing runs whatever it selects all at once. On two cores what computes then starves what waits for an answer, and both
/// starve streams, which are of real time.
package enum KindOfTests: Int, Sendable, CaseIterable {
  /// Protocols and pure logic.
  case logic
  /// Takes all cores for a while.
  case computing
  /// Starts containers.
  case containers
  /// Publishes streams.
  case streams

  /// Runs `body` beside what is of this kind only; inside of a suite of this kind, at once.
  package func turn<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    try await Turns.ofThisProcess.during(rawValue, body)
  }
}

/// Gives a suite its turn; made with `.kind`.
///
/// Only for suites that are in no other: one of another kind inside would wait for the one around it.
package struct KindOfTestsTrait: SuiteTrait, TestScoping {
  let kind: KindOfTests

  package func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { test.isSuite ? self : nil }

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await kind.turn { try await function() }
  }
}

extension Trait where Self == KindOfTestsTrait {
  /// The suite runs beside suites of its kind only.
  package static func kind(_ kind: KindOfTests) -> Self { KindOfTestsTrait(kind: kind) }
}
