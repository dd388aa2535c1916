import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Shares one running dual stack over a suite: started at first use, taken down when the suite ends, however it ends.
public struct DualStackTrait: SuiteTrait, TestScoping {
  var stack: DualStack

  /// The environment of the innermost suite that carries the trait.
  @TaskLocal static var current: SuiteEnvironment<DualStackEnvironment>?

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let stack = stack
    let suite = SuiteEnvironment<DualStackEnvironment>(name: test.displayName ?? test.name) { ready in
      let printer = ProgressPrinter()
      try await withDualStack(stack, progress: printer.callAsFunction) { environment in
        try await RunReporter.shared.environmentReady(after: environment.readyAfter)
        try await ready(environment)
      }
    }
    try await suite.run {
      try await Self.$current.withValue(suite) { try await function() }
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
  /// The environment of the suite that the current test is in; starts it when this is the first use.
  ///
  /// - Throws: what kept the environment from starting; an error that says so outside a `.dualStack` suite.
  public static var current: DualStackEnvironment {
    get async throws {
      guard let suite = DualStackTrait.current else {
        throw StreamError(
          stream: "–", reason: "this test is not in a suite with the trait .dualStack",
          next: "nest it in an extension of such a suite, or write @Suite(.dualStack)")
      }
      return try await suite.value
    }
  }
}
