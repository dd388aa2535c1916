import Foundation
import Synchronization

/// Bounds how many of something are live at once; Swift Testing itself runs every case side by side.
package final class ConcurrencyLimit: Sendable {
  private struct Places: Admission {
    struct Wish: Sendable {
      var isFirst: Bool
      var isAlone: Bool
    }

    var limit: Int
    var taken = 0
    /// Whether the one who has a place has all of them.
    var isAlone = false

    func place(of wish: Wish, in line: [Wish]) -> Int {
      (wish.isFirst ? line.firstIndex { !$0.isFirst } : nil) ?? line.count
    }

    mutating func admit(of line: [Wish]) -> (place: Int, grant: Void)? {
      // Who wants to be alone keeps back those behind, or would never have a turn.
      guard let next = line.first, !isAlone, next.isAlone ? taken == 0 : taken < limit else { return nil }
      taken += 1
      isAlone = next.isAlone
      return (0, ())
    }
  }

  private let line: WaitingLine<Places>
  private let onRoom: @Sendable () -> Void

  /// - Parameters:
  ///   - limit: how many places there are to begin with, at least one.
  ///   - onRoom: is called whenever there may be more room than before.
  package init(limit: Int, onRoom: @escaping @Sendable () -> Void = {}) {
    line = WaitingLine(Places(limit: max(1, limit)))
    self.onRoom = onRoom
  }

  /// How many places there are.
  package var limit: Int { line.rule.limit }

  /// How many places nobody has.
  package var free: Int {
    let places = line.rule
    return max(0, places.isAlone ? 0 : places.limit - places.taken)
  }

  /// Of this machine, as far as this process may use them.
  package static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// How many wait for a place.
  package var waiting: Int { line.count }

  /// Changes how many places there are, at least one; when there are fewer, nobody is sent away, and the next wait longer.
  package func resize(to limit: Int) {
    line.change { $0.limit = max(1, limit) }
    onRoom()
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

    /// The same, and nobody is told of the room: it was not used.
    package func giveBack() {
      if isTaken.exchange(false, ordering: .relaxed) { limit.freeOne() }
    }
  }

  /// A place that is free now, to be left by whoever has it; nil: there is none, or others wait for it.
  package func placeIfFree() -> Place? {
    line.enterNow(Places.Wish(isFirst: false, isAlone: false)).map { Place(self) }
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
    try await CaseClock.waiting { try await line.enter(Places.Wish(isFirst: isFirst, isAlone: isAlone)) }
    let place = Place(self)
    defer { place.leave() }
    return try await body(place)
  }

  /// Hands the place to the one whose turn it is, or frees it.
  private func leave() {
    freeOne()
    onRoom()
  }

  private func freeOne() {
    line.change { places in
      places.taken -= 1
      places.isAlone = false
    }
  }
}
