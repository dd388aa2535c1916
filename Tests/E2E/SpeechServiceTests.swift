import AudioPrint
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

extension E2E {
  @Suite("Real speech-to-speech service", .tags(.sts, .smoke))
  struct SpeechService {
    @Test("Fragments come back with the exact transcript, Spanish text and Spanish audio")
    func fragmentsAreDubbed() async throws {
      let fixture = try Fixture.named("counting-short")
      let audio = try await FragmentSource(fixture).fragments()
      let answers = try await SpeechSession.answers(to: audio, fixture: fixture)

      #expect(answers.map(\.status) == [.success, .success])
      #expect(answers.compactMap(\.transcript) == fixture.expectedTranscripts)
      for (answer, original) in zip(answers, audio) {
        let text = try #require(answer.translatedText)
        #expect(LanguageGuess(text)?.language == "es", "\(text)")
        let dubbed = try #require(answer.dubbedAudio)
        #expect(dubbed.problems == [])
        #expect(abs(dubbed.durationMs - original.durationMs) < 20)
        try expectDifferentSpeech(dubbed, original)
      }
    }

    @Test("Silence gives an empty transcript and silent audio, and no error")
    func silenceStaysSilent() async throws {
      let silence = FragmentAudio(sampleRateHz: 16000, channels: 1, durationMs: 6000, data: Data(count: 6 * 16000 * 2))
      let answers = try await SpeechSession.answers(to: [silence], fixture: Fixture.named("counting-short"))
      let answer = try #require(answers.first)
      #expect(answer.status == .success)
      #expect(answer.error == nil)
      #expect(answer.transcript == "")
      let dubbed = try #require(answer.dubbedAudio)
      #expect(dubbed.data.count > 0)
      #expect(dubbed.data.allSatisfy { $0 == 0 })
    }

    @Test("Three fragments in flight come back in order, once each")
    func orderIsKept() async throws {
      let fixture = try Fixture.named("counting")
      // The first is the longest by far: side by side, the others are ready before it.
      let all = try await FragmentSource(fixture).fragments()
      let audio = [all[0], all[1].prefix(seconds: 1), all[2].prefix(seconds: 1)]
      let answers = try await SpeechSession.answers(to: audio, fixture: fixture)
      #expect(answers.map(\.sequenceNumber) == [0, 1, 2])
      #expect(Set(answers.map(\.fragmentID)).count == 3)
    }

    private func expectDifferentSpeech(_ dubbed: FragmentAudio, _ original: FragmentAudio) throws {
      let output = try AudioClip(
        pcm16: [UInt8](dubbed.data), sampleRate: dubbed.sampleRateHz, channels: dubbed.channels
      ).resampled(to: 8000)
      let source = try AudioClip(
        pcm16: [UInt8](original.data), sampleRate: original.sampleRateHz, channels: original.channels
      )
      .resampled(to: 8000)
      let attributor = Attributor(candidates: [Candidate(role: .original, clip: source, expectedStart: 0)])
      let windows = attributor.attribute(output, windows: [(start: 0, end: output.duration)])
      #expect(windows.map(\.attribution) == [.unknown], "the answer must be audible and must not be the original")
    }
  }
}

/// Cuts a fixture as the worker does: six seconds each, mono, 16 kHz.
private struct FragmentSource {
  var fixture: Fixture

  init(_ fixture: Fixture) { self.fixture = fixture }

  func fragments() async throws -> [FragmentAudio] {
    let clip = try await AudioDecoder.decode(fixture.media.path, sampleRate: 16000, alignedToTimestamps: true)
    return stride(from: 0, to: Int(fixture.duration) * 16000, by: 96000).map { start in
      let samples = clip.samples[start..<min(start + 96000, clip.samples.count)]
      let bytes = samples.flatMap { sample in
        let value = Int16(max(-1, min(1, sample)) * 32767)
        return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
      }
      return FragmentAudio(sampleRateHz: 16000, channels: 1, durationMs: Double(samples.count) / 16, data: Data(bytes))
    }
  }
}

extension FragmentAudio {
  fileprivate func prefix(seconds: Int) -> FragmentAudio {
    FragmentAudio(
      sampleRateHz: sampleRateHz, channels: channels, durationMs: Double(seconds) * 1000,
      data: Data(data.prefix(seconds * sampleRateHz * channels * 2)))
  }
}

/// Talks to STS as a worker would, with our own client and without the tap.
private enum SpeechSession {
  /// Sends everything at once and returns the answers in the order of arrival.
  static func answers(to audio: [FragmentAudio], fixture: Fixture) async throws -> [FragmentProcessed] {
    let environment = try await DualStackEnvironment.current
    let stream = "test_sts_\(UUID().uuidString.prefix(8).lowercased())"
    let client = SocketIOClient(url: "http://\(environment.speech)")
    let ready = client.events(named: "stream:ready")
    let processed = client.events(named: "fragment:processed")
    let errors = client.events(named: "error")
    return try await client.withConnection { client in
      let configuration = StreamInit.Configuration(
        sourceLanguage: fixture.sourceLanguage, targetLanguage: fixture.targetLanguage)
      try await client.emit(
        "stream:init", StreamInit(streamID: stream, workerID: "e2e", config: configuration, maxInflight: audio.count))
      _ = try await ready.next(timeout: .seconds(10))
      for (sequence, audio) in audio.enumerated() {
        try await client.emit(
          "fragment:data",
          FragmentData(
            fragmentID: "\(stream)-\(sequence)", streamID: stream, sequenceNumber: sequence,
            timestamp: Date().timeIntervalSince1970 * 1000, audio: audio))
      }
      let events = try await processed.collect(audio.count, timeout: environment.stack.budget.fragment)
      try await client.emit("stream:end", StreamControl(streamID: stream))
      #expect(errors.count == 0, "STS reported errors")
      return try events.map { try $0.decode(FragmentProcessed.self) }
    }
  }
}
