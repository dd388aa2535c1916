import Synchronization

/// Who of those that wait is let in, and when.
package protocol Admission: Sendable {
  /// What one who comes wants.
  associatedtype Wish: Sendable
  /// What one who is let in gets.
  associatedtype Grant: Sendable

  /// Where in the line one with such a wish stands, at most at its end.
  func place(of wish: Wish, in line: [Wish]) -> Int

  /// Lets in the next for whom there is room, and says where in the line that one stood; nil: nobody.
  mutating func admit(of line: [Wish]) -> (place: Int, grant: Grant)?
}

extension Admission {
  package func place(of wish: Wish, in line: [Wish]) -> Int { line.count }
}

/// Tasks that wait until a rule lets them in; one that is cancelled goes.
package final class WaitingLine<Rule: Admission>: Sendable {
  private struct Waiter {
    var id: Int
    var wish: Rule.Wish
    var turn: CheckedContinuation<Rule.Grant, any Error>
  }

  /// One who is let in.
  private struct Turn {
    var turn: CheckedContinuation<Rule.Grant, any Error>
    var grant: Rule.Grant

    func resume() { turn.resume(returning: grant) }
  }

  private struct State {
    var rule: Rule
    var nextID = 0
    var line: [Waiter] = []

    mutating func admit() -> [Turn] {
      var turns: [Turn] = []
      while let next = rule.admit(of: line.map(\.wish)) {
        turns.append(Turn(turn: line.remove(at: next.place).turn, grant: next.grant))
      }
      return turns
    }
  }

  // A lock, not an actor: a cancelled waiter has to be let go from a synchronous handler.
  private let state: Mutex<State>

  package init(_ rule: Rule) { state = Mutex(State(rule: rule)) }

  /// How many wait.
  package var count: Int { state.withLock { $0.line.count } }

  /// What the rule knows now.
  package var rule: Rule { state.withLock { $0.rule } }

  /// Tells the rule something, and lets in those for whom there is room then.
  package func change(_ body: (inout Rule) -> Void) {
    let turns = state.withLock { state in
      body(&state.rule)
      return state.admit()
    }
    for turn in turns { turn.resume() }
  }

  /// Lets in one with such a wish if that is at once, and nobody waits.
  package func enterNow(_ wish: Rule.Wish) -> Rule.Grant? {
    state.withLock { state in state.line.isEmpty ? state.rule.admit(of: [wish])?.grant : nil }
  }

  /// Waits until the rule lets in one with such a wish.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting.
  package func enter(_ wish: Rule.Wish) async throws -> Rule.Grant {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Rule.Grant, any Error>) in
        let turns: [Turn]? = state.withLock { state in
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

/// A door: once it is open everybody comes in, and until then nobody.
package struct Door: Admission {
  package var isOpen = false

  package init() {}

  package func admit(of line: [Void]) -> (place: Int, grant: Void)? { isOpen && !line.isEmpty ? (0, ()) : nil }
}
