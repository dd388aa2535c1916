import DubbingTesting
import Foundation
import SocketIOLite
import Testing

/// What compose/second/stack.json says of events as the second pair sends them.
@Suite("The second pair's description", .kind(.logic))
struct SecondPairTests {
  private static func stack() throws -> DualStack {
    try DualStack.load(
      URL(filePath: FileManager.default.currentDirectoryPath).appending(path: "compose/second/stack.json"),
      inherited: [:])
  }

  private func observed(_ name: String, _ direction: ObservedEvent.Direction, _ json: String, data: Data? = nil) throws
    -> ObservedEvent
  {
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    var payload = EventPayload(arguments: [value])
    if let data { payload["media.bytes"] = .data(data) }
    return ObservedEvent(
      try SocketIOEvent(name: name, namespace: "/speech", arguments: payload.arguments), direction,
      contract: try Self.stack().contract)
  }

  @Test("Its services, ports and order")
  func services() throws {
    let stack = try Self.stack()
    #expect(stack.ports[.worker] == .init("dubber", 9100) && stack.ports[.speech] == .init("speaker", 3000))
    #expect(stack.sts.startsAfter == [stack.media.name])
    #expect(stack.stsURLVariable == "SPEECH_URL")
  }

  @Test("A session's opening is our stream's")
  func opening() throws {
    let event = try observed(
      "session.open", .toSTS,
      #"""
      {"session": "live/a", "client": "dubber", "from": "en", "to": "es", "voice": "any", "window": 2, "patience_ms": 12000,
       "cut": {"container": "m4a", "rate": 48000, "channels": 2, "frames": 282, "length_ms": 6016}}
      """#)
    guard case .streamInit(let opened) = event.content else { return #expect(Bool(false), "\(event)") }
    #expect(event.violations == [])
    #expect(opened.streamID == "a" && opened.maxInflight == 2)
    #expect(opened.config.targetLanguage == "es" && opened.config.format == "m4a")
    #expect(opened.config.chunkDurationMs == 6016)
  }

  @Test("A segment is a fragment, its attachment the sound")
  func segment() throws {
    let event = try observed(
      "segment", .toSTS,
      #"""
      {"id": "a.1.0", "session": "live/a", "index": 0, "at": 1795824000000, "pts_ms": 200,
       "media": {"container": "m4a", "rate": 48000, "channels": 2, "length_ms": 6016, "bytes": null}}
      """#, data: Data([0xff, 0xf1, 0x4c]))
    guard case .fragmentData(let fragment) = event.content else { return #expect(Bool(false), "\(event)") }
    #expect(event.violations == [])
    #expect(fragment.fragmentID == "a.1.0" && fragment.streamID == "a" && fragment.sequenceNumber == 0)
    #expect(fragment.audio.format == "m4a" && fragment.audio.data.count == 3)
  }

  @Test("Answers: done, partial and failed; no transcript is missed")
  func answers() throws {
    for (state, status) in [("done", FragmentProcessed.Status.success), ("partial", .partial)] {
      let event = try observed(
        "segment.dubbed", .toWorker,
        #"""
        {"id": "a.1.0", "session": "live/a", "index": 0, "state": "\#(state)", "said": "Parte 1", "lang": "es", "took_ms": 300,
         "media": {"container": "mp4", "rate": 22050, "channels": 1, "length_ms": 4500, "bytes": "AAAAGGZ0eXA="}}
        """#)
      guard case .fragmentProcessed(let answer) = event.content else { return #expect(Bool(false), "\(event)") }
      #expect(event.violations == [])
      #expect(answer.status == status && answer.transcript == nil && answer.translatedText == "Parte 1")
      #expect(answer.dubbedAudio?.format == "mp4" && answer.dubbedAudio?.data.count == 8)
    }
    let event = try observed(
      "segment.dubbed", .toWorker,
      #"""
      {"id": "a.1.1", "session": "live/a", "index": 1, "state": "failed", "took_ms": 0,
       "fault": {"code": "ENGINE_BUSY", "text": "asked to fail", "step": "speak", "again": true}}
      """#)
    guard case .fragmentProcessed(let answer) = event.content else { return #expect(Bool(false), "\(event)") }
    #expect(event.violations == [] && answer.status == .failed && answer.error?.code == "ENGINE_BUSY")
  }

  @Test("The rest of the events")
  func others() throws {
    let events: [(String, ObservedEvent.Direction, String)] = [
      ("session.opened", .toWorker, #"{"session": "live/a", "window": 2}"#),
      ("segment.queued", .toWorker, #"{"id": "a.1.0", "position": 1}"#),
      ("session.close", .toSTS, #"{"session": "live/a", "why": "ended"}"#),
      ("session.closed", .toWorker, #"{"session": "live/a", "count": 4, "length_ms": 24064}"#),
      (
        "slow.down", .toWorker,
        #"{"session": "live/a", "recommended_delay_ms": 500, "level": "low", "waiting": 1}"#
      ),
      (
        "fault", .toWorker,
        #"{"code": "BAD_AUDIO", "text": "no sound", "weight": "low", "again": false, "session": "live/a", "id": "a.1.0"}"#
      ),
    ]
    for (name, direction, json) in events {
      let event = try observed(name, direction, json)
      #expect(event.violations == [], "\(name)")
      #expect(event.content != .undecodable(name: name), "\(name)")
    }
  }

  @Test("A time with a fraction, a code and a format of nobody's break it")
  func violations() throws {
    for (at, container, said) in [("5.5", "m4a", "at is 5.5"), ("5", "opus", "opus")] {
      let event = try observed(
        "segment", .toSTS,
        #"""
        {"id": "a.1.0", "session": "live/a", "index": 0, "at": \#(at),
         "media": {"container": "\#(container)", "rate": 48000, "channels": 2, "length_ms": 6016, "bytes": null}}
        """#, data: Data([1]))
      #expect(event.violations.count == 1 && event.violations[0].contains(said), "\(event.violations)")
    }
    let code = try observed(
      "fault", .toWorker, #"{"code": "TIMEOUT", "text": "late", "weight": "low", "again": false}"#)
    #expect(code.violations.count == 1, "\(code.violations)")
  }
}
