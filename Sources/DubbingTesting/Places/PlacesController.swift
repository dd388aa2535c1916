import Foundation

/// How many streams may be published at once (pure): one more while everything comes in good time, half as many when it does not.
///
/// Additive increase and multiplicative decrease, as TCP finds its share of a line whose width it does not know.
package struct PlacesController: Sendable {
  /// Something that was measured, as a share of the time that it may take.
  package enum Sign: Sendable, Hashable {
    /// From a fragment's sending to its answer, of the answer's bound.
    case answer(Double)
    /// From a stream's beginning to the worker reading it, of the time before its first packet that matters.
    case joined(Double)
    /// By how much the clock of this process was late, of the second that it was watched.
    case late(Double)

    fileprivate static let lateAnswer = 0.33

    fileprivate var verdict: Verdict {
      // Quiet, an answer takes 1/60 of its bound and a worker joins after 1/8 of the lead. At a third and three quarters nothing
      // is lost yet, and what is published already will make it worse.
      let (share, well, bad): (Double, Double, Double) =
        switch self {
        case .answer(let share): (share, 0.125, Self.lateAnswer)
        case .joined(let share): (share, 0.4, 0.75)
        // As an average: an environment that starts, or four verdicts at once, take all cores for a second or two, and no stream
        // suffers from it.
        case .late(let share): (share, 0.05, 0.25)
        }
      return share <= well ? .well : share < bad ? .between : .bad
    }
  }

  fileprivate enum Verdict { case well, between, bad }

  /// How many places there are now.
  package private(set) var places: Int
  private let most: Int
  /// Answers in good time, since the last that was not or the last change.
  private var wellAnswered = 0
  private var calmUntil = Duration.zero
  /// Lateness of the last seconds, averaged: what is older than ``memory`` weighs about a third.
  private var lateness = 0.0
  private var heardLate: Duration?

  /// What was published before a change goes on being answered for about a fragment's length: until then signs say nothing new.
  package static let calm = Duration.seconds(8)
  static let memory = Duration.seconds(3.4)
  /// Lateness at which even two streams are too many; less of it never leads below two while answers come in good time.
  static let starved = 0.5

  /// Answers in good time, without another between them, that make two places of one.
  static let fromOne = 6

  /// Places to begin with, unless somebody says otherwise.
  package static let first = 2

  /// How many streams live while so many are published (``StreamPlaces/live``).
  static func live(for places: Int) -> Int { places == 1 ? 1 : 2 * places + places / 2 }

  /// - Parameters:
  ///   - first: places to begin with.
  ///   - most: as many as there may ever be.
  package init(first: Int = Self.first, most: Int) {
    self.most = max(1, most)
    places = min(max(1, first), self.most)
  }

  /// Takes note of a sign.
  ///
  /// - Parameters:
  ///   - isFull: whether somebody waits for a place; room that nobody uses proves nothing.
  ///   - time: since some beginning; never before that of the call before.
  /// - Returns: what the places were changed for; nil: they were not.
  @discardableResult
  package mutating func note(_ sign: Sign, isFull: Bool = true, at time: Duration) -> Sign? {
    var sign = sign
    if case .late(let share) = sign {
      // Each environment tells of the same second: what comes at once counts as one.
      let passed = heardLate.map { time - $0 } ?? .seconds(1)
      heardLate = time
      lateness += (min(share, 1) - lateness) * (1 - exp(-(passed / Self.memory)))
      sign = .late(lateness)
    }
    let before = places
    change(by: sign, isFull: isFull, at: time)
    return places == before ? nil : sign
  }

  private mutating func change(by sign: Sign, isFull: Bool, at time: Duration) {
    var least = 1
    if case .late(let share) = sign, share < Self.starved {
      // Of one place it says nothing: answers say whether two would do.
      guard places > 1 else { return }
      least = 2
    }
    switch sign.verdict {
    case .bad:
      wellAnswered = 0
      guard time >= calmUntil else { return }
      places = max(least, places / 2)
      calmUntil = time + Self.calm
    case .between: wellAnswered = 0
    case .well:
      guard case .answer(let share) = sign, isFull, time >= calmUntil else { return }
      // Services whose cores are all taken answer later by as much as more streams live: from one place to two that is five times.
      guard share * Double(Self.live(for: places + 1)) / Double(Self.live(for: places)) < Sign.lateAnswer else {
        wellAnswered = 0
        return
      }
      wellAnswered += 1
      // An answer for each place: one round. Short fragments at the end of a stream are answered soon, however busy services are.
      guard wellAnswered >= (places == 1 ? Self.fromOne : places), places < most else { return }
      places += 1
      wellAnswered = 0
    }
  }
}
