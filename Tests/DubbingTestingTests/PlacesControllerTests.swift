import DubbingTesting
import Testing

@Suite("Places of streams", .kind(.logic))
struct PlacesControllerTests {
  /// Shares of the bound that answers took in a run, one after the other, and what is to come of them.
  struct Trace: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Seconds of answers whose bound is 30 s.
    var answers: [Double]
    /// Seconds from one answer to the next.
    var every = 1.0
    var late = 0.0
    var places: Int
    /// What they never went under.
    var least: Int
  }

  /// Answers of report.json: of a quiet run, and of one beside five compilers on two cores (November 27).
  static let runs: [Trace] = [
    Trace(
      testDescription: "quiet: as many as there may be",
      answers: [
        0.9, 0.5, 0.4, 0.7, 0.4, 6.9 / 30, 0.8, 0.4, 1.1, 0.3, 3.6, 0.5, 0.9, 0.3, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.5,
        0.8, 0.8,
        0.5, 0.3, 0.7, 0.3, 0.4, 0.3, 0.7, 0.2, 0.5, 0.4, 0.5, 0.7, 0.5, 0.4, 0.3, 0.4, 0.3, 0.0, 0.1, 0.5, 0.3, 0.3,
        0.3,
      ], every: 2, places: 8, least: 2),
    Trace(
      testDescription: "starved from its beginning: one",
      answers: [0.9, 3.7, 1.0, 4.0, 11.0, 12.5, 9.4, 18.0, 18.2, 26.9, 12.4, 13.0, 16.7, 12.8, 15.6, 13.7, 15.5, 26.9],
      places: 1,
      least: 1),
    Trace(
      testDescription: "starved, then left alone: fewer, then more again",
      answers: [11.0, 12.5, 9.4, 18.0, 18.2, 7.6, 4.5, 6.8, 5.5, 6.2, 6.1, 3.2] + Array(repeating: 0.5, count: 60),
      every: 2, places: 8,
      least: 1),
    Trace(
      testDescription: "neither well nor bad: as they were", answers: [4, 5, 6, 4, 8, 9, 4, 5], places: 2, least: 2),
    Trace(
      testDescription: "a clock that is late: two, if the answers are good",
      answers: Array(repeating: 0.4, count: 30), late: 0.3, places: 2, least: 2),
    Trace(
      testDescription: "a clock that is late most of the time: one, however good the answers",
      answers: Array(repeating: 0.4, count: 30), late: 0.6, places: 1, least: 1),
  ]

  @Test("Answers of a run lead to as many places as it can bear", arguments: runs)
  func traces(_ trace: Trace) {
    var controller = PlacesController(most: 8)
    var least = controller.places
    for (number, answer) in trace.answers.enumerated() {
      let time = Duration.seconds(Double(number) * trace.every)
      controller.note(.late(trace.late), at: time)
      controller.note(.answer(answer / 30), at: time)
      least = min(least, controller.places)
    }
    #expect(controller.places == trace.places)
    #expect(least == trace.least)
  }

  @Test("One bad sign halves, those of the next seconds change nothing, and there is always one place")
  func halves() {
    var controller = PlacesController(first: 8, most: 8)
    controller.note(.answer(0.5), at: .seconds(1))
    #expect(controller.places == 4)
    controller.note(.joined(2), at: .seconds(1) + PlacesController.calm - .milliseconds(1))
    #expect(controller.places == 4)
    for second in 2...6 { controller.note(.answer(0.5), at: PlacesController.calm * second) }
    #expect(controller.places == 1)
  }

  @Test("A worker that joins late is waited for by the next publishers: at the beginning of a run it leaves two places")
  func joinedLate() {
    for (first, places) in [(4, 2), (2, 2), (1, 1)] {
      var controller = PlacesController(first: first, most: 8)
      for second in 1...3 { controller.note(.joined(2), at: PlacesController.calm * second) }
      #expect(controller.places == places)
      // What changed nothing keeps no other sign from being heard.
      controller.note(.answer(0.5), at: PlacesController.calm * 3 + .milliseconds(1))
      #expect(controller.places == 1, "answers say whether one is enough")
    }
  }

  /// Lateness of seconds of a run on two quiet cores, one after the other (November 28), and what becomes of four places.
  @Test(
    "Lateness counts when it lasts",
    arguments: [
      ("an environment starts", [0.01, 0.28, 0.02, 0, 0.03], 4),
      ("verdicts at once", [0.1, 0.72, 0.05, 0.01, 0, 0.27, 0.02], 4),
      ("nothing but that, for minutes", Array(repeating: [0.05, 0.4, 0.1, 0.05], count: 40).flatMap(\.self), 4),
      ("a second in which nothing ran", [1.5], 2),
      ("starved", Array(repeating: 0.35, count: 6), 2),
      ("starved for long: two, and answers say whether fewer", Array(repeating: 0.35, count: 60), 2),
      ("starved most of the time", Array(repeating: 0.7, count: 20), 1),
    ] as [(String, [Double], Int)])
  func lateness(_ name: String, _ shares: [Double], _ places: Int) {
    var controller = PlacesController(first: 4, most: 8)
    for (second, share) in shares.enumerated() {
      // As many tell of it as there are environments.
      for teller in 0..<6 { controller.note(.late(share), at: .seconds(second) + .milliseconds(teller)) }
    }
    #expect(controller.places == places, "\(name)")
  }

  /// Shares of seconds in which some program waited for a core, one after the other, and what becomes of four places and of two.
  @Test(
    "Programs that wait for a core keep places from growing, and make them fewer when they wait all the time",
    arguments: [
      ("two streams on two slow cores (November 29)", [0.15, 0.3, 0.2, 0.25, 0.4, 0.3, 0.2, 0.2, 0.25, 0.2], 5, 3),
      (
        "an environment starts now and then", Array(repeating: [0.2, 0.98, 0.7, 0.2, 0.2], count: 4).flatMap(\.self), 6,
        4
      ),
      ("rather busy", Array(repeating: 0.7, count: 40), 4, 2),
      ("no core to be had: two, and answers say whether fewer", Array(repeating: 1, count: 40), 2, 2),
    ] as [(String, [Double], Int, Int)])
  func waiting(_ name: String, _ shares: [Double], _ fromFour: Int, _ fromTwo: Int) {
    for (first, places) in [(4, fromFour), (2, fromTwo)] {
      var controller = PlacesController(first: first, most: 8)
      for (second, share) in shares.enumerated() {
        for teller in 0..<6 { controller.note(.waiting(share), at: .seconds(second) + .milliseconds(teller)) }
        controller.note(.answer(0.02), at: .seconds(second) + .milliseconds(10))
      }
      #expect(controller.places == places, "\(name), from \(first)")
    }
  }

  @Test(
    "Programs that wait for a core do not keep good answers from making two of one place, unless they wait all the time"
  )
  func waitingAtOne() {
    for (share, places) in [(0.45, 2), (0.7, 1)] {
      var controller = PlacesController(first: 1, most: 8)
      for second in 0..<8 {
        controller.note(.waiting(share), at: .seconds(second))
        controller.note(.answer(0.01), at: .seconds(second))
      }
      #expect(controller.places == places, "\(share)")
    }
  }

  /// Shares of its bound between which a fragment waits, a hundredth each second, while quick answers come (`sentences` beside `counting`,
  /// November 29), and what becomes of four places.
  @Test(
    "Quick answers are not all: a fragment that waits keeps places from growing, one that waits too long makes them fewer",
    arguments: [(0..<12, 6), (13..<33, 4), (13..<50, 2), (13..<51, 1), (13..<59, 1), (13..<100, 1)])
  func unanswered(_ shares: Range<Int>, places: Int) {
    var controller = PlacesController(first: 4, most: 8)
    for percent in shares {
      controller.note(.unanswered(Double(percent) / 100), at: .seconds(percent))
      for teller in 1...6 { controller.note(.answer(0.02), at: .seconds(percent) + .milliseconds(teller)) }
    }
    #expect(controller.places == places)
  }

  @Test("The next place waits until something can have been heard of the last")
  func oneAtATime() {
    var controller = PlacesController(most: 8)
    for tenth in 0..<10 { controller.note(.answer(0.01), at: .milliseconds(tenth * 100)) }
    #expect(controller.places == 3)
    for tenth in 0..<10 { controller.note(.answer(0.01), at: PlacesController.calm + .milliseconds(200 + tenth * 100)) }
    #expect(controller.places == 4)
  }

  @Test("A clock that is late does not keep good answers from making two of one place")
  func latenessAtOne() {
    var controller = PlacesController(first: 1, most: 8)
    for second in 0..<6 {
      controller.note(.late(0.3), at: .seconds(second))
      controller.note(.answer(0.01), at: .seconds(second))
    }
    #expect(controller.places == 2)
  }

  /// Seconds of answers whose bound is 30 s, of one stream at a time, and what becomes of one place.
  @Test(
    "From one place to two only where five streams would be answered in time as well",
    arguments: [
      (
        "Whisper and Kokoro on two cores (November 28)", [2.1, 2.4, 3.3, 1.2, 2.0, 2.2, 3.9, 1.6, 1.9, 2.1, 1.4, 2.6], 1
      ),
      ("the offline chain", [0.9, 0.5, 0.4, 0.7, 0.4, 0.5], 2),
      ("a short fragment now and then", Array(repeating: [2.8, 0.6], count: 20).flatMap(\.self), 1),
      ("five answers", Array(repeating: 0.4, count: 5), 1),
    ] as [(String, [Double], Int)])
  func fromOne(_ name: String, _ answers: [Double], _ places: Int) {
    var controller = PlacesController(first: 1, most: 2)
    for (second, answer) in answers.enumerated() { controller.note(.answer(answer / 30), at: .seconds(second)) }
    #expect(controller.places == places, "\(name)")
  }

  @Test("Room that nobody uses is not made more, and no more than there may be")
  func unused() {
    var controller = PlacesController(first: 3, most: 4)
    for second in 0..<20 { controller.note(.answer(0.01), isFull: false, at: .seconds(second)) }
    #expect(controller.places == 3)
    for second in 20..<40 { controller.note(.answer(0.01), at: .seconds(second)) }
    #expect(controller.places == 4)
  }

  @Test("A fixed number stays, whatever is measured")
  func fixed() {
    let places = StreamPlaces(fixed: 3, cores: 2)
    for _ in 0..<10 { places.note(.answer(0.9)) }
    #expect(places.publishing.limit == 3 && places.live.limit == 7)
  }

  @Test("Two to begin with; when it is bad, fewer are published and live")
  func adapts() {
    let places = StreamPlaces(fixed: nil, cores: 2)
    #expect(places.publishing.limit == 2 && places.live.limit == 5)
    places.note(.answer(0.9))
    #expect(places.publishing.limit == 1 && places.live.limit == 1)
  }

  @Test("From one place it goes up again, although nobody waits to publish before there is room to live")
  func growsFromOne() async throws {
    let places = StreamPlaces(fixed: nil, first: 1, cores: 2)
    let second = try await places.live.withPlace { _ in
      for _ in 0..<6 { places.note(.answer(0.01)) }
      #expect(places.publishing.limit == 1, "nobody waits")
      let second = Task { try await places.live.withPlace { _ in } }
      while places.live.waiting == 0 { await Task.yield() }
      for _ in 0..<6 { places.note(.answer(0.01)) }
      #expect(places.publishing.limit == 2 && places.live.limit == 5)
      return second
    }
    try await second.value
  }
}

@Suite("Answers that are watched", .kind(.logic))
struct AnswerWatchTests {
  private let start = ContinuousClock.now

  private func sign(
    _ watch: inout AnswerWatch, _ content: ObservedEvent.Content, after seconds: Double
  ) -> PlacesController.Sign? {
    watch.note(
      ObservedEvent(date: .now, direction: .toSTS, content: content), at: start + .seconds(seconds))
  }

  @Test("An answer's time counts from the first sending, in shares of its bound; an answer to nothing is none")
  func answers() throws {
    var watch = AnswerWatch(contract: .standard, bound: .seconds(30))
    let events = HealthyRun.events
    let sent = try #require(events.first { if case .fragmentData = $0.content { true } else { false } })
    let answered = try #require(events.first { if case .fragmentProcessed = $0.content { true } else { false } })
    #expect(sign(&watch, answered.content, after: 0) == nil)
    #expect(sign(&watch, sent.content, after: 1) == nil)
    #expect(sign(&watch, sent.content, after: 2) == nil)
    #expect(sign(&watch, answered.content, after: 4) == .answer(0.1))
    #expect(sign(&watch, answered.content, after: 5) == nil, "a second answer is none")
  }

  @Test("A fragment tells while it waits, until it is answered or its bound has passed")
  func unanswered() throws {
    var watch = AnswerWatch(contract: .standard, bound: .seconds(30))
    let events = HealthyRun.events
    let sent = try #require(events.first { if case .fragmentData = $0.content { true } else { false } })
    let answered = try #require(events.first { if case .fragmentProcessed = $0.content { true } else { false } })
    let later = try #require(
      events.lazy.map(\.content).last { if case .fragmentData = $0 { true } else { false } })
    #expect(later != sent.content)
    #expect(watch.unanswered(at: start) == nil)
    _ = sign(&watch, sent.content, after: 0)
    _ = sign(&watch, later, after: 2)
    #expect(watch.unanswered(at: start + .seconds(3)) == .unanswered(0.1), "the one that waits longest")
    _ = sign(&watch, answered.content, after: 4)
    #expect(watch.unanswered(at: start + .seconds(5)) == .unanswered(0.1), "the other one")
    watch = AnswerWatch(contract: .standard, bound: .seconds(30))
    _ = sign(&watch, sent.content, after: 6)
    #expect(watch.unanswered(at: start + .seconds(9)) == .unanswered(0.1))
    #expect(watch.unanswered(at: start + .seconds(33)) == .unanswered(0.9))
    #expect(watch.unanswered(at: start + .seconds(36)) == nil)
    #expect(sign(&watch, answered.content, after: 37) == nil)
  }

  @Test("A worker that takes long to join is given longer by the next publishers, but not without end")
  func lead() {
    let places = StreamPlaces(fixed: 2, cores: 2)
    let described = Duration.milliseconds(800)
    for (join, lead) in [(300, 800), (700, 1_400), (200, 1_400), (30_000, 3_200)] {
      places.noteJoin(after: .milliseconds(join), of: described)
      #expect(places.lead(described: described) == .milliseconds(lead), "after \(join) ms")
    }
    #expect(places.lead(described: .seconds(100)) == .seconds(100))
  }
}
