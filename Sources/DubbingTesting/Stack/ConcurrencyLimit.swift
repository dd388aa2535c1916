import Foundation
import Synchronization

/// Bounds how many of something are live at once; Swift Testing itself runs every case side by side.
final class ConcurrencyLimit: Sendable {
  /// `E2E_MAX_STREAMS`, or one more than there are cores: a stream waits for real time to pass, and is then judged on a core.
  static let streams = ConcurrencyLimit(
    limit: setting("E2E_MAX_STREAMS") ?? ProcessInfo.processInfo.activeProcessorCount + 1)

  /// `E2E_MAX_ENVIRONMENTS`, or one more than there are cores; at least two, since suites with one of their own are nested in
  /// a suite with another.
  static let environments = ConcurrencyLimit(
    limit: max(2, setting("E2E_MAX_ENVIRONMENTS") ?? ProcessInfo.processInfo.activeProcessorCount + 1))

  private static func setting(_ variable: String) -> Int? {
    ProcessInfo.processInfo.environment[variable].flatMap(Int.init)
  }

  private struct State {
    var free: Int
    var nextID = 0
    var waiting: [Waiter] = []
  }

  private struct Waiter {
    var id: Int
    var isFirst: Bool
    var turn: CheckedContinuation<Void, any Error>
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state: Mutex<State>

  init(limit: Int) { state = Mutex(State(free: max(1, limit))) }

  /// How many wait for a place.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` when a place is free; first come, first served, all with `isFirst` before all others.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  func withPlace<R: Sendable>(isFirst: Bool = false, _ body: @Sendable () async throws -> R) async throws -> R {
    try await enter(isFirst: isFirst)
    defer { leave() }
    return try await body()
  }

  private func enter(isFirst: Bool) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if Task.isCancelled { return .failure(CancellationError()) }
          guard state.free == 0 else {
            state.free -= 1
            return .success(())
          }
          let place = isFirst ? state.waiting.firstIndex { !$0.isFirst } : nil
          state.waiting.insert(Waiter(id: id, isFirst: isFirst, turn: turn), at: place ?? state.waiting.count)
          return nil
        }
        if let outcome { turn.resume(with: outcome) }
      }
    } onCancel: {
      let turn = state.withLock { state in
        state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).turn }
      }
      turn?.resume(throwing: CancellationError())
    }
  }

  /// Hands the place to the one whose turn it is, or frees it.
  private func leave() {
    let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst().turn }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
