package import Testing

/// What a suite needs of the machine: suites of one kind run side by side, and kinds one after the other.
///
/// Swift Testing runs whatever it selects all at once. On two cores what computes then starves what waits for an answer, and both
/// starve streams, which are of real time.
package enum KindOfTests: Int, Sendable, CaseIterable {
  /// Protocols and pure logic, in this process: unit tests.
  case logic
  /// The same beside programs that they start: peers of a protocol, ffmpeg, commands. Runs beside `logic`.
  case programs
  /// Takes all cores for a while.
  case computing
  /// Starts containers.
  case containers
  /// Publishes streams.
  case streams

  /// Runs `body` beside what is of this kind only; inside of a suite of this kind, at once.
  package func turn<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    try await Turns.ofThisProcess.during(self == .programs ? Self.logic.rawValue : rawValue, body)
  }
}

/// Gives a suite its turn; made with `.kind`. Of all cases that compute as many run at once as there are cores, and sixteen of those
/// that start containers.
///
/// Only for suites that are in no other: one of another kind inside would wait for the one around it.
package struct KindOfTestsTrait: SuiteTrait, TestTrait, TestScoping {
  /// All at once, each would take as long as all together, and the programs that they start are given up before that. An engine has
  /// address ranges for some thirty networks, of which a test needs one or two.
  private static let places: [KindOfTests: ConcurrencyLimit] = [
    .computing: ConcurrencyLimit(limit: ConcurrencyLimit.cores), .containers: ConcurrencyLimit(limit: 16),
  ]

  let kind: KindOfTests

  /// For the places, which cases take; what is recursive must be a test's trait as well.
  package var isRecursive: Bool { Self.places[kind] != nil }

  package func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
    test.isSuite || testCase != nil ? self : nil
  }

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    if test.isSuite { return try await kind.turn { try await function() } }
    guard let places = Self.places[kind] else { return try await function() }
    try await places.withPlace { _ in try await function() }
  }
}

/// Gives a suite that starts programs a place among as many such suites as there are cores; made with `.inTurn`.
///
/// While a hundred programs are loaded at once none of them answers in its time.
package struct TurnTrait: SuiteTrait, TestScoping {
  package static let places = ConcurrencyLimit(limit: ConcurrencyLimit.cores)

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await Self.places.withPlace { _ in try await function() }
  }
}

extension Trait where Self == TurnTrait {
  /// The suite starts programs.
  package static var inTurn: Self { TurnTrait() }
}

extension Trait where Self == KindOfTestsTrait {
  /// The suite runs beside suites of its kind only.
  package static func kind(_ kind: KindOfTests) -> Self { KindOfTestsTrait(kind: kind) }
}
