import DubbingTesting
import Testing

extension E2E {
  @Suite("Full pipeline")
  struct Pipeline {
    @Test(
      "A stream comes out dubbed, complete and in sync", .tags(.pipeline), .stream(publish: .rtsp),
      arguments: Fixture.all(tagged: "pipeline"))
    func streamIsDubbed(fixture: Fixture) async throws {
      let clock = ContinuousClock()
      let start = clock.now
      let verdict = try await LiveStream.current.expectDubbed(fixture)
      #expect(verdict.fragments.count == fixture.fragmentCount())
      #expect(start.duration(to: clock.now) < TimeBudget.standard.pipeline)
    }

    @Test("A short stream comes out dubbed, complete and in sync", .tags(.smoke, .pipeline), .stream(publish: .rtsp))
    func shortStreamIsDubbed() async throws {
      try await LiveStream.current.expectDubbed(Fixture.named("counting-short"))
    }

    @Test("A stream that is published over RTMP comes out the same", .tags(.pipeline), .stream(publish: .rtmp))
    func rtmpStreamIsDubbed() async throws {
      try await LiveStream.current.expectDubbed(Fixture.named("counting-short"))
    }
  }
}
