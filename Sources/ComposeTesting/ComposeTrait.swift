import ComposeKit
import Foundation
import Synchronization
public import Testing

/// Gives a suite (or a single test) compose projects that its tests share; made with `.compose(…)`.
public typealias ComposeSuiteTrait = SharedEnvironmentTrait<[ComposeStack]>

extension Trait where Self == ComposeSuiteTrait {
  /// Starts compose projects for the tests of a suite: once, when the first test asks for them, and down at the end of the suite.
  ///
  /// Give it to one base suite, and put further suites into extensions of it: they all share the projects.
  ///
  /// ```swift
  /// @Suite(.compose(ComposeProject(name: "shop", files: ["compose.yml"])))
  /// struct Shop {}
  ///
  /// extension Shop {
  ///   @Suite struct Basket {
  ///     @Test func isEmptyAtFirst() async throws {
  ///       let address = try await ComposeEnvironment.stack().endpoint(of: "web", port: 80)
  ///     }
  ///   }
  /// }
  /// ```
  ///
  /// The projects run on the engine of the environment unless `on` finds another one:
  /// `.compose(shop, on: { try await .detect(address: "unix:///run/podman/podman.sock") })`.
  ///
  /// The projects' logs are attached to each test that fails. A start that fails fails the first test with the whole reason, the
  /// others with a pointer to it.
  public static func compose(
    _ projects: ComposeProject..., on engine: (@Sendable () async throws -> ComposeEngine)? = nil,
    options: UpOptions = UpOptions(),
    progress: (@Sendable (ServiceProgress) -> Void)? = ProgressPrinter().callAsFunction
  ) -> Self {
    let names = projects.map(\.name).joined(separator: ", ")
    let environment = LazyEnvironment<[ComposeStack]>("the environment (\(names))") { ready in
      try await withComposeStacks(projects, on: try await engine?(), options: options, progress: progress) {
        try await ready($0)
      }
    }
    return ComposeSuiteTrait(
      environment,
      onFailure: { stacks, _ in
        for stack in stacks { await stack.attachLogs() }
      })
  }
}

/// The compose projects of the innermost suite with `.compose` that the current test is in.
public enum ComposeEnvironment {
  /// The running projects, in the order in which the trait names them; the first call starts them.
  ///
  /// - Throws: `ComposeError` if they cannot be started; ``EnvironmentError`` if that was so before, or in no suite with `.compose`.
  public static func stacks() async throws -> [ComposeStack] { try await ComposeSuiteTrait.value() }

  /// One of the running projects, by its base name; without a name the first.
  public static func stack(_ name: String? = nil) async throws -> ComposeStack {
    let stacks = try await stacks()
    guard let stack = stacks.first(where: { name == nil || $0.project.name == name }) else {
      throw ComposeError(
        .invalidProject, "the suite has no project \(name ?? "")",
        next: "its projects are \(stacks.map(\.project.name).joined(separator: ", "))")
    }
    return stack
  }
}

extension ComposeStack {
  /// Attaches the last log lines of every service to the current test.
  package func attachLogs(tail: Int = 500) async {
    let text: String
    do { text = try await logs(tail: tail, timestamps: true) } catch { text = "the logs could not be read: \(error)" }
    Attachment.record(text, named: "\(projectName).log")
  }
}

/// Runs a test's function, and `onFailure` after it if it threw or recorded an issue that fails it.
///
/// Call it in `provideScope` of a trait, for a single test case; the current test is then still the one to attach things to.
public func withFailureWatched(
  for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void,
  onFailure: @Sendable () async -> Void
) async throws {
  let hasFailed = Atomic(false)
  let watcher = IssueHandlingTrait.compactMapIssues { issue in
    if issue.isFailure { hasFailed.store(true, ordering: .relaxed) }
    return issue
  }
  do {
    try await watcher.provideScope(for: test, testCase: testCase, performing: function)
  } catch {
    await onFailure()
    throw error
  }
  if hasFailed.load(ordering: .relaxed) { await onFailure() }
}
