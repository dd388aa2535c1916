import DubbingTesting
import Foundation
import SocketIOLite

/// A pair of services that has another name for everything, as a stack file describes it.
enum ForeignContract {
  static let json = """
    {
      "namespace": "/speech", "auth": {"key": "$SPEECH_KEY"},
      "events": {
        "stream:init": {"name": "session.open", "fields": {"stream_id": "session", "worker_id": "client",
          "config.source_language": "from", "config.target_language": "to", "config.voice_profile": "voice",
          "config.chunk_duration_ms": "cut.length_ms", "config.sample_rate_hz": "cut.rate", "config.channels": "cut.channels",
          "config.format": "cut.container", "max_inflight": "window"}},
        "fragment:data": {"name": "segment", "fields": {"fragment_id": "id", "stream_id": "session", "sequence_number": "index",
          "timestamp": "at", "audio.format": "media.container", "audio.sample_rate_hz": "media.rate",
          "audio.channels": "media.channels", "audio.duration_ms": "media.length_ms", "audio.data_base64": "media.bytes"}},
        "fragment:ack": {"name": "segment.queued", "fields": {"fragment_id": "id"}, "constants": {"status": "queued"}},
        "fragment:processed": {"name": "segment.dubbed", "fields": {"fragment_id": "id", "stream_id": "session",
          "sequence_number": "index", "status": "state", "dubbed_audio.format": "media.container",
          "dubbed_audio.data_base64": "media.bytes", "translated_text": "said", "target_language": "lang",
          "processing_time_ms": "took_ms", "error.code": "fault.code", "error.message": "fault.text"},
          "values": {"status": {"done": "success", "part": "partial", "no": "failed"}}},
        "stream:end": {"name": "session.close", "fields": {"stream_id": "session"}},
        "error": {"name": "fault", "fields": {"code": "code", "message": "text", "severity": "grave", "stream_id": "session"},
          "values": {"severity": {"true": "high", "false": "low"}}}
      },
      "ignored": ["segment.progress", "debug.*"], "error_codes": ["ENGINE_BUSY"],
      "formats": {"fragment": ["m4a"], "dub": ["mp4"]}, "sequence": "restarts"
    }
    """

  static func contract(_ change: (inout [String: Any]) -> Void = { _ in }) throws -> Contract {
    var object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
    change(&object)
    let data = try JSONSerialization.data(withJSONObject: object)
    return try JSONDecoder().decode(ContractFile.self, from: data).contract(inherited: ["SPEECH_KEY": "s3cret"])
  }

  /// An event as a tap records it.
  static func record(
    _ name: String, _ direction: TapDirection, _ json: String, session: String = "a", attachment: Data? = nil,
    namespace: String = "/speech"
  ) throws -> TapRecord {
    var value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    if let attachment {
      var payload = EventPayload(arguments: [value])
      payload["media.bytes"] = .data(attachment)
      value = payload.arguments[0]
    }
    let event = try SocketIOEvent(name: name, namespace: namespace, arguments: [value])
    return TapRecord(direction: direction, session: session, event: event)
  }

  static func opening(session: String = "a") throws -> TapRecord {
    try record(
      "session.open", .toServer,
      #"""
      {"session": "s", "client": "w", "from": "en", "to": "zh", "voice": "v", "window": 2,
       "cut": {"length_ms": 6016, "rate": 48000, "channels": 2, "container": "m4a"}}
      """#, session: session)
  }

  static func segment(_ index: Int, id: String, session: String = "a", format: String = "m4a") throws -> TapRecord {
    try record(
      "segment", .toServer,
      #"""
      {"id": "\#(id)", "session": "s", "index": \#(index), "at": 1764280000000,
       "media": {"container": "\#(format)", "rate": 48000, "channels": 2, "length_ms": 6016}}
      """#, session: session, attachment: Data([0xFF, 0xF1, UInt8(index)]))
  }

  static func answer(_ index: Int, id: String, state: String = "done", session: String = "a") throws -> TapRecord {
    try record(
      "segment.dubbed", .toClient,
      #"""
      {"id": "\#(id)", "session": "s", "index": \#(index), "state": "\#(state)", "said": "uno", "lang": "es", "took_ms": 12,
       "extra": [1, {"kept": true}], "media": {"container": "mp4", "bytes": "AAAA"}}
      """#, session: session)
  }
}
