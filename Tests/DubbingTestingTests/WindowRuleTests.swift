import DubbingTesting
import Foundation
import Testing

@Suite("What a window may hold", .kind(.logic))
struct WindowRuleTests {
  @Test(
    "Its content is one word for verdict, report and page",
    arguments: [
      (WindowContent.original, "original"), (.dubbed(3), "dubbed 3"), (.mixed, "mixed"), (.silent, "silent"),
      (.unknown, "unknown"), (.absent, "none"),
    ])
  func vocabulary(content: WindowContent, word: String) throws {
    #expect(content.description == word)
    #expect(WindowContent(word) == content)
    #expect(try JSONDecoder().decode([WindowContent].self, from: JSONEncoder().encode([content])) == [content])
  }

  @Test("Other words are nothing", arguments: ["", "dubbed", "dubbed x", "dubbed 1 2", "original 3", "passthrough"])
  func otherWords(word: String) {
    #expect(WindowContent(word) == nil)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([WindowContent].self, from: JSONEncoder().encode([word]))
    }
  }

  @Test("Silence where words were promised is no pause: neither for the outcome nor for the check")
  func outcomeAndIdentityAgree() {
    var evidence = HealthyRun.evidence
    evidence.windows[1].content = .silent
    evidence.events.fragments[1].answers[0].processed.transcript = ""
    let verdict = DubbingVerdict(evidence)
    #expect(verdict.outcome == .mixed)
    #expect(verdict[.identity]?.passed == false)
    evidence.fixture.expectedTranscripts?[1] = ""
    let pause = DubbingVerdict(evidence)
    #expect(pause.outcome == .dubbed)
    #expect(pause[.identity]?.passed == true)
  }

  @Test("Every tolerance is a setting")
  func tolerances() throws {
    typealias Change = (inout StreamEvidence) -> Void
    let cases: [(DubbingVerdict.Check.Name, Change, Change)] = [
      (.avSync, { $0.windows[0].lag = .milliseconds(100) }, { $0.tolerances.avDelta = .milliseconds(80) }),
      (.duration, { $0.output?.duration = 12.3 }, { $0.tolerances.duration = .milliseconds(200) }),
      (.originalAbsent, { $0.windows[0].originalCoherence = 0.2 }, { $0.tolerances.audibleOriginal = 0.1 }),
      (.loudness, { $0.windows[0].level = -40 }, { $0.tolerances.quietDub = 15 }),
      (.timestamps, { $0.video.jitter = .milliseconds(15) }, { $0.tolerances.videoJitter = .milliseconds(10) }),
    ]
    for (name, change, tighten) in cases {
      var evidence = HealthyRun.evidence
      change(&evidence)
      #expect(DubbingVerdict(evidence).failedChecks == [], "\(name)")
      tighten(&evidence)
      #expect(DubbingVerdict(evidence).failedChecks.map(\.name) == [name])
    }
  }

  @Test("The page draws windows where they were measured, not on a grid")
  func pageFollowsTheMeasurement() throws {
    var evidence = HealthyRun.evidence
    evidence.windows[1].place = .init(
      fixtureStart: .seconds(5), output: Duration.milliseconds(5500)..<Duration.milliseconds(11500))
    let stream = RunReport.Stream(DubbingVerdict(evidence), test: "t")
    #expect(stream.fragments.map(\.outputStartS) == [0.024, 5.5])
    let page = StreamFigures(stream: stream, sound: StreamSound()).content
    let axis = PageAxis(end: 12.02)
    #expect(page.contains(axis.span(5.5, 6)), "\(page)")
  }
}
