import ComposeKit
import ComposeTesting
import Foundation
public import Testing

/// Shares one running dual stack over a suite: started at first use, taken down when the suite ends, however it ends.
///
/// It also is a test trait because Swift Testing 6.3 crashes while planning if a recursive suite trait is not.
public struct DualStackTrait: SuiteTrait, TestTrait, TestScoping {
  let environment: LazyEnvironment<DualStackEnvironment>

  init(stack: DualStack) {
    let names = "\(stack.media.name) and \(stack.sts.name)"
    environment = LazyEnvironment("the environment (\(names))") { ready in
      try await ConcurrencyLimit.environments.withPlace {
        try await withDualStack(stack, progress: ProgressPrinter().callAsFunction) { environment in
          try await RunReporter.shared.environmentReady(after: environment.readyAfter)
          try await ready(environment)
        }
      }
    }
  }

  /// The environments of the suites around the current test, the innermost last.
  @TaskLocal static var open: [LazyEnvironment<DualStackEnvironment>] = []

  /// Tests inside inherit the trait, so that each can have the logs attached when it fails.
  public var isRecursive: Bool { true }

  public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { self }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase == nil else {
      // Only the innermost environment has something to say of a test.
      guard Self.open.last === environment else { return try await function() }
      return try await withFailureWatched(for: test, testCase: testCase, performing: function) {
        if let ready = environment.valueIfReady {
          await Evidence(folder: Evidence.folder(of: test)).attachLogs(of: ready)
        }
      }
    }
    // Suites and tests inside the one that was given the trait are in its scope already.
    guard !Self.open.contains(where: { $0 === environment }) else { return try await function() }
    await RunReporter.shared.begin()
    try await environment.scope {
      try await Self.$open.withValue(Self.open + [environment]) { try await function() }
    }
  }
}

extension Trait where Self == DualStackTrait {
  /// Both compose projects with the tap between them, shared by every test under the suite.
  public static var dualStack: DualStackTrait { DualStackTrait(stack: .standard) }

  /// The same for stacks of your own, or for ``DualStack/standard`` with another setting.
  public static func dualStack(_ stack: DualStack) -> DualStackTrait { DualStackTrait(stack: stack) }
}

extension DualStackEnvironment {
  /// The environment of the innermost suite around the current test; starts it when this is the first use.
  ///
  /// - Throws: what kept the environment from starting; an error that says so outside a `.dualStack` suite.
  public static var current: DualStackEnvironment {
    get async throws {
      guard let environment = DualStackTrait.open.last else {
        throw StreamError(
          stream: "–", reason: "this test is not in a suite with the trait .dualStack",
          next: "nest it in an extension of such a suite, or write @Suite(.dualStack)")
      }
      return try await environment.value()
    }
  }
}
