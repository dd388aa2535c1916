import ComposeKit
import ComposeTesting
import Foundation
import Synchronization

/// An engine of a pool: how many streams it may have, and whether it is still there.
package final class EngineMember: Sendable {
  /// The docker context that leads to it.
  package let name: String
  package let cores: Int
  package let places: StreamPlaces
  /// nil in tests that have no engine.
  let engine: ComposeEngine?
  /// Pairs of projects that are up at once, and that are being started.
  let environments: ConcurrencyLimit
  let starts: ConcurrencyLimit
  private let question: Watch?
  private let isGone = WaitingLine(Door())
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  private struct State {
    var isAlone = false
    var cases = 0
    var loss: EngineLoss?
    var asked: ContinuousClock.Instant?
    var onLoss: @Sendable () -> Void = {}
  }
  // A lock: streams come and go side by side.
  private let state = Mutex(State())

  /// How it is found out that an engine is gone.
  package struct Watch: Sendable {
    /// Throws if the engine does not answer.
    var ask: @Sendable () async throws -> Void
    /// From one question to the next.
    var interval = Duration.seconds(4)
    /// Before the question is asked a second time, which counts.
    var pause = Duration.seconds(1)

    package init(
      interval: Duration = .seconds(4), pause: Duration = .seconds(1), ask: @escaping @Sendable () async throws -> Void
    ) {
      (self.interval, self.pause, self.ask) = (interval, pause, ask)
    }
  }

  /// - Parameters:
  ///   - name: its context.
  ///   - cores: that it has.
  ///   - places: for its streams.
  ///   - engine: where its environments are started.
  ///   - watch: how it is asked, unless ``isAlone``; nil: it is not.
  package init(name: String, cores: Int, places: StreamPlaces, engine: ComposeEngine? = nil, watch: Watch?) {
    (self.name, self.cores, self.places, self.engine, question) = (name, cores, places, engine, watch)
    environments = .environments(cores: cores)
    starts = .starts(cores: cores)
  }

  // MARK: What it has to do

  var room: EngineRoom {
    let (cases, isLost) = state.withLock { ($0.cases, $0.loss != nil) }
    return EngineRoom(
      publishing: places.publishing.free, live: places.live.free, places: places.publishing.limit, cores: cores,
      cases: cases, isLost: isLost)
  }

  /// A test case comes to run here, or goes.
  func count(_ change: Int) { state.withLock { $0.cases += change } }

  // MARK: Whether it is there

  /// Whether there is no other to go to: then it is never asked.
  var isAlone: Bool {
    get { state.withLock { $0.isAlone } }
    set { state.withLock { $0.isAlone = newValue } }
  }
  private var watch: Watch? { isAlone ? nil : question }

  /// Why the engine is not counted on any more.
  package var loss: EngineLoss? { state.withLock { $0.loss } }

  /// Calls `body` when the engine is gone.
  func onLoss(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onLoss = body } }

  /// Runs `body`, and gives it up when the engine goes away meanwhile.
  ///
  /// - Throws: what `body` throws, or ``EngineLoss`` if the engine is gone then.
  package func orLost<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
    guard watch != nil else { return try await body() }
    if let loss { throw loss }
    return try await withThrowingTaskGroup(of: R?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await self.isGone.enter(())
        return nil
      }
      defer { group.cancelAll() }
      do {
        if let result = try await group.next() ?? nil { return result }
      } catch  where !(error is CancellationError) {
        // What has failed may have failed for that.
        try await requireAnswer()
        throw error
      }
      throw loss ?? EngineLoss(engine: name, after: .zero, reason: "it is gone")
    }
  }

  /// Asks the engine now.
  ///
  /// - Throws: ``EngineLoss`` if it does not answer, twice.
  package func requireAnswer() async throws {
    guard let watch else { return }
    var problem: any Error = CancellationError()
    for attempt in 1...2 {
      if let loss { throw loss }
      do {
        if attempt > 1 { try await Task.sleep(for: watch.pause) }
        try await watch.ask()
        return state.withLock { $0.asked = clock.now }
      } catch is CancellationError {
        return
      } catch {
        problem = error
      }
    }
    guard !Task.isCancelled else { return }
    throw lose(problem)
  }

  /// Asks every few seconds while `body` runs.
  package func watched<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    guard let watch else { return try await body() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while self.loss == nil {
          try await Task.sleep(for: watch.interval)
          // Each environment of the engine watches it: one question is enough.
          let isNew = self.state.withLock {
            $0.asked.map { $0.duration(to: self.clock.now) < watch.interval / 2 } ?? false
          }
          // Who waits is told.
          if !isNew { try? await self.requireAnswer() }
        }
      }
      defer { group.cancelAll() }
      return try await body()
    }
  }

  private func lose(_ problem: any Error) -> EngineLoss {
    var reason = "\(problem)"
    // The command is the same each time, and is not what went wrong.
    if let error = problem as? ComposeError {
      reason = ([error.summary] + error.evidence.suffix(1)).joined(separator: ": ")
    }
    let found = EngineLoss(engine: name, after: start.duration(to: clock.now), reason: reason)
    let (loss, onLoss) = state.withLock { state in
      guard state.loss == nil else { return (state.loss ?? found, nil as (@Sendable () -> Void)?) }
      state.loss = found
      return (found, state.onLoss)
    }
    guard let onLoss else { return loss }
    Console.print("e2e: \(loss)")
    engine?.giveUp()
    isGone.change { $0.isOpen = true }
    onLoss()
    return loss
  }
}

/// An engine of a pool that went away.
package struct EngineLoss: Error, Sendable, CustomStringConvertible {
  /// Its context.
  package var engine: String
  /// Since the pool was opened.
  package var after: Duration
  /// What it said, or did not.
  package var reason: String

  package var description: String {
    "the engine of the context '\(engine)' has gone away after \(after.text): \(reason)"
  }
}
