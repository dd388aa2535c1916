import Synchronization

/// Who of those that wait is let in, and when.
protocol Admission: Sendable {
  /// What one who comes wants.
  associatedtype Wish: Sendable

  /// Where in the line one with such a wish stands, at most at its end.
  func place(of wish: Wish, in line: [Wish]) -> Int

  /// Lets in the next for whom there is room, and says where in the line that one stood; nil: nobody.
  mutating func admit(of line: [Wish]) -> Int?
}

extension Admission {
  func place(of wish: Wish, in line: [Wish]) -> Int { line.count }
}

/// Tasks that wait until a rule lets them in; one that is cancelled goes.
final class WaitingLine<Rule: Admission>: Sendable {
  private struct Waiter {
    var id: Int
    var wish: Rule.Wish
    var turn: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var rule: Rule
    var nextID = 0
    var line: [Waiter] = []

    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      var turns: [CheckedContinuation<Void, any Error>] = []
      while let next = rule.admit(of: line.map(\.wish)) { turns.append(line.remove(at: next).turn) }
      return turns
    }
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state: Mutex<State>

  init(_ rule: Rule) { state = Mutex(State(rule: rule)) }

  /// How many wait.
  var count: Int { state.withLock { $0.line.count } }

  /// What the rule knows now.
  var rule: Rule { state.withLock { $0.rule } }

  /// Tells the rule something, and lets in those for whom there is room then.
  func change(_ body: (inout Rule) -> Void) {
    let turns = state.withLock { state in
      body(&state.rule)
      return state.admit()
    }
    for turn in turns { turn.resume() }
  }

  /// Waits until the rule lets in one with such a wish.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting.
  func enter(_ wish: Rule.Wish) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        let turns: [CheckedContinuation<Void, any Error>]? = state.withLock { state in
          if Task.isCancelled { return nil }
          let place = state.rule.place(of: wish, in: state.line.map(\.wish))
          state.line.insert(Waiter(id: id, wish: wish, turn: turn), at: place)
          return state.admit()
        }
        guard let turns else { return turn.resume(throwing: CancellationError()) }
        for turn in turns { turn.resume() }
      }
    } onCancel: {
      // Who wanted to be alone, and goes, may have kept others back.
      let (turn, turns) = state.withLock { state in
        let turn = state.line.firstIndex { $0.id == id }.map { state.line.remove(at: $0).turn }
        return (turn, state.admit())
      }
      turn?.resume(throwing: CancellationError())
      for turn in turns { turn.resume() }
    }
  }
}
