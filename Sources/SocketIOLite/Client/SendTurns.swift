import Synchronization

/// One sender at a time, in the order of asking; who is cancelled while waiting leaves the line.
package final class SendTurns: Sendable {
  private struct State {
    var isTaken = false
    var lastID: UInt64 = 0
    var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    var cancelled: Set<UInt64> = []
  }

  // Entered for a few instructions when a turn is asked for, given on or given up.
  private let state = Mutex(State())

  package init() {}

  package func withTurn<R: Sendable>(_ body: () async throws -> R) async throws -> R {
    try await take()
    defer { giveOn() }
    return try await body()
  }

  private func take() async throws {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          if state.isTaken {
            state.waiting.append((id, continuation))
            return nil
          }
          state.isTaken = true
          return .success(())
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil as CheckedContinuation<Void, any Error>?
        }
        return state.waiting.remove(at: index).continuation
      }
      waiting?.resume(throwing: CancellationError())
    }
    state.withLock { _ = $0.cancelled.remove(id) }
  }

  private func giveOn() {
    let next = state.withLock { state in
      state.isTaken = !state.waiting.isEmpty
      return state.waiting.isEmpty ? nil : state.waiting.removeFirst().continuation
    }
    next?.resume()
  }
}
