import DubbingTesting
import Foundation
import SocketIOLite
import Testing

@Suite("Word error rate across a fragment's edge", .kind(.logic))
struct WordErrorRateTests {
  private func errors(_ fragments: [(expected: String, heard: String)], _ edges: WordErrorRate.Edges = .mayCut) -> Int {
    let spoken = fragments.enumerated().map {
      WordErrorRate.Spoken(sequence: $0, expected: $1.expected, heard: $1.heard)
    }
    let rate = WordErrorRate(of: spoken, edges: edges)
    #expect(rate.count == fragments.flatMap { WordErrorRate.words($0.expected) }.count)
    return rate.errors
  }

  @Test(
    "A word that an edge cuts is completed by the neighbour",
    arguments: [
      ("eighteen nine", "twenty"), ("eighteen", "teen twenty"), ("eighteen nine", "teen twenty"),
      ("eighteen nineteen", "nineteen twenty"), ("eighteen nineteen", "teen twenty"), ("eighteen", "nineteen twenty"),
    ])
  func cutWord(first: String, second: String) {
    #expect(errors([("eighteen nineteen", first), ("twenty", second)]) == 0)
    #expect(errors([("eighteen", first), ("nineteen twenty", second)]) == 0)
    #expect(errors([("eighteen nineteen", first), ("twenty", second)], .lieInPauses) > 0)
  }

  @Test(
    "Anything else beside an edge is an error, and so is half a word elsewhere",
    arguments: [
      ("eighteen", "twenty", 1), ("eighteen five", "twenty", 1), ("eighteen n", "twenty", 1),
      ("nine nineteen", "twenty", 1), ("eighteen nineteen", "", 1), ("eighteen nine nine", "twenty", 1),
    ])
  func wrongWord(first: String, second: String, count: Int) {
    #expect(errors([("eighteen nineteen", first), ("twenty", second)]) == count)
  }

  @Test("The beginning of the first fragment and the end of the last have no neighbour")
  func ends() {
    #expect(errors([("nineteen twenty", "teen twenty")]) == 1)
    #expect(errors([("eighteen nineteen", "eighteen nine")]) == 1)
  }

  @Test("A fragment without an answer lends nothing to its neighbours")
  func gap() {
    let spoken = [
      WordErrorRate.Spoken(sequence: 0, expected: "eighteen nineteen", heard: "eighteen nine"),
      WordErrorRate.Spoken(sequence: 2, expected: "one", heard: "one"),
    ]
    #expect(WordErrorRate(of: spoken, edges: .mayCut).errors == 1)
  }

  @Test("Only a fixture that allows errors lets its edges cut words")
  func fixtureDecides() {
    var evidence = HealthyRun.evidence
    evidence.fixture.expectedTranscripts = ["one two thirteen", "seven eight nine"]
    evidence.events.fragments[0].answers[0].processed.transcript = "one two thir"
    #expect(DubbingVerdict(evidence).wordErrorRate == 1.0 / 6)
    evidence.fixture.maxWordErrorRate = 0.1
    #expect(DubbingVerdict(evidence).wordErrorRate == 0)
    #expect(DubbingVerdict(evidence)[.transcript]?.passed == true)
  }
}

@Suite("What a fixture expects of one recogniser", .kind(.programs))
struct HeardByTests {
  private static var fixture: Fixture {
    var fixture = HealthyRun.fixture
    fixture.heardBy = [
      "whisper": .init(maxWordErrorRate: 0.1, expectedTranscripts: ["", ""], expectedOutcome: .silent)
    ]
    return fixture
  }

  @Test("It holds where STS tells that engine's name, and only there")
  func chosenByName() {
    let heard = Self.fixture.heard(by: "whisper")
    #expect(heard.maxWordErrorRate == 0.1 && heard.expectedTranscripts == ["", ""] && heard.expectedOutcome == .silent)
    for other in [nil, "pocketsphinx"] { #expect(Self.fixture.heard(by: other) == Self.fixture) }
  }

  @Test("A wrong one is named with its engine")
  func checked() async throws {
    var fixture = try Fixture.named("counting-short")
    fixture.heardBy = ["whisper": .init(maxWordErrorRate: 2)]
    let error = await #expect(throws: DubbingError.self) { try await fixture.check() }
    #expect(
      error?.description.contains("heard_by whisper: max_word_error_rate is 2.0") == true,
      "\(String(describing: error))")
  }

  @Test(
    "The name comes from stream:ready; capabilities of another form are none",
    arguments: [
      (#", "capabilities": {"providers": {"asr": "whisper", "mt": "x"}}"#, "whisper"), ("", nil),
      (#", "capabilities": ["asr"]"#, nil), (#", "capabilities": {"providers": {"asr": 7}}"#, nil),
    ] as [(String, String?)])
  func recogniser(more: String, name: String?) throws {
    let json = #"{"stream_id": "s", "session_id": "x", "max_inflight": 3\#(more)}"#
    let payload = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    let ready = ObservedEvent(try SocketIOEvent(name: "stream:ready", arguments: [payload]), .toWorker)
    #expect(ready.violations == [])
    #expect(StreamEvents([ready], stream: "s").recogniser == name)
  }
}
