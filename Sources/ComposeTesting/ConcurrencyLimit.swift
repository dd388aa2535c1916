import Synchronization

/// Bounds how many of something are live at once; Swift Testing itself runs every case side by side.
package final class ConcurrencyLimit: Sendable {
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

  package init(limit: Int) { state = Mutex(State(free: max(1, limit))) }

  /// How many places nobody has.
  var free: Int { state.withLock { $0.free } }

  /// How many wait for a place.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// One of the places, taken until it is left.
  package final class Place: Sendable {
    private let limit: ConcurrencyLimit
    private let isTaken = Atomic(true)

    fileprivate init(_ limit: ConcurrencyLimit) { self.limit = limit }

    /// Makes room for the next; once is enough, more does no harm.
    package func leave() {
      if isTaken.exchange(false, ordering: .relaxed) { limit.leave() }
    }
  }

  /// Runs `body` when a place is free; first come, first served, all with `isFirst` before all others.
  ///
  /// - Parameter body: may leave its place before it ends.
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  package func withPlace<R: Sendable>(isFirst: Bool = false, _ body: @Sendable (Place) async throws -> R) async throws
    -> R
  {
    try await enter(isFirst: isFirst)
    let place = Place(self)
    defer { place.leave() }
    return try await body(place)
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
