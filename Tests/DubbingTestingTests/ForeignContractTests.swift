import DubbingTesting
import Foundation
import SocketIOLite
import Testing

@Suite("A contract with other names", .kind(.logic))
struct ForeignContractTests {
  private typealias Foreign = ForeignContract

  @Test("Events of other names and fields are read in our terms")
  func reading() throws {
    let records = try [
      Foreign.opening(), Foreign.segment(0, id: "x"), Foreign.record("segment.queued", .toClient, #"{"id": "x"}"#),
      Foreign.answer(0, id: "x"),
    ]
    let events = StreamEvents(try Foreign.contract().observed(records), stream: "s", contract: try Foreign.contract())
    #expect(events.violations == [])
    #expect(events.openings.map(\.config.targetLanguage) == ["zh"])
    let fragment = try #require(events.fragments.first)
    #expect(fragment.data.audio.format == "m4a" && fragment.data.audio.data == Data([0xFF, 0xF1, 0]))
    #expect(fragment.acknowledgedAt != nil)
    let answer = try #require(fragment.firstAnswer)
    #expect(answer.status == .success && answer.translatedText == "uno" && answer.dubbedAudio?.data.count == 3)
    #expect(try !Foreign.contract().has(.transcript, in: .fragmentProcessed))
    #expect(try Foreign.contract().auth == ["key": "s3cret"])
  }

  @Test("Numbers that restart after a reconnect go on; a fragment that is sent again keeps its own")
  func restart() throws {
    let records = try [
      Foreign.opening(), Foreign.segment(0, id: "x"), Foreign.segment(1, id: "y"), Foreign.answer(0, id: "x"),
      Foreign.opening(session: "b"), Foreign.segment(0, id: "y", session: "b"),
      Foreign.segment(1, id: "z", session: "b"), Foreign.answer(0, id: "y", session: "b"),
      Foreign.answer(1, id: "z", session: "b"),
    ]
    let events = StreamEvents(try Foreign.contract().observed(records), stream: "s")
    #expect(events.clashes == [] && events.unknownAnswers == [] && events.violations == [])
    #expect(events.fragments.map(\.data.fragmentID) == ["x", "y", "z"])
    #expect(events.fragments.map(\.timesSent) == [1, 2, 1])
    #expect(events.answerOrder == [0, 1, 2])
    var evidence = HealthyRun.evidence
    evidence.events = events
    #expect(DubbingVerdict.contract(evidence).problems == [])

    let known = try Foreign.contract { $0["sequence"] = "continues" }
    #expect(StreamEvents(known.observed(records), stream: "s").clashes != [], "or the test would prove nothing")
  }

  @Test("Without ids, the sequence number and the session tell the fragments apart")
  func noIDs() throws {
    let contract = try Foreign.contract { content in
      var events = content["events"] as? [String: Any] ?? [:]
      for name in ["fragment:data", "fragment:processed"] {
        var form = events[name] as? [String: Any] ?? [:]
        var fields = form["fields"] as? [String: Any] ?? [:]
        fields["fragment_id"] = NSNull()
        fields["stream_id"] = NSNull()
        form["fields"] = fields
        events[name] = form
      }
      content["events"] = events
    }
    let records = try [
      Foreign.opening(), Foreign.segment(0, id: "-"), Foreign.answer(0, id: "-"), Foreign.opening(session: "b"),
      Foreign.segment(0, id: "-", session: "b"), Foreign.answer(0, id: "-", session: "b"),
    ]
    let events = StreamEvents(contract.observed(records), stream: "s")
    #expect(events.fragments.map(\.sequence) == [0, 1])
    #expect(events.fragments.allSatisfy { $0.answers.count == 1 } && events.unknownAnswers == [])
  }

  /// An event, and what about it breaks the contract.
  static let breaches: [(String, TapDirection, String, String?)] = [
    ("segment.progress", .toClient, #"{"percent": 5}"#, nil),
    ("debug.dump", .toClient, "{}", nil),
    ("fragment:data", .toServer, "{}", "fragment:data from worker to STS is not an event of the contract"),
    (
      "segment.dubbed", .toClient, #"{"id": "x", "session": "s", "index": 0, "state": "odd", "took_ms": 1}"#,
      "state is odd; the contract has done, no, part"
    ),
    (
      "segment.dubbed", .toClient,
      #"{"id": "x", "session": "s", "index": 0, "state": "no", "took_ms": 1, "fault": {"code": "E", "text": "t"}}"#,
      "unknown code E"
    ),
    (
      "segment.dubbed", .toClient,
      #"{"id": "x", "session": "s", "index": 0, "state": "done", "took_ms": 1, "media": {"container": "wav", "bytes": "AAAA"}}"#,
      "the audio's format is wav; the contract has mp4"
    ),
    ("fault", .toClient, #"{"code": "ENGINE_BUSY", "text": "t", "grave": true, "session": "s"}"#, nil),
    ("session.close", .toServer, #"{"id": 1}"#, "session is missing"),
  ]

  @Test("What breaks the contract is said in the wire's own words", arguments: breaches.indices)
  func breach(index: Int) throws {
    let (name, direction, json, said) = Self.breaches[index]
    let event = ObservedEvent(try Foreign.record(name, direction, json), contract: try Foreign.contract())
    #expect(event.violations.count == (said == nil ? 0 : 1), "\(event.violations)")
    if let said { #expect(event.violations.first?.contains(said) ?? false, "\(event.violations)") }
  }

  @Test("Another namespace, and a format that the opening did not declare")
  func declared() throws {
    let contract = try Foreign.contract { $0["formats"] = nil }
    let elsewhere = try Foreign.record("session.close", .toServer, #"{"session": "s"}"#, namespace: "/")
    #expect(
      ObservedEvent(elsewhere, contract: contract).violations == [
        "session.close: came on the namespace /; the contract has /speech"
      ])
    let events = contract.observed([try Foreign.opening(), try Foreign.segment(0, id: "x", format: "opus")])
    #expect(
      events.flatMap(\.violations) == ["segment: the audio's format is opus; the stream's opening declared m4a"])
  }

  @Test("The worker asks for another language than the fixture: the translation is not what was wanted")
  func language() throws {
    for (asked, isRed) in [("zh", true), ("es", false), ("es-MX", false)] {
      var events = HealthyRun.events
      events[0] = HealthyRun.event(
        0, .toSTS,
        .streamInit(
          StreamInit(streamID: "s", workerID: "w", config: .init(sourceLanguage: "en", targetLanguage: asked))))
      var evidence = HealthyRun.evidence
      evidence.events = StreamEvents(events, stream: "s")
      let red = DubbingVerdict(evidence).failedChecks
      #expect(red.map(\.name) == (isRed ? [.translation] : []), "\(asked): \(red)")
      if isRed { #expect(red[0].detail.contains("'zh'"), "\(red)") }
    }
  }

  @Test("Whether an answer may be partial is the contract's to say")
  func partial() throws {
    for accepts in [true, false] {
      var contract = Contract.standard
      contract.acceptsPartial = accepts
      var evidence = HealthyRun.evidence
      evidence.events = StreamEvents(HealthyRun.events, stream: "s", contract: contract)
      evidence.events.fragments[0].answers[0].processed.status = .partial
      #expect(DubbingVerdict(evidence).failedChecks.map(\.name) == (accepts ? [] : [.processedOnce]))
    }
  }

  @Test("A stream that the services call by its path is the stream of that path")
  func streamNames() throws {
    let contract = try Foreign.contract { $0["stream_id"] = "live/{stream}/in" }
    let record = try Foreign.record("session.close", .toServer, #"{"session": "live/a/in"}"#)
    #expect(ObservedEvent(record, contract: contract).streamID == "a")
    let message = contract.message(.streamEnd, StreamControl(streamID: "a"))
    #expect(message?.name == "session.close")
    #expect(message?.arguments == [.object(["session": .string("live/a/in")])])
  }

  @Test("Where a table is not enough, events are read in Swift")
  func reader() throws {
    var contract = Contract.standard
    contract.reader = .init("one name for all") { event, _ in
      let payload = try EventPayload(event)
      guard event.name == "message", case .string("bye")? = payload["kind"] else { return nil }
      return (.streamEnd, [.streamID: .string("s"), .reason: payload["why"]])
    }
    let bye = ObservedEvent(
      try SocketIOEvent(name: "message", arguments: [["kind": "bye"]]), .toSTS, contract: contract)
    #expect(bye.content == .streamControl(.streamEnd, StreamControl(streamID: "s")) && bye.violations == [])
    let words: JSONValue = .object(["kind": .string("bye"), "why": .integer(7)])
    let unclear = try SocketIOEvent(name: "message", arguments: [words])
    #expect(
      ObservedEvent(unclear, .toSTS, contract: contract).violations == ["message: reason is an integer, not a string"])
  }
}
