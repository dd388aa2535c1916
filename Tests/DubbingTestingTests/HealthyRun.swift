import Foundation

// A fixture without a folder is made here by its synthesized initialiser.
@testable import DubbingTesting

/// The evidence of a run in which nothing is wrong; tests break one thing in it at a time.
enum HealthyRun {
  static let spanish = ["uno, dos, tres", "siete, ocho, nueve"]

  static var fixture: Fixture {
    Fixture(
      name: "pair", description: "two fragments", duration: 12,
      video: .init(codec: "h264", width: 1280, height: 720, fps: 30),
      audio: .init(codec: "aac", sampleRate: 48000, channels: 2), sourceLanguage: "en", targetLanguage: "es",
      expectedTranscripts: ["one two three", "seven eight nine"], maxWordErrorRate: nil, expectedOutcome: .dubbed,
      tags: [])
  }

  static var evidence: StreamEvidence {
    StreamEvidence(
      stream: "s", fixture: fixture, events: StreamEvents(events, stream: "s"),
      output: MediaInfo(
        container: "flv", duration: 12.02, video: .init(codec: "h264", width: 1280, height: 720, fps: 30),
        audio: .init(codec: "aac", sampleRate: 48000, channels: 2)),
      video: VideoMatch(
        input: packets,
        output: packets.map { MediaPacket(hash: $0.hash, pts: ($0.pts ?? 0) + 0.02, dts: ($0.dts ?? 0) + 0.02) }),
      windows: (0..<2).map {
        .init(
          sequence: $0, content: .dubbed($0), coherence: 0.97, originalCoherence: 0.02, lag: .milliseconds(4),
          level: -22,
          place: .init(
            fixtureStart: .seconds(6 * $0),
            output: Duration.milliseconds(6000 * $0 + 24)..<Duration.milliseconds(6000 * $0 + 6024)))
      },
      originalLevels: [0: -20, 1: -20])
  }

  static var packets: [MediaPacket] {
    (0..<30).map { MediaPacket(hash: "h\($0)", pts: Double($0) / 30, dts: Double($0) / 30) }
  }

  static var events: [ObservedEvent] {
    var events = [
      event(
        0, .toSTS,
        .streamInit(StreamInit(streamID: "s", workerID: "w", config: .init(sourceLanguage: "en", targetLanguage: "es")))
      )
    ]
    for sequence in 0..<2 {
      events.append(event(Double(sequence) * 6, .toSTS, .fragmentData(data(sequence))))
      events.append(
        event(
          Double(sequence) * 6 + 0.01, .toWorker, .fragmentAck(FragmentAck(fragmentID: "f\(sequence)", status: .queued))
        ))
      events.append(event(Double(sequence) * 6 + 0.8, .toWorker, .fragmentProcessed(processed(sequence))))
    }
    return events
  }

  static func event(_ after: Double, _ direction: ObservedEvent.Direction, _ content: ObservedEvent.Content)
    -> ObservedEvent
  {
    ObservedEvent(date: Date(timeIntervalSince1970: 1_700_000_000 + after), direction: direction, content: content)
  }

  static func data(_ sequence: Int) -> FragmentData {
    FragmentData(fragmentID: "f\(sequence)", streamID: "s", sequenceNumber: sequence, timestamp: 0, audio: audio)
  }

  static func processed(_ sequence: Int) -> FragmentProcessed {
    FragmentProcessed(
      fragmentID: "f\(sequence)", streamID: "s", sequenceNumber: sequence, status: .success, dubbedAudio: audio,
      transcript: fixture.expectedTranscripts?[sequence], translatedText: spanish[sequence], targetLanguage: "es",
      processingTimeMs: 700)
  }

  static var audio: FragmentAudio {
    FragmentAudio(sampleRateHz: 8000, channels: 1, durationMs: 6000, data: Data(count: 96000))
  }
}
