import DubbingTesting
import Testing

extension E2E {
  /// A green pipeline test means something only if the same judgement turns red when the service does not dub.
  @Suite("Proof that the pipeline test can fail", .tags(.faults))
  enum Proof {
    @Suite("STS_ENGINE=echo", .dualStack(.standard.sts("STS_ENGINE", "echo")))
    struct Echo {
      @Test("A service that returns the original is judged passthrough", .stream(publish: .rtsp))
      func echoIsPassthrough() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting"), as: .passthrough, by: [.transcript, .identity, .originalAbsent], fault: "echo STS")
      }
    }

    @Suite("STS_ENGINE=silence", .dualStack(.standard.sts("STS_ENGINE", "silence")))
    struct Silence {
      @Test("A service that returns silence is judged silent", .stream(publish: .rtsp))
      func silenceIsSilent() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting"), as: .silent, by: [.transcript, .identity], fault: "silent dub")
      }
    }
  }
}
