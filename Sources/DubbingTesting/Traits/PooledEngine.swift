import ComposeKit
import ComposeTesting
import Synchronization

/// An engine of a pool, and which of its members it is.
struct PooledEngine: Sendable {
  var pool: EnginePool
  var index: Int

  var member: EngineMember { pool.members[index] }
}

extension PooledEngine {
  /// An environment for each engine of the pool; nil: there is no pool.
  static func environments(
    of stack: DualStack, named names: String
  ) -> EnvironmentGroup<DualStackEnvironment>.Several? {
    let contexts = DubbingSettings.current.engines
    guard !contexts.isEmpty else { return nil }
    let environments = contexts.indices.map { index in
      LazyEnvironment<DualStackEnvironment>("the environment (\(names)) on \(contexts[index])") { ready in
        let engine = PooledEngine(pool: try await EnginePool.Chosen.ofThisProcess.pool(), index: index)
        try await engine.hold(stack, ready)
      }
    }
    return .init(environments) { group in
      try await EnginePool.Chosen.ofThisProcess.pool().anyEnvironment(of: group)
    }
  }

  /// Starts an environment there, and holds it until it is not needed any more, or its engine is gone.
  private func hold(
    _ stack: DualStack, _ ready: @escaping @Sendable (DualStackEnvironment) async throws -> Void
  ) async throws {
    let isReady = Atomic(false)
    do {
      try await DualStackEnvironment.withTurn(on: member.environments) {
        try await member.watched {
          try await member.orLost {
            try await withDualStack(
              stack, on: member.engine, pooled: self, progress: ProgressPrinter().callAsFunction
            ) { environment in
              isReady.store(true, ordering: .relaxed)
              try await environment.followed(ready)
            }
          }
        }
      }
    } catch  where isReady.load(ordering: .relaxed) && member.loss != nil {
      // Its streams have been told, and the report says so. What it has left there the watchdog removes, or the next run.
    }
  }
}

extension DualStackEnvironment {
  /// The places of streams on its engine.
  package var places: StreamPlaces { pooled?.member.places ?? .shared }
}

extension LiveStream {
  /// Runs `body` with this stream, and once more with one on another engine if its own goes away meanwhile.
  ///
  /// - Throws: what `body` throws; ``EngineLoss`` if the other engine goes away, too.
  func surviving<R: Sendable>(_ body: @escaping @Sendable (LiveStream) async throws -> R) async throws -> R {
    guard let engine = environment.pooled, let group = DualStackTrait.innermost else { return try await body(self) }
    return try await engine.pool.surviving(on: engine.index, in: group) {
      try await body(self)
    } again: { loss, _, environment, places in
      Console.print("e2e: \(name) is run again, on another engine: \(loss)")
      var again = sibling("elsewhere", in: environment).holding(publishing: places.publishing, live: places.live)
      again.lostEngine = loss.engine
      let result = try await body(again)
      try await again.expectGone()
      return result
    }
  }

  /// Throws ``EngineLoss`` if its engine is gone: what is red then is red for that.
  func requireEngine() async throws { try await environment.pooled?.member.requireAnswer() }
}
