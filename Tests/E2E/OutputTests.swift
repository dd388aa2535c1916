import DubbingTesting
import Testing

extension E2E {
  @Suite("Published output", .tags(.output))
  struct Output {
    @Test(
      "The output can be decoded to its end, is in sync to a video frame, and holds every picture",
      .stream(publish: .rtmp))
    func outputIsSound() async throws {
      let fixture = try Fixture.named("counting-on")
      let stream = try LiveStream.current
      let verdict = try await stream.expectDubbed(fixture)

      // Stops at the first error, instead of concealing it.
      #expect(try await MediaInfo.decodingProblems(in: stream.recording.path) == "")

      let info = try await MediaInfo.probe(stream.recording.path)
      let video = try #require(info.video)
      #expect(
        video
          == .init(
            codec: "h264", width: fixture.video?.width ?? 0, height: fixture.video?.height ?? 0, fps: video.fps))
      #expect(info.audio == .init(codec: "aac", sampleRate: 48000, channels: 2))

      let pictures = try await MediaInfo.packets(of: stream.recording.path, track: "v:0")
      let published = try await MediaInfo.packets(of: fixture.media.path, track: "v:0")
      #expect(pictures.map(\.hash) == published.map(\.hash))
      for fragment in verdict.fragments {
        #expect(abs(try #require(fragment.avDelta).milliseconds) < 40, "fragment \(fragment.sequence), ms")
        #expect(try #require(fragment.coherence) > 0.9, "fragment \(fragment.sequence)")
        #expect(LanguageGuess(try #require(fragment.translatedText))?.language == "es")
      }
    }
  }
}
