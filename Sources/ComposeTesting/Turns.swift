import Synchronization

/// A room for one group at a time: everybody of the group whose turn it is may be in it, and the others wait.
///
/// When nobody is in it any more, the lowest group of those who wait comes next.
final class Turns: Sendable {
  static let ofThisProcess = Turns()

  private struct Waiter {
    var id: Int
    var group: Int
    var turn: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var group: Int?
    var inside = 0
    var nextID = 0
    var waiting: [Waiter] = []

    /// Lets in everybody of the group whose turn it is.
    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      if inside == 0 { group = waiting.map(\.group).min() }
      let turns = waiting.filter { $0.group == group }.map(\.turn)
      waiting.removeAll { $0.group == group }
      inside += turns.count
      return turns
    }
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state = Mutex(State())

  /// How many wait.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` while it is the group's turn.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  func during<R: Sendable>(_ group: Int, _ body: @Sendable () async throws -> R) async throws -> R {
    try await enter(group)
    defer { change { $0.inside -= 1 } }
    return try await body()
  }

  private func change(_ body: (inout sending State) -> Void) {
    let turns = state.withLock { state in
      body(&state)
      return state.admit()
    }
    for turn in turns { turn.resume() }
  }

  private func enter(_ group: Int) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        let isCancelled = state.withLock { state in
          if Task.isCancelled { return true }
          state.waiting.append(Waiter(id: id, group: group, turn: turn))
          return false
        }
        if isCancelled { turn.resume(throwing: CancellationError()) }
        change { _ in }
      }
    } onCancel: {
      let turn = state.withLock { state in
        state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).turn }
      }
      turn?.resume(throwing: CancellationError())
    }
  }
}
