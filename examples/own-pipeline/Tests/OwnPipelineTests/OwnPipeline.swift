import DubbingTesting
import Testing

/// Both of our services, as stack.json describes them.
@Suite("Our pipeline", .dualStack(.described(by: "../../compose/second/stack.json"), settings: .fromEnvironment()))
struct OwnPipeline {
  @Test("The talk comes out dubbed", .stream(publish: .rtmp))
  func talkIsDubbed() async throws {
    try await LiveStream.current.expectDubbed(.named("talk"))
  }

  @Test("An answer that is lost is noticed", .stream(publish: .rtmp))
  func lostAnswerIsNoticed() async throws {
    try await LiveStream.current.expectCaught(
      .named("talk"), as: .mixed, by: [.processedOnce, .identity, .originalAbsent],
      under: .answer(3, .drop, name: "one answer dropped"))
  }
}
