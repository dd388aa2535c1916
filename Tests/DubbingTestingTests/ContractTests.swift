import Foundation
import Testing

@testable import DubbingTesting

@Suite("Contract events")
struct ContractTests {
  private func decode<T: Decodable>(_ type: T.Type, _ json: String) throws -> T {
    try JSONDecoder().decode(type, from: Data(json.utf8))
  }

  @Test("A processed fragment is read with its audio")
  func processed() throws {
    let json = """
      {"fragment_id": "f", "stream_id": "s", "sequence_number": 3, "status": "success", "processing_time_ms": 12.5, "transcript": "one",
       "dubbed_audio": {"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1, "duration_ms": 0.25, "data_base64": "AAABAA=="}}
      """
    let event = try decode(FragmentProcessed.self, json)
    #expect(event.sequenceNumber == 3)
    #expect(event.dubbedAudio?.data == Data([0, 0, 1, 0]))
    #expect(event.dubbedAudio?.problems == [])
  }

  @Test(
    "Audio that is not what it declares is said to be so",
    arguments: [
      (FragmentAudio(format: "opus", sampleRateHz: 8000, channels: 1, durationMs: 0, data: Data()), "opus"),
      (FragmentAudio(sampleRateHz: 0, channels: 1, durationMs: 0, data: Data()), "sample_rate_hz 0"),
      (FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 0, data: Data(count: 3)), "whole 16-bit samples"),
      (FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 6000, data: Data(count: 32000)), "2000"),
    ])
  func audioProblems(audio: FragmentAudio, expected: String) {
    #expect(audio.problems.joined().contains(expected), "\(audio.problems)")
  }

  @Test("Truncated base64 and missing keys are decoding errors that name the key")
  func malformed() {
    for (json, key) in [
      (
        #"{"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1, "duration_ms": 1, "data_base64": "AAA"}"#,
        "data_base64"
      ),
      (#"{"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1, "data_base64": ""}"#, "duration_ms is missing"),
    ] {
      let error = #expect(throws: DecodingError.self) { try decode(FragmentAudio.self, json) }
      #expect(error?.sentence.contains(key) ?? false)
    }
  }

  @Test("A bare base64 string is accepted as dubbed audio")
  func bareString() throws {
    let audio = try decode(FragmentAudio.self, #""AAABAA==""#)
    #expect(audio.data.count == 4)
    #expect(audio.problems == [])
  }
}
