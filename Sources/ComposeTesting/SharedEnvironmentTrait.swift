import Foundation
public import Testing

/// Gives a suite (or a single test) an environment that its tests share: started when the first asks for it, ended with the suite.
///
/// For traits of your own; ``ComposeSuiteTrait`` is one. It also is a test trait because Swift Testing 6.3 crashes while planning if
/// a recursive suite trait is not.
///
/// ```swift
/// extension Trait where Self == SharedEnvironmentTrait<URL> {
///   static var mockServer: Self {
///     SharedEnvironmentTrait(LazyEnvironment("mock server") { ready in try await withMockServer { try await ready($0.url) } })
///   }
/// }
/// // in a test of such a suite:
/// let url = try await SharedEnvironmentTrait<URL>.value()
/// ```
public struct SharedEnvironmentTrait<Value: Sendable>: SuiteTrait, TestTrait, TestScoping {
  private let environment: LazyEnvironment<Value>
  private let onEntry: @Sendable () async -> Void
  private let onFailure: @Sendable (Value, Test) async -> Void
  private var onCase: @Sendable (CaseRun) async -> Void = { _ in }
  private var onExit: @Sendable () async -> Void = {}

  /// - Parameters:
  ///   - environment: belongs to this trait alone.
  ///   - onEntry: is called when the suite begins, whether or not the environment is ever asked for.
  ///   - onFailure: is called after a test that failed, while things can still be attached to it.
  public init(
    _ environment: LazyEnvironment<Value>, onEntry: @escaping @Sendable () async -> Void = {},
    onFailure: @escaping @Sendable (Value, Test) async -> Void = { _, _ in }
  ) {
    self.environment = environment
    self.onEntry = onEntry
    self.onFailure = onFailure
  }

  /// Tells of each case that has ended in the environment, and of the end of its suite.
  package func reporting(
    case onCase: @escaping @Sendable (CaseRun) async -> Void, exit onExit: @escaping @Sendable () async -> Void
  ) -> Self {
    var trait = self
    (trait.onCase, trait.onExit) = (onCase, onExit)
    return trait
  }

  /// Tests inside inherit the trait, so that each can be watched for its failure.
  public var isRecursive: Bool { true }

  public func prepare(for test: Test) async throws { await Shards.ofThisProcess.expect(test) }

  public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { self }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    if let testCase {
      return try await provideCase(testCase, of: test, performing: function)
    }
    let isOutermost = OpenEnvironments.all.isEmpty
    if isOutermost { try Shards.ofThisProcess.begin() }
    if !test.isSuite { try Shards.ofThisProcess.admit(test) }
    // Suites and tests inside the one that was given the trait are in its scope already.
    guard !OpenEnvironments.all.contains(where: { $0 === environment }) else { return try await function() }
    await onEntry()
    let result: Result<Void, any Error>
    do {
      try await environment.scope {
        try await OpenEnvironments.$all.withValue(OpenEnvironments.all + [environment]) { try await function() }
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    if isOutermost, let line = Shards.ofThisProcess.line(about: test) {
      FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
    await onExit()
    try result.get()
  }

  private func provideCase(
    _ testCase: Test.Case, of test: Test, performing function: @Sendable () async throws -> Void
  ) async throws {
    try Shards.ofThisProcess.admit(testCase, of: test)
    // Only the innermost environment has something to say of a test.
    guard Self.innermost === environment else { return try await function() }
    try await CaseRun.told(to: onCase, test, testCase) {
      try await withFailureWatched(for: test, testCase: testCase, performing: function) {
        if let value = environment.valueIfReady { await onFailure(value, test) }
      }
    }
  }

  /// The environments with such a value of the suites around the current test, the innermost last.
  private static var open: [LazyEnvironment<Value>] {
    OpenEnvironments.all.compactMap { $0 as? LazyEnvironment<Value> }
  }

  /// The innermost of them; nil in no such suite.
  static var innermost: LazyEnvironment<Value>? { open.last }

  /// Whether the current test is in a suite with such an environment that is inside of another one's.
  package static var isNested: Bool { open.count > 1 }

  /// The value of the innermost suite around the current test; the first call starts its environment.
  ///
  /// - Throws: the error of the start to the first who asked; ``EnvironmentError`` to the others, and outside of such a suite.
  public static func value() async throws -> Value {
    guard let innermost else { throw EnvironmentError(name: "an environment (\(Value.self))", kind: .outsideScope) }
    return try await CaseClock.waiting { try await innermost.value() }
  }
}

/// The environments of the suites around the current test, of all kinds, the innermost last.
enum OpenEnvironments {
  // Not in the generic trait, which cannot have stored statics.
  @TaskLocal static var all: [any AnyObject & Sendable] = []
}
