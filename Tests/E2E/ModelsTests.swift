import DubbingTesting
import Foundation
import Testing

extension Tag {
  /// Needs `STS_PROVIDERS=models`: real weights, and somebody who listens to the output.
  @Tag static var models: Self
}

extension E2E {
  /// What only real models can show; `make e2e STS_PROVIDERS=models` runs it.
  @Suite(
    "Real models", .tags(.models),
    .enabled(
      if: Settings.providers == "models", "make e2e STS_PROVIDERS=models runs it"))
  struct Models {
    static let mumble = StreamFault.setting(
      .sts, "STS_ENGINE", "mumble", name: "noise-vocoded speech (STS_ENGINE=mumble)")

    @Test(
      "The dub is heard to say what the translation says", .stream(publish: .rtmp),
      arguments: ["counting-short", "sentences", "music"])
    func dubIsHeard(name: String) async throws {
      let verdict = try await LiveStream.current.expectDubbed(Fixture.named(name))
      #expect(verdict[.heardAgain] != nil, "nobody listened: E2E_LISTENER names who does")
    }

    @Suite(
      "A voice that mumbles", .tags(.models, .faults), .dualStack(.standard.under(mumble)))
    struct Mumbling {
      @Test("Noise with the rhythm of speech is its own dub, and only a listener can tell", .stream(publish: .rtmp))
      func noiseIsNotUnderstood() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting-short"), as: .dubbed, by: [.heardAgain],
          under: Models.mumble)
      }
    }
  }
}
