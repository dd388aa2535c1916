import Synchronization

/// Bounds how many of something are live at once; Swift Testing itself runs every case side by side.
package final class ConcurrencyLimit: Sendable {
  private struct State {
    var limit: Int
    var taken = 0
    /// Whether the one who has a place has all of them.
    var isAlone = false
    var nextID = 0
    var waiting: [Waiter] = []

    /// Lets in, in order, those for whom there is room.
    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      var turns: [CheckedContinuation<Void, any Error>] = []
      // Who wants to be alone keeps back those behind, or would never have a turn.
      while let next = waiting.first, !isAlone, next.isAlone ? taken == 0 : taken < limit {
        taken += 1
        isAlone = next.isAlone
        turns.append(waiting.removeFirst().turn)
      }
      return turns
    }
  }

  private struct Waiter {
    var id: Int
    var isFirst: Bool
    var isAlone: Bool
    var turn: CheckedContinuation<Void, any Error>
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state: Mutex<State>

  package init(limit: Int) { state = Mutex(State(limit: max(1, limit))) }

  /// How many places there are.
  package var limit: Int { state.withLock { $0.limit } }

  /// How many places nobody has.
  var free: Int { state.withLock { max(0, $0.isAlone ? 0 : $0.limit - $0.taken) } }

  /// How many wait for a place.
  package var waiting: Int { state.withLock { $0.waiting.count } }

  /// Changes how many places there are, at least one; when there are fewer, nobody is sent away, and the next wait longer.
  package func resize(to limit: Int) {
    let turns = state.withLock { state in
      state.limit = max(1, limit)
      return state.admit()
    }
    for turn in turns { turn.resume() }
  }

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
  /// - Parameters:
  ///   - isAlone: whether nobody else may have a place meanwhile.
  ///   - body: may leave its place before it ends.
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  package func withPlace<R: Sendable>(
    isFirst: Bool = false, isAlone: Bool = false, _ body: @Sendable (Place) async throws -> R
  ) async throws -> R {
    try await CaseClock.waiting { try await self.enter(isFirst: isFirst, isAlone: isAlone) }
    let place = Place(self)
    defer { place.leave() }
    return try await body(place)
  }

  private func enter(isFirst: Bool, isAlone: Bool) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        let turns: [CheckedContinuation<Void, any Error>]? = state.withLock { state in
          if Task.isCancelled { return nil }
          let place = isFirst ? state.waiting.firstIndex { !$0.isFirst } : nil
          state.waiting.insert(
            Waiter(id: id, isFirst: isFirst, isAlone: isAlone, turn: turn), at: place ?? state.waiting.count)
          return state.admit()
        }
        guard let turns else { return turn.resume(throwing: CancellationError()) }
        for turn in turns { turn.resume() }
      }
    } onCancel: {
      let (turn, turns) = state.withLock { state in
        let turn = state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).turn }
        return (turn, state.admit())
      }
      turn?.resume(throwing: CancellationError())
      for turn in turns { turn.resume() }
    }
  }

  /// Hands the place to the one whose turn it is, or frees it.
  private func leave() {
    let turns = state.withLock { state in
      state.taken -= 1
      state.isAlone = false
      return state.admit()
    }
    for turn in turns { turn.resume() }
  }
}
