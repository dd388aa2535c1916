import DubbingTesting
import Foundation
import Testing

@Suite("Checks that are not asked", .kind(.logic))
struct CheckStateTests {
  typealias Name = DubbingVerdict.Check.Name

  private func names(_ verdict: DubbingVerdict, _ state: DubbingVerdict.Check.State) -> Set<Name> {
    Set(verdict.checks.filter { $0.state == state }.map(\.name))
  }

  @Test("Of a run in which nothing happened two checks are red and none is green")
  func nothingHappened() {
    var evidence = HealthyRun.evidence
    (evidence.output, evidence.windows, evidence.video) = (nil, [], VideoMatch())
    evidence.outputProblem = "the path did not become ready"
    evidence.events = StreamEvents([], stream: "s")
    let verdict = DubbingVerdict(evidence)
    #expect(names(verdict, .passed) == [])
    #expect(names(verdict, .failed) == [.fragmentsSent, .published])
    #expect(verdict.checks.count == Name.allCases.count)
    #expect(verdict.checks.allSatisfy { !$0.detail.isEmpty })
  }

  @Test("A missing output is one red line")
  func noOutput() {
    var evidence = HealthyRun.evidence
    (evidence.output, evidence.windows, evidence.video) = (nil, [], VideoMatch())
    let verdict = DubbingVerdict(evidence)
    #expect(names(verdict, .failed) == [.published])
    #expect(
      names(verdict, .notAsked) == [
        .identity, .originalAbsent, .loudness, .avSync, .duration, .codecs, .timestamps, .videoPackets,
      ])
  }

  @Test("What has no words or no picture is not asked for them; answers without the words that a contract has are red")
  func nothingToAsk() {
    var evidence = HealthyRun.evidence
    evidence.fixture.expectedTranscripts = nil
    evidence.fixture.video = nil
    #expect(names(DubbingVerdict(evidence), .notAsked) == [.transcript, .videoPackets])
    evidence = HealthyRun.evidence
    for index in evidence.events.fragments.indices {
      evidence.events.fragments[index].answers[0].processed.transcript = nil
    }
    #expect(DubbingVerdict(evidence)[.transcript]?.state == .failed)
    evidence.events.contract.events[.fragmentProcessed]?.fields[.transcript] = nil
    #expect(DubbingVerdict(evidence)[.transcript]?.state == .notAsked)
  }

  @Test("A language that cannot be told is not asked for; one that is declared, or asked for, is compared")
  func languages() {
    var evidence = HealthyRun.evidence
    for index in evidence.events.fragments.indices {
      evidence.events.fragments[index].answers[0].processed.translatedText = "abc def"
      evidence.events.fragments[index].answers[0].processed.targetLanguage = nil
    }
    #expect(DubbingVerdict(evidence)[.translation]?.state == .notAsked)
    evidence = HealthyRun.evidence
    evidence.events.openings[0].config.targetLanguage = "zh"
    let check = DubbingVerdict(evidence)[.translation]
    #expect(check?.state == .failed && check?.detail.contains("asks for the target language 'zh'") == true)
    evidence.events.openings[0].config.targetLanguage = "es-MX"
    #expect(DubbingVerdict(evidence)[.translation]?.state == .passed)
  }

  private func holding(_ contents: [WindowContent], expecting outcome: StreamOutcome) -> StreamEvidence {
    var evidence = HealthyRun.evidence
    evidence.fixture.expectedOutcome = outcome
    for (index, content) in contents.enumerated() {
      evidence.windows[index].content = content
      if content == .original { evidence.windows[index].originalCoherence = 0.98 }
      if content == .silent { evidence.windows[index].level = -.infinity }
    }
    return evidence
  }

  @Test(
    "A fixture gets what it expects, and only that",
    arguments: [
      (StreamOutcome.passthrough, [WindowContent.original, .original]), (.silent, [.silent, .silent]),
      (.mixed, [.dubbed(0), .original]), (.dubbed, [.dubbed(0), .dubbed(1)]),
    ])
  func expectations(expected: StreamOutcome, contents: [WindowContent]) {
    for outcome in [StreamOutcome.passthrough, .silent, .mixed, .dubbed] {
      let verdict = DubbingVerdict(holding(contents, expecting: outcome))
      #expect(verdict.outcome == expected)
      #expect(verdict.passed == (outcome == expected), "expecting \(outcome): \(verdict.failedChecks)")
    }
  }

  @Test("A stream that is to be refused is, when nothing was sent and nothing came out")
  func refused() {
    var evidence = holding([.dubbed(0), .dubbed(1)], expecting: .refused)
    #expect(names(DubbingVerdict(evidence), .failed) == [.fragmentsSent, .published])
    (evidence.output, evidence.windows, evidence.events) = (nil, [], StreamEvents([], stream: "s"))
    let verdict = DubbingVerdict(evidence)
    #expect(verdict.outcome == .refused && verdict.passed)
    #expect(names(verdict, .passed) == [.fragmentsSent, .published])
  }

  @Test("The report tells what was not asked from what passed")
  func report() throws {
    var evidence = HealthyRun.evidence
    evidence.fixture.expectedTranscripts = nil
    let verdict = DubbingVerdict(evidence)
    let check = try #require(RunReport.Stream(verdict, test: "t").checks.first { $0.name == "transcript" })
    #expect(check.passed && check.state == .notAsked)
    #expect(verdict.table(test: "t").contains("– transcript"))
  }

  @Test("What breaks the contract again and again is said once, with how often")
  func repeated() {
    var evidence = HealthyRun.evidence
    evidence.events.violations = ["a: b is missing", "c", "a: b is missing"]
    #expect(DubbingVerdict(evidence)[.contract]?.detail == "2 times: a: b is missing; c")
  }
}
