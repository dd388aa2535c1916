/// What counts of an engine of a pool when one is chosen (pure).
package struct EngineRoom: Sendable, Hashable {
  /// Places that nobody has.
  package var publishing: Int
  package var live: Int
  /// How many it has, as the latency of its answers has left them.
  package var places: Int
  package var cores: Int
  /// Test cases that run there, or wait for their turn.
  package var cases: Int
  package var isLost: Bool

  package init(publishing: Int, live: Int, places: Int, cores: Int, cases: Int = 0, isLost: Bool = false) {
    (self.publishing, self.live, self.places, self.cores) = (publishing, live, places, cores)
    (self.cases, self.isLost) = (cases, isLost)
  }

  /// Where the next stream runs: of some that are there, the one with most places that nobody has.
  ///
  /// - Returns: its place in `rooms`; nil: all are full.
  package static func place(in rooms: [EngineRoom], among candidates: [Int]) -> Int? {
    let free = candidates.filter { !rooms[$0].isLost && rooms[$0].publishing > 0 && rooms[$0].live > 0 }
    return first(of: free) { (Double(rooms[$0].publishing), Double(rooms[$0].live), rooms[$0].cores) }
  }

  /// Where the next environment is started, or asked for: the one with least to do for each of its places.
  ///
  /// - Parameter started: those whose environment is there, which are taken before all others.
  /// - Returns: its place in `rooms`; nil: all are gone.
  package static func home(in rooms: [EngineRoom], preferring started: Set<Int> = []) -> Int? {
    let there = rooms.indices.filter { !rooms[$0].isLost }
    let preferred = there.filter(started.contains)
    return first(of: preferred.isEmpty ? there : preferred) {
      (-Double(rooms[$0].cases + 1) / Double(max(1, rooms[$0].places)), Double(rooms[$0].publishing), rooms[$0].cores)
    }
  }

  /// The one that is worth most, and of equals the first.
  private static func first(of indices: [Int], by worth: (Int) -> (Double, Double, Int)) -> Int? {
    indices.max { worth($0) < worth($1) || (worth($0) == worth($1) && $0 > $1) }
  }
}
