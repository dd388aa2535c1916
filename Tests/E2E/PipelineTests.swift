import DubbingTesting
import Testing

extension E2E {
  @Suite("Full pipeline", .tags(.pipeline))
  struct Pipeline {
    @Test(
      "A stream comes out as its fixture says, complete and in sync", .stream(),
      arguments: Fixture.all(tagged: "pipeline"), StreamPublisher.Transport.allCases)
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
    @Test("Sentences come out dubbed", .stream(), arguments: Fixture.all(tagged: "speech"))
    func sentencesAreDubbed(fixture: Fixture) async throws {
      try await LiveStream.current.expectDubbed(fixture)
    }
  }
}
