import DubbingTesting
import Foundation
import SocketIOLite
import Testing

@Suite("Contract events", .kind(.logic))
struct ContractTests {
  private func observed(
    _ name: String, _ direction: ObservedEvent.Direction, _ json: String, contract: Contract = .standard
  ) throws -> ObservedEvent {
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    return ObservedEvent(try SocketIOEvent(name: name, arguments: [value]), direction, contract: contract)
  }

  @Test("A processed fragment is read with its audio")
  func processed() throws {
    let json = """
      {"fragment_id": "f", "stream_id": "s", "sequence_number": 3, "status": "success", "processing_time_ms": 12.5, "transcript": "one",
       "dubbed_audio": {"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1, "duration_ms": 0.25, "data_base64": "AAABAA=="}}
      """
    let event = try observed("fragment:processed", .toWorker, json)
    guard case .fragmentProcessed(let answer) = event.content else { return #expect(Bool(false), "\(event)") }
    #expect(answer.sequenceNumber == 3 && answer.processingTimeMs == 12.5)
    #expect(answer.dubbedAudio?.data == Data([0, 0, 1, 0]))
    #expect(event.violations == [])
  }

  @Test("An attachment is read in the place of base64, whatever the field is called")
  func attachment() throws {
    let audio = #"{"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1, "duration_ms": 0.25}"#
    for field in ["data", "data_base64"] {
      var payload = EventPayload(arguments: [
        try JSONDecoder().decode(
          JSONValue.self,
          from: Data(
            #"{"fragment_id": "f", "stream_id": "s", "sequence_number": 0, "timestamp": 5, "audio": \#(audio)}"#.utf8))
      ])
      payload["audio.\(field)"] = .data(Data([0, 0, 1, 0]))
      let event = try SocketIOEvent(name: "fragment:data", arguments: payload.arguments)
      #expect(event.attachments.count == 1)
      let observed = ObservedEvent(event, .toSTS)
      guard case .fragmentData(let fragment) = observed.content else { return #expect(Bool(false), "\(observed)") }
      #expect(fragment.audio.data.count == 4 && observed.violations == [])
    }
  }

  @Test(
    "Audio that is not what it declares is said to be so",
    arguments: [
      (FragmentAudio(format: "opus", sampleRateHz: 8000, channels: 1, durationMs: 0, data: Data()), "no bytes of opus"),
      (FragmentAudio(sampleRateHz: 0, channels: 1, durationMs: 0, data: Data()), "sample_rate_hz 0"),
      (FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 0, data: Data(count: 3)), "whole 16-bit samples"),
      (FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 6000, data: Data(count: 32000)), "2000"),
    ])
  func audioProblems(audio: FragmentAudio, expected: String) {
    #expect(audio.problems.joined().contains(expected), "\(audio.problems)")
  }

  @Test(
    "What cannot be read is said with its place",
    arguments: [
      (#""data_base64": "AAA", "duration_ms": 1, "channels": 1"#, "audio.data_base64: 3 characters"),
      (#""data_base64": "", "channels": 1"#, "audio.duration_ms is missing"),
      (#""data_base64": "", "duration_ms": 1, "channels": "one""#, "audio.channels is a string, not a number"),
      (#""data_base64": "", "duration_ms": 1, "channels": 1.5"#, "audio.channels is 1.5, not an integer"),
      (#""duration_ms": 1, "channels": 1"#, "audio.data_base64 is missing"),
    ])
  func malformed(audio: String, said: String) throws {
    let event = try observed(
      "fragment:data", .toSTS,
      #"""
      {"fragment_id": "f", "stream_id": "s", "sequence_number": 0, "timestamp": 5,
       "audio": {"format": "pcm_s16le", "sample_rate_hz": 8000, \#(audio)}}
      """#)
    #expect(event.content == .undecodable(name: "fragment:data"))
    #expect(
      event.violations.count == 1 && event.violations[0].hasPrefix("fragment:data: \(said)"), "\(event.violations)")
  }

  @Test("A bare base64 string is accepted as dubbed audio")
  func bareString() throws {
    let event = try observed(
      "fragment:processed", .toWorker,
      #"""
      {"fragment_id": "f", "stream_id": "s", "sequence_number": 3, "status": "success", "processing_time_ms": 1,
       "dubbed_audio": "AAABAA=="}
      """#)
    guard case .fragmentProcessed(let answer) = event.content else { return #expect(Bool(false), "\(event)") }
    #expect(answer.dubbedAudio?.data.count == 4 && answer.dubbedAudio?.sampleRateHz == 16000)
    #expect(event.violations == [])
  }

  @Test("An event goes the way that the contract says, or is none of it")
  func directions() throws {
    #expect(
      try observed("fragment:processed", .toSTS, "{}").violations == [
        "fragment:processed from worker to STS is not an event of the contract, "
          + "which has fragment:ack, fragment:data, stream:end, stream:init, stream:pause, stream:resume that way"
      ])
    #expect(try observed("hello", .toSTS, "{}").violations.count == 1)
    var contract = Contract.standard
    contract.ignored = ["hel*"]
    #expect(try observed("hello", .toSTS, "{}", contract: contract).content == .ignored(name: "hello"))
  }

  @Test("What we send has integers where integers are meant")
  func integers() throws {
    let fragment = FragmentData(
      fragmentID: "f", streamID: "s", sequenceNumber: 0, timestamp: 1_764_280_000_123,
      audio: FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 2, data: Data(count: 32)))
    let message = try #require(Contract.standard.message(fragment))
    let event = try SocketIOEvent(name: message.name, arguments: message.arguments)
    for words in [#""timestamp":1764280000123"#, #""duration_ms":2"#, #""sequence_number":0"#] {
      #expect(event.payloadText.contains(words), "\(event.payloadText)")
    }
    #expect(ObservedEvent(event, .toSTS).content == .fragmentData(fragment))
    var strict = Contract.standard
    strict.allowsFractionalTimes = false
    let half = #"{"fragment_id": "f", "stream_id": "s", "sequence_number": 0, "timestamp": 5.5, "audio": "AAAA"}"#
    #expect(
      try observed("fragment:data", .toSTS, half, contract: strict).violations == [
        "fragment:data: timestamp is 5.5, not an integer"
      ])
    #expect(try observed("fragment:data", .toSTS, half).content != .undecodable(name: "fragment:data"))
  }
}
