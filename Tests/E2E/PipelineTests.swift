import DubbingTesting
import Testing

extension E2E {
  @Suite("Full pipeline", .tags(.pipeline))
  struct Pipeline {
    @Test(
      "A stream comes out as its fixture says, complete and in sync", .stream(),
      arguments: Fixture.all(tagged: "pipeline", in: Settings.dubbing.fixtures), StreamPublisher.Transport.allCases)
    func streamIsDubbed(fixture: Fixture, transport: StreamPublisher.Transport) async throws {
      let clock = ContinuousClock()
      let start = clock.now
      let verdict = try await LiveStream.current.over(transport).expectDubbed(fixture)
      #expect(verdict.fragments.count == fixture.fragmentCount())
      if transport == .rtmp, fixture.video != nil {
        // No server moves what has timestamps of its own.
        for fragment in verdict.fragments {
          #expect(abs(fragment.avDelta?.milliseconds ?? 0) < 2, "fragment \(fragment.sequence), ms")
        }
      }
      #expect(start.duration(to: clock.now) < TimeBudget.standard.pipeline)
    }

    @Test("A short stream comes out dubbed, complete and in sync", .tags(.smoke), .stream(publish: .rtsp))
    func shortStreamIsDubbed() async throws {
      try await LiveStream.current.expectDubbed(Fixture.named("counting-short"))
    }
  }

  /// The recogniser's general language model makes mistakes; such fixtures bound the word error rate.
  @Suite("Free speech", .tags(.pipeline), .dualStack(.standard.sts("STS_ASR_MODEL", "general")))
  struct FreeSpeech {
    @Test(
      "Sentences come out dubbed", .stream(), arguments: Fixture.all(tagged: "speech", in: Settings.dubbing.fixtures))
    func sentencesAreDubbed(fixture: Fixture) async throws {
      try await LiveStream.current.expectDubbed(fixture)
    }
  }
  /// What counts is what STS hears: no stream, and the quickest voice. A quarter of the speakers are people.
  @Suite(
    "Voices", .tags(.sts, .models),
    .dualStack(.standard.sts("STS_ASR_MODEL", "general").sts("STS_TTS", "espeak")))
  struct Voices {
    @Test(
      "Sentences of many speakers are understood",
      arguments: Fixture.all(tagged: "voices", in: Settings.dubbing.fixtures))
    func voicesAreUnderstood(fixture: Fixture) async throws {
      let audio = try await fixture.fragments()
      let (answers, recogniser) = try await SpeechSession.withStream { session in
        // One after the other: a queue of twenty is refused.
        var answers: [FragmentProcessed] = []
        for (sequence, audio) in audio.enumerated() {
          try await session.send(audio, sequence)
          answers += try await session.answers(1)
        }
        return (answers, session.recogniser)
      }
      let expected = fixture.heard(by: recogniser)
      let rate = WordErrorRate(
        of: zip(expected.expectedTranscripts ?? [], answers).enumerated().map {
          .init(sequence: $0, expected: $1.0, heard: $1.1.transcript ?? "")
        }, edges: .lieInPauses)
      try await RunReporter.shared.add(
        measured: "\(fixture.name) heard by \(recogniser ?? "?"), word error rate (%)", rate.value * 100)
      let heard = answers.map { "\($0.sequenceNumber): \($0.transcript ?? "")" }.joined(separator: "\n")
      #expect(answers.allSatisfy { $0.status == .success })
      #expect(rate.value <= expected.maxWordErrorRate ?? 0, "\(rate)\n\(heard)")
    }
  }
}
