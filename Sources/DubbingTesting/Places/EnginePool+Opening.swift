import ComposeKit
import ComposeTesting
import Foundation
import Synchronization

extension EnginePool {
  /// The pool that the settings name, opened when the first environment is asked for.
  package final class Chosen: Sendable {
    static let ofThisProcess = Chosen()

    private let opened = Once<Result<EnginePool, DubbingError>>()
    private let isTold = Atomic(false)

    /// - Throws: ``DubbingError``: to the first who asks why these engines cannot be used, to all others that it has been said.
    func pool() async throws -> EnginePool {
      let settings = DubbingSettings.current
      let result = try await opened {
        do {
          let pool = try await EnginePool.open(settings)
          await RunReporter.shared.follow(pool)
          return .success(pool)
        } catch let error as DubbingError { return .failure(error) }
      }
      if case .failure = result, isTold.exchange(true, ordering: .relaxed) {
        throw EnvironmentError(name: "the pool of engines (E2E_ENGINES)", kind: .failedBefore)
      }
      return try result.get()
    }
  }

  /// What an engine says of itself before it is used.
  package struct Found: Sendable {
    package var context: String
    package var engine: ComposeEngine
    package var identity: EngineIdentity
    package var clock: EngineClock?

    package init(context: String, engine: ComposeEngine, identity: EngineIdentity, clock: EngineClock? = nil) {
      (self.context, self.engine, self.identity, self.clock) = (context, engine, identity, clock)
    }
  }

  /// Asks all engines who they are, side by side, and makes a pool of them.
  ///
  /// - Throws: ``DubbingError`` that says in a sentence why they cannot be used together.
  static func open(_ settings: DubbingSettings) async throws -> EnginePool {
    let contexts = settings.engines
    if let problem = problem(named: contexts) { throw problem }
    let known = try await contextNames()
    if let problem = problem(named: contexts, among: known) { throw problem }
    var found: [Found] = []
    try await withThrowingTaskGroup(of: (Int, Found).self) { group in
      for (index, context) in contexts.enumerated() { group.addTask { (index, try await look(at: context)) } }
      found = try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }.sorted { $0.key < $1.key }.map(\.value)
    }
    if let problem = problem(with: found) { throw problem }
    return EnginePool { maker in
      found.map { found in
        EngineMember(
          name: found.context, cores: found.identity.cores,
          places: maker.places(
            fixed: settings.maxStreams, first: settings.firstStreams, cores: found.identity.cores, of: found.context),
          engine: found.engine, watch: .init { try await found.engine.requireAnswer(within: .seconds(5)) })
      }
    }
  }

  private static func contextNames() async throws -> [String] {
    do { return try await ComposeEngine.contexts() } catch {
      throw DubbingError(
        .enginePool, "docker does not say which contexts there are, and E2E_ENGINES names some",
        evidence: ["\(error)"], next: "docker context ls", underlying: error)
    }
  }

  private static func look(at context: String) async throws -> Found {
    do {
      let engine = try await ComposeEngine.detect(context: context)
      async let clock = engine.isRemote ? engine.clock() : nil
      return Found(context: context, engine: engine, identity: try await engine.identity(), clock: try await clock)
    } catch let error as ComposeError {
      throw DubbingError(
        .enginePool, "the engine of the context '\(context)' of E2E_ENGINES cannot be used: \(error.summary)",
        evidence: error.evidence.suffix(3).map { "says      \($0)" },
        next: "try docker --context \(context) info, or leave it out of E2E_ENGINES", underlying: error)
    }
  }

  // MARK: What is wrong (pure)

  /// What is wrong with the names alone; nil: nothing.
  package static func problem(named contexts: [String]) -> DubbingError? {
    guard let twice = contexts.enumerated().first(where: { contexts[..<$0.offset].contains($0.element) }) else {
      return nil
    }
    return DubbingError(
      .enginePool, "the context '\(twice.element)' is named twice in E2E_ENGINES", next: "name each engine once")
  }

  /// Which of them docker does not know; nil: none.
  package static func problem(named contexts: [String], among known: [String]) -> DubbingError? {
    guard let unknown = contexts.first(where: { !known.contains($0) }) else { return nil }
    return DubbingError(
      .enginePool, "docker has no context '\(unknown)', which E2E_ENGINES names",
      evidence: ["has       \(known.joined(separator: ", "))"],
      next: "docker context create \(unknown) --docker host=ssh://…, or name one of those")
  }

  /// What is wrong with the engines; nil: nothing.
  package static func problem(with found: [Found]) -> DubbingError? {
    for (index, one) in found.enumerated() {
      if let clock = one.clock, let problem = DubbingError.clock(of: one.engine, clock) {
        return DubbingError(
          .enginePool, "the context '\(one.context)' of E2E_ENGINES: \(problem.summary)", evidence: problem.evidence,
          next: problem.next)
      }
      if let other = found[..<index].first(where: { $0.identity.id == one.identity.id }) {
        return DubbingError(
          .enginePool, "the contexts '\(other.context)' and '\(one.context)' of E2E_ENGINES lead to the same engine",
          evidence: ["engine    \(one.engine)"], next: "leave one of them out")
      }
      guard let first = found.first else { continue }
      if one.identity.platform != first.identity.platform {
        return DubbingError(
          .enginePool,
          "the engine of '\(one.context)' runs \(one.identity.platform) and that of '\(first.context)' "
            + "\(first.identity.platform): "
            + "one run's images are for one of them",
          next: "name engines of one kind in E2E_ENGINES, and run the tests on the other kind by themselves")
      }
      if one.engine.composeVersion != first.engine.composeVersion {
        return DubbingError(
          .enginePool,
          "'\(one.context)' is called by \(one.engine.command.joined(separator: " ")) \(one.engine.composeVersion), "
            + "'\(first.context)' by \(first.engine.command.joined(separator: " ")) \(first.engine.composeVersion)",
          next: "use one compose for all of E2E_ENGINES: COMPOSE_COMMAND says which")
      }
    }
    return nil
  }
}
