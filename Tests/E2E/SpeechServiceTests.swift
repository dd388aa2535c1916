import AudioPrint
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

extension E2E {
  @Suite("Real speech-to-speech service", .tags(.sts, .smoke), .ownServices, .livePlace, .serialized)
  struct SpeechService {
    @Test("Fragments come back with the exact transcript, Spanish text and Spanish audio")
    func fragmentsAreDubbed() async throws {
      let fixture = try Fixture.named("counting-short")
      let audio = try await fixture.fragments()
      let answers = try await SpeechSession.answers(to: audio)

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
      let answers = try await SpeechSession.answers(to: [.silence(seconds: 6)])
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
      // The first is the longest by far: side by side, the others are ready before it.
      let all = try await Fixture.named("counting").fragments()
      let answers = try await SpeechSession.answers(to: [all[0], all[1].prefix(seconds: 1), all[2].prefix(seconds: 1)])
      #expect(answers.map(\.sequenceNumber) == [0, 1, 2])
      #expect(Set(answers.map(\.fragmentID)).count == 3)
    }

    @Test("Everything that STS says in a stream's life is what the contract says, and the end sums it up")
    func contractIsKept() async throws {
      let audio = try await Fixture.named("counting-short").fragments()
      try await SpeechSession.withStream { session in
        for (sequence, audio) in audio.enumerated() { try await session.send(audio, sequence) }
        _ = try await session.answers(audio.count)
        try await session.tell(.streamEnd)
        let last = try await session.complete.next(timeout: SpeechSession.deadline)
        guard case .streamComplete(let summary) = session.observed(last).content else {
          Issue.record("the stream's end cannot be read: \(last)")
          return
        }
        #expect(summary.totalFragments == audio.count)
        #expect(abs(summary.totalDurationMs - audio.map(\.durationMs).reduce(0, +)) < 1)

        var said: [SocketIOEvent] = []
        repeat {
          said.append(try await session.all.next(timeout: SpeechSession.deadline))
        } while said.last?.name != session.contract.name(of: .streamComplete)
        // Other streams of this environment may put STS under pressure, and it tells everyone.
        let events: [Contract.Event] = [.streamReady, .fragmentAck, .fragmentProcessed, .streamComplete]
        let names = Set(said.map(\.name)).subtracting([session.contract.name(of: .backpressure)])
        #expect(names == Set(events.map(session.contract.name)))
        #expect(said.flatMap { session.observed($0).violations } == [])
      }
    }

    @Test("A paused stream gets its answers when it is resumed, and others are served meanwhile")
    func pauseHoldsAnswers() async throws {
      let audio = try await Fixture.named("counting-short").fragments()
      try await SpeechSession.withStream { paused in
        try await paused.tell(.streamPause)
        try await paused.send(audio[0], 0)
        _ = try await paused.acknowledged.next(timeout: SpeechSession.deadline)
        // As much work as the paused stream has, done for another: time enough for an answer that must not come.
        #expect(try await SpeechSession.answers(to: audio).count == 2)
        #expect(paused.processed.count == 0)
        try await paused.tell(.streamResume)
        let answers = try await paused.answers(1)
        #expect(answers.map(\.sequenceNumber) == [0])
      }
    }

    @Test("Four streams at once each get their own answers, in order, and nobody else's")
    func streamsAreApart() async throws {
      let audio = try await Fixture.named("counting").fragments()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<4 {
          group.addTask {
            try await SpeechSession.withStream { session in
              // Each sends another pair, so that a transcript tells whose it is.
              let pair = [audio[index], audio[index + 1]]
              for (sequence, audio) in pair.enumerated() { try await session.send(audio, sequence) }
              let answers = try await session.answers(2)
              let words = try Fixture.named("counting").expectedTranscripts?[index...index + 1]
              #expect(answers.map(\.transcript) == Array(words ?? []))
              #expect(answers.allSatisfy { $0.streamID == session.stream })
              try await session.tell(.streamEnd)
              _ = try await session.complete.next(timeout: SpeechSession.deadline)
              #expect(session.processed.count == 0)
            }
          }
        }
        try await group.waitForAll()
      }
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

  @Suite("What the speech-to-speech service refuses", .tags(.sts), .ownServices, .livePlace, .serialized)
  struct SpeechServiceRefusals {
    @Test("A stream in a language that it does not know")
    func unknownLanguage() async throws {
      let code = try await SpeechSession.withStream(nil) { session in
        let wanted = StreamInit.Configuration(sourceLanguage: "tlh", targetLanguage: "es")
        try await session.open(wanted)
        return try await session.errorCode()
      }
      #expect(code == "INVALID_CONFIG")
    }

    @Test("A fragment of a stream that was never opened")
    func unknownStream() async throws {
      let code = try await SpeechSession.withStream(nil) { session in
        try await session.send(.silence(seconds: 1), 0)
        return try await session.errorCode()
      }
      #expect(code == "STREAM_NOT_FOUND")
    }

    @Test("Another fragment under a sequence number that was used")
    func usedSequenceNumber() async throws {
      let code = try await SpeechSession.withStream { session in
        try await session.send(.silence(seconds: 1), 0)
        _ = try await session.answers(1)
        try await session.send(.silence(seconds: 2), 0)
        return try await session.errorCode()
      }
      #expect(code == "INVALID_SEQUENCE")
    }

    @Test("A fragment of more than 10 MB in base64; the stream goes on")
    func tooLarge() async throws {
      try await SpeechSession.withStream { session in
        try await session.send(.silence(seconds: 250), 0)
        #expect(try await session.errorCode() == "FRAGMENT_TOO_LARGE")
        try await session.send(.silence(seconds: 1), 0)
        #expect(try await session.answers(1).map(\.status) == [.success])
      }
    }
  }
}

extension SpeechSession {
  fileprivate func errorCode() async throws -> String {
    let event = try await errors.next(timeout: Self.deadline)
    let observed = self.observed(event)
    #expect(observed.violations == [])
    guard case .serviceError(let error) = observed.content else { return "\(observed.content)" }
    return error.code
  }
}
