import ComposeKit
public import ComposeTesting
public import Testing

/// Shares one running dual stack over a suite: started at first use, taken down when the suite ends, however it ends.
public typealias DualStackTrait = SharedEnvironmentTrait<DualStackEnvironment>

extension Trait where Self == DualStackTrait {
  /// Both compose projects with the tap between them, shared by every test under the suite.
  ///
  /// - Parameters:
  ///   - stack: the two projects.
  ///   - engine: finds where they run, at first use; nil: the engine of the environment.
  ///   - settings: what the whole process goes by; nil: what was given to a suite that began before, or nothing is set. Other settings
  ///     than those that were given first are an issue.
  public static func dualStack(
    _ stack: DualStack, on engine: (@Sendable () async throws -> ComposeEngine)? = nil, settings: DubbingSettings? = nil
  ) -> DualStackTrait {
    let names = "\(stack.media.name) and \(stack.sts.name)"
    let environment = LazyEnvironment<DualStackEnvironment>("the environment (\(names))") { ready in
      try await DualStackEnvironment.withTurn(on: .environments) {
        try await withDualStack(
          stack, on: try await engine?(), progress: ProgressPrinter().callAsFunction
        ) { environment in
          try await environment.followed(ready)
        }
      }
    }
    return DualStackTrait(
      environment,
      onEntry: {
        if let settings {
          do { try DubbingSettings.Chosen.ofThisProcess.choose(settings) } catch { Issue.record(error) }
        }
        await RunReporter.shared.begin()
        await RunReporter.shared.keepCases()
      },
      onFailure: { environment, test in
        // What is gone says nothing any more.
        guard environment.pooled?.member.loss == nil else { return }
        await Evidence(folder: Evidence.folder(of: test)).attachLogs(of: environment)
      }
    ).spread { engine == nil ? PooledEngine.environments(of: stack, named: names) : nil }.reporting(
      case: { await RunReporter.shared.add($0) }, exit: { await RunReporter.shared.keepCases() })
  }
}

extension DualStackEnvironment {
  /// Runs `body`, in which an environment is up, when it is the turn of streams and one more environment may be.
  static func withTurn(
    on limit: ConcurrencyLimit, _ body: @Sendable () async throws -> Void
  ) async throws {
    if let problem = DubbingSettings.current.problem { throw problem }
    try await Fixture.checkAll()
    try await KindOfTests.streams.turn { try await limit.withPlace { _ in try await body() } }
  }

  /// Runs `body` while the report tells of this environment, and its answers of how many streams it can have.
  func followed(_ body: @Sendable (DualStackEnvironment) async throws -> Void) async throws {
    try await reported { environment in
      try await environment.measured { try await body(environment) }
    }
  }

  /// The environment of the innermost suite with `.dualStack` around the current test; starts it when this is the first use.
  ///
  /// - Throws: what kept the environment from starting; an error that says so outside a `.dualStack` suite.
  public static var current: DualStackEnvironment {
    get async throws { try await DualStackTrait.value() }
  }
}
