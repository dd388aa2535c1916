import AudioPrint
import DubbingTesting
import Foundation
import Testing

@Suite("DubbingVerdict", .kind(.logic))
struct DubbingVerdictTests {
  @Test("A healthy run is dubbed and no check fails")
  func healthyRunPasses() {
    let verdict = DubbingVerdict(HealthyRun.evidence)
    #expect(verdict.outcome == .dubbed)
    #expect(verdict.failedChecks == [])
    #expect(verdict.checks.map(\.name) == DubbingVerdict.Check.Name.allCases.filter { $0 != .heardAgain })
    #expect(verdict.passed)
    var listened = HealthyRun.evidence
    listened.heard = [0: "uno dos tres", 1: "siete ocho nueve"]
    #expect(DubbingVerdict(listened).failedChecks == [])
    #expect(DubbingVerdict(listened)[.heardAgain]?.detail.hasPrefix("0 % (0 of 6 words) misheard") == true)
  }

  /// A fault in the events, and the checks that it must turn red, no others.
  struct EventFault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var expected: Set<DubbingVerdict.Check.Name>
    var change: @Sendable (inout [ObservedEvent]) -> Void
  }

  static let eventFaults: [EventFault] = [
    .init(testDescription: "an acknowledgement is lost", expected: [.acknowledged]) { $0.remove(at: 2) },
    .init(testDescription: "an answer comes twice", expected: [.processedOnce]) { $0.append($0[3]) },
    .init(testDescription: "an answer is lost", expected: [.processedOnce]) { $0.remove(at: 6) },
    .init(testDescription: "an answer comes to a fragment that was not sent", expected: [.processedOnce]) {
      var stray = HealthyRun.processed(1)
      stray.fragmentID = "f9"
      $0.append(HealthyRun.event(20, .toWorker, .fragmentProcessed(stray)))
    },
    .init(testDescription: "an answer is for a stream that nobody sends", expected: [.contract]) {
      change(&$0[3]) { $0.streamID = "another" }
    },
    .init(testDescription: "answers are swapped", expected: [.order]) { events in
      events = [events[0], events[1], events[2], events[4], events[5], events[6], events[3]]
    },
    .init(testDescription: "an answer is late", expected: [.deadline]) { $0[6].date += 40 },
    .init(testDescription: "a payload breaks the contract", expected: [.contract]) {
      $0[3].violations = ["fragment:processed: processing_time_ms is missing"]
    },
    .init(testDescription: "STS reports an error", expected: [.contract]) {
      $0.append(
        HealthyRun.event(
          3, .toWorker,
          .serviceError(
            ServiceError(code: "TIMEOUT", message: "slow", severity: "warning", retryable: true, streamID: "s"))))
    },
    .init(testDescription: "the status is failed", expected: [.processedOnce]) {
      change(&$0[3]) { $0.status = .failed }
    },
    .init(testDescription: "a word is wrong", expected: [.transcript]) {
      change(&$0[3]) { $0.transcript = "one two tree" }
    },
    .init(testDescription: "the translation is missing", expected: [.translation]) {
      change(&$0[3]) { $0.translatedText = "" }
    },
    .init(testDescription: "the translation is the transcript", expected: [.translation]) {
      change(&$0[3]) { $0.translatedText = "One, two, three." }
    },
    .init(testDescription: "the translation is in another language", expected: [.translation]) {
      change(&$0[3]) { $0.translatedText = "eins, zwei, drei" }
    },
    .init(testDescription: "another language is declared", expected: [.translation]) {
      change(&$0[3]) { $0.targetLanguage = "pt" }
    },
  ]

  private static func change(_ event: inout ObservedEvent, _ change: (inout FragmentProcessed) -> Void) {
    guard case .fragmentProcessed(var processed) = event.content else { return }
    change(&processed)
    event.content = .fragmentProcessed(processed)
  }

  @Test("A fault in the events turns its own checks red and no others", arguments: eventFaults)
  func eventFault(fault: EventFault) {
    var events = HealthyRun.events
    fault.change(&events)
    var evidence = HealthyRun.evidence
    evidence.events = StreamEvents(events, stream: "s")
    let verdict = DubbingVerdict(evidence)
    #expect(Set(verdict.failedChecks.map(\.name)) == fault.expected, "\(verdict.failedChecks)")
    #expect(!verdict.passed)
  }

  /// A fault in the output, the checks that it must turn red, and the outcome it makes.
  struct OutputFault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var expected: Set<DubbingVerdict.Check.Name>
    var outcome: StreamOutcome = .dubbed
    var change: @Sendable (inout StreamEvidence) -> Void
  }

  static let outputFaults: [OutputFault] = [
    .init(testDescription: "a fragment is never sent", expected: [.fragmentsSent]) { evidence in
      evidence.events.fragments.removeLast()
      evidence.windows.removeLast()
    },
    .init(testDescription: "the original comes out", expected: [.identity, .originalAbsent], outcome: .passthrough) {
      evidence in
      for index in evidence.windows.indices {
        evidence.windows[index].content = .original
        evidence.windows[index].originalCoherence = 0.98
      }
    },
    .init(testDescription: "one window is the original", expected: [.identity, .originalAbsent], outcome: .mixed) {
      evidence in
      evidence.windows[1].content = .original
      evidence.windows[1].originalCoherence = 0.98
    },
    .init(testDescription: "silence comes out", expected: [.identity, .loudness], outcome: .silent) { evidence in
      for index in evidence.windows.indices {
        evidence.windows[index].content = .silent
        evidence.windows[index].level = -.infinity
      }
    },
    .init(testDescription: "another fragment's dub", expected: [.identity], outcome: .failed) {
      $0.windows[1].content = .dubbed(0)
    },
    .init(testDescription: "noise", expected: [.identity], outcome: .failed) { $0.windows[1].content = .unknown },
    .init(testDescription: "the original under the dub", expected: [.originalAbsent]) {
      $0.windows[0].originalCoherence = 0.4
    },
    .init(testDescription: "the dub is noise with the shape of speech", expected: [.heardAgain]) {
      $0.heard = [0: "", 1: "siete"]
    },
    .init(testDescription: "20 ms of the dub are missing", expected: [.continuity]) {
      $0.continuity = DubContinuity(
        breaks: [Break(kind: .missing, start: 7, length: 0.02, clip: 1, clipStart: 1)], followed: [0, 1], judged: 8)
    },
    .init(testDescription: "the dub is too quiet", expected: [.loudness]) { $0.windows[0].level = -62 },
    .init(testDescription: "the dub is late", expected: [.avSync]) { $0.windows[0].lag = .milliseconds(250) },
    .init(testDescription: "the dub is early", expected: [.avSync]) { $0.windows[1].lag = .milliseconds(-130) },
    .init(testDescription: "the end is missing", expected: [.duration]) { $0.output?.duration = 11.2 },
    .init(testDescription: "another audio codec", expected: [.codecs]) { $0.output?.audio?.codec = "mp3" },
    .init(testDescription: "the picture is missing", expected: [.codecs]) { $0.output?.video = nil },
    .init(testDescription: "a video packet is missing", expected: [.videoPackets]) { $0.video.missingInside = 1 },
    .init(testDescription: "a video packet is repeated", expected: [.videoPackets]) { $0.video.repeated = 1 },
    .init(testDescription: "video packets are swapped", expected: [.videoPackets]) { $0.video.reordered = 1 },
    .init(testDescription: "the video was encoded anew", expected: [.videoPackets]) { $0.video.foreign = 30 },
    .init(testDescription: "the picture stands still", expected: [.videoPackets]) {
      ($0.video.treatment, $0.video.frozen) = (.reencoded, .seconds(3))
    },
    .init(testDescription: "a timestamp goes back", expected: [.timestamps]) { $0.video.nonMonotonic = 1 },
    .init(testDescription: "the video stutters", expected: [.timestamps]) { $0.video.jitter = .milliseconds(200) },
    .init(
      testDescription: "there is no output", expected: [.published], outcome: .failed
    ) { evidence in
      evidence.output = nil
      evidence.outputProblem = "the path did not become ready"
      evidence.windows = []
      evidence.video = VideoMatch()
    },
  ]

  @Test("A fault in the output turns its own checks red and no others", arguments: outputFaults)
  func outputFault(fault: OutputFault) {
    var evidence = HealthyRun.evidence
    fault.change(&evidence)
    let verdict = DubbingVerdict(evidence)
    #expect(Set(verdict.failedChecks.map(\.name)) == fault.expected, "\(verdict.failedChecks)")
    #expect(verdict.outcome == fault.outcome)
    #expect(!verdict.passed)
  }

  @Test("What another stream on the same connection is answered is none of this one's")
  func anotherStream() {
    var other = HealthyRun.data(0)
    var answer = HealthyRun.processed(0)
    (other.streamID, answer.streamID) = ("another", "another")
    var evidence = HealthyRun.evidence
    let events = [
      HealthyRun.event(0, .toSTS, .fragmentData(other)), HealthyRun.event(1, .toWorker, .fragmentProcessed(answer)),
    ]
    evidence.events = StreamEvents(HealthyRun.events + events, stream: "s")
    #expect(DubbingVerdict(evidence).failedChecks == [])
    #expect(evidence.events.fragments.map(\.answers.count) == [1, 1])
  }

  @Test("Every check has been seen to fail")
  func everyCheckHasAFault() {
    let covered = Self.eventFaults.map(\.expected) + Self.outputFaults.map(\.expected)
    let all = DubbingVerdict.Check.Name.allCases + [.continuity, .heardAgain]
    #expect(covered.reduce(into: Set()) { $0.formUnion($1) } == Set(all))
  }

  @Test("A fragment without words may be silent")
  func silentFragmentIsRight() {
    var evidence = HealthyRun.evidence
    evidence.fixture.expectedTranscripts = ["one two three", ""]
    evidence.events.fragments[1].answers[0].processed.transcript = ""
    evidence.events.fragments[1].answers[0].processed.translatedText = ""
    evidence.windows[1].content = .silent
    let verdict = DubbingVerdict(evidence)
    #expect(verdict.failedChecks == [])
    #expect(verdict.outcome == .dubbed)
  }

  @Test(
    "Words may be wrong up to the fixture's word error rate, not beyond",
    arguments: [("one two tree", "seven eight nine", true), ("one tree", "seven nine nine", false)])
  func wordErrorRate(first: String, second: String, isTolerated: Bool) throws {
    var evidence = HealthyRun.evidence
    evidence.fixture.maxWordErrorRate = 0.2
    evidence.events.fragments[0].answers[0].processed.transcript = first
    evidence.events.fragments[1].answers[0].processed.transcript = second
    let check = try #require(DubbingVerdict(evidence)[.transcript])
    #expect(check.passed == isTolerated)
    #expect(check.detail.contains(isTolerated ? "17 % (1 of 6 words)" : "50 % (3 of 6 words)"), "\(check.detail)")
  }

  @Test("A fixture without audio is refused: nothing is sent and nothing is published")
  func refusal() {
    var evidence = HealthyRun.evidence
    evidence.fixture.audio = nil
    evidence.fixture.expectedOutcome = .failed
    evidence.fixture.expectedTranscripts = nil
    evidence.windows = []
    #expect(Set(DubbingVerdict(evidence).failedChecks.map(\.name)) == [.fragmentsSent, .published])
    evidence.output = nil
    evidence.events = StreamEvents([], stream: "s")
    let verdict = DubbingVerdict(evidence)
    #expect(verdict.failedChecks == [])
    #expect(verdict.outcome == .failed)
    #expect(verdict.passed)
  }

  @Test("A fragment that a worker sends again after a reconnect may be answered twice")
  func resentFragmentMayBeAnsweredTwice() {
    var events = HealthyRun.events
    events.append(events[4])
    events.append(events[6])
    var evidence = HealthyRun.evidence
    evidence.events = StreamEvents(events, stream: "s")
    #expect(DubbingVerdict(evidence).failedChecks == [])
  }
}
