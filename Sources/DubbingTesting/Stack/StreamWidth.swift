import Foundation
import Synchronization

/// Bounds how many streams are live at once; Swift Testing itself runs every case side by side.
final class StreamWidth: Sendable {
  static let shared = StreamWidth(limit: limitFromEnvironment)

  private struct State {
    var free: Int
    var nextID = 0
    var waiting: [(id: Int, turn: CheckedContinuation<Void, any Error>)] = []
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state: Mutex<State>

  init(limit: Int) { state = Mutex(State(free: max(1, limit))) }

  /// `E2E_MAX_STREAMS`, or two for each core: a stream spends most of its time waiting for real time to pass.
  private static var limitFromEnvironment: Int {
    let process = ProcessInfo.processInfo
    return process.environment["E2E_MAX_STREAMS"].flatMap(Int.init) ?? 2 * process.activeProcessorCount
  }

  /// Runs `body` when a place is free; first come, first served.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  func withPlace<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
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
          state.waiting.append((id, turn))
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

  /// Hands the place to the one that has waited longest, or frees it.
  private func leave() {
    let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst().turn }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
