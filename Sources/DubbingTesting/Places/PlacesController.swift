import Foundation

/// How many streams may be published at once (pure): one more while everything comes in good time, half as many when it does not.
///
/// Additive increase and multiplicative decrease, as TCP finds its share of a line whose width it does not know.
package struct PlacesController: Sendable {
  /// Something that was measured, as a share of the time that it may take.
  package enum Sign: Sendable, Hashable {
    /// From a fragment's sending to its answer, of the answer's bound.
    case answer(Double)
    /// How long the fragment has waited that has waited longest, of its answer's bound. What is quick answers first: who listens to
    /// answers alone hears nothing of the slow ones until it is too late for them.
    case unanswered(Double)
    /// From a stream's beginning to the worker reading it, of the time before its first packet that matters.
    case joined(Double)
    /// By how much the clock of this process was late, of the second that it was watched.
    case late(Double)
    /// For how much of the second that was watched some program of this machine waited for a core.
    case waiting(Double)

    fileprivate static let lateAnswer = 0.33
    /// From here on two streams are too many as well: what is answered sooner is in time, and one place makes a run twice as long.
    fileprivate static let tooLateForTwo = 0.5

    fileprivate var verdict: Verdict {
      // Quiet, an answer takes 1/60 of its bound and a worker joins after 1/8 of the lead. At a third and three quarters nothing
      // is lost yet, and what is published already will make it worse.
      let (share, well, bad): (Double, Double, Double) =
        switch self {
        case .answer(let share), .unanswered(let share): (share, 0.125, Self.lateAnswer)
        case .joined(let share): (share, 0.4, 0.75)
        // As an average: an environment that starts, or four verdicts at once, take all cores for a second or two, and no stream
        // suffers from it.
        case .late(let share): (share, 0.05, 0.25)
        // As an average too. Two streams on two slow cores let programs wait for a quarter of the time, a start for all of a second
        // or two; of streams that failed for want of cores they waited for 88 % and more.
        case .waiting(let share): (share, 0.5, 0.85)
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
  /// Until then they do not grow: a fragment waits, or nothing has been heard yet of the last place.
  private var heldUntil = Duration.zero
  private var lateness = Average(first: .seconds(1))
  /// Nothing grows before it is known, so that the first second says all.
  private var waiting = Average(first: .seconds(60))

  /// A share of the last seconds: what is older than ``memory`` weighs about a third.
  private struct Average: Sendable {
    /// How long what is heard first is taken to have lasted.
    let first: Duration
    private(set) var share = 0.0
    private var heard: Duration?

    init(first: Duration) { self.first = first }

    /// Each environment tells of the same second: what comes at once counts as one.
    mutating func hear(_ new: Double, at time: Duration) -> Double {
      let passed = heard.map { time - $0 } ?? first
      heard = time
      share += (min(new, 1) - share) * (1 - exp(-(passed / PlacesController.memory)))
      return share
    }
  }

  /// What was published before a change goes on being answered for about a fragment's length: until then signs say nothing new.
  package static let calm = Duration.seconds(8)
  static let memory = Duration.seconds(3.4)
  /// A fragment is looked at once a second while it waits.
  static let hold = Duration.seconds(2)
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
    let sign =
      switch sign {
      case .late(let share): Sign.late(lateness.hear(share, at: time))
      case .waiting(let share): Sign.waiting(waiting.hear(share, at: time))
      case .answer, .unanswered, .joined: sign
      }
    let before = places
    change(by: sign, isFull: isFull, at: time)
    return places == before ? nil : sign
  }

  private mutating func change(by sign: Sign, isFull: Bool, at time: Duration) {
    var least = 1
    switch sign {
    case .answer(Sign.lateAnswer..<Sign.tooLateForTwo), .unanswered(Sign.lateAnswer..<Sign.tooLateForTwo):
      least = min(places, 2)
    case .joined, .waiting, .late(..<Self.starved):
      // Of one place they say nothing: answers say whether two would do. The next publishers wait for longer where a worker joined
      // late (``StreamPlaces/lead(described:)``).
      guard places > 1 else { return }
      least = 2
    default: break
    }
    if case .unanswered = sign, sign.verdict != .well { heldUntil = max(heldUntil, time + Self.hold) }
    switch sign.verdict {
    case .bad:
      wellAnswered = 0
      let fewer = max(least, places / 2)
      // What changes nothing must not keep other signs from being heard.
      guard time >= calmUntil, fewer < places else { return }
      places = fewer
      calmUntil = time + Self.calm
    case .between:
      // Of cores that are rather busy answers go on to tell; they keep the places from growing as long as they are.
      if case .waiting = sign { return }
      wellAnswered = 0
    case .well:
      guard case .answer(let share) = sign, isFull, time >= max(calmUntil, heldUntil),
        Sign.waiting(waiting.share).verdict == .well
      else { return }
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
      heldUntil = time + Self.calm
    }
  }
}
