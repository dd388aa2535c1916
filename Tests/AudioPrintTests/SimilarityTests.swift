import AudioPrint
import ComposeTesting
import Testing

@Suite("Similarity of two clips", .kind(.computing))
struct SimilarityTests {
  struct Transform: Sendable, CustomTestStringConvertible {
    var name: String
    var coding: [String]
    var container = "mp4"
    var testDescription: String { name }
  }

  static let transforms = [
    Transform(name: "AAC 128k stereo", coding: ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"]),
    Transform(name: "AAC 64k", coding: ["-c:a", "aac", "-b:a", "64k", "-ar", "44100"]),
    Transform(name: "AAC 32k", coding: ["-c:a", "aac", "-b:a", "32k", "-ar", "22050"]),
    Transform(name: "MP3 64k", coding: ["-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100"], container: "mp3"),
    Transform(name: "Opus 24k", coding: ["-c:a", "libopus", "-b:a", "24k", "-ar", "48000"], container: "ogg"),
    Transform(name: "12 dB down", coding: ["-af", "volume=-12dB", "-c:a", "aac", "-ar", "48000"]),
    Transform(name: "6 dB up", coding: ["-af", "volume=6dB", "-c:a", "aac", "-ar", "48000"]),
    Transform(name: "low-pass 2 kHz", coding: ["-af", "lowpass=2000", "-c:a", "aac", "-ar", "48000"]),
    Transform(
      name: "250 ms late, AAC in FLV", coding: ["-af", "adelay=250:all=1", "-c:a", "aac", "-ar", "48000"],
      container: "flv"),
  ]

  @Test("The same recording is recognised after", arguments: transforms)
  func same(transform: Transform) async throws {
    let clip = try await Media.original().slice(from: 0, to: 12)
    let back = try await Media.roundTrip(clip, transform.coding, container: transform.container)
    let result = Similarity.compare(clip, back)
    #expect(result.isSame, "\(result)")
    #expect(result.coherence > 0.8, "\(result)")
  }

  @Test("Noise 10 dB under the speech does not matter, and is what is left unexplained")
  func noise() async throws {
    let clip = try await Media.original().slice(from: 0, to: 12)
    let noise = try AudioClip.noise(12)
    let noisy = try clip.mixed(with: noise.gain(clip.level - 10 - noise.level))
    let result = Similarity.compare(clip, noisy)
    #expect(result.isSame, "\(result)")
    let residual = try #require(result.residualLevel)
    #expect(residual < noisy.level - 6)
  }

  @Test("A delay is measured to 2 ms, in either direction", arguments: [-3.0, -0.25, 0, 0.25, 7.3])
  func delay(seconds: Double) async throws {
    let all = try await Media.original()
    let (a, b) =
      seconds < 0
      ? (all.slice(from: 0, to: 20), all.slice(from: -seconds, to: 20))
      : (all, try all.slice(from: 0, to: 15).delayed(seconds))
    let result = Similarity.compare(a, b)
    #expect(result.isSame)
    #expect(abs(result.lagSeconds - seconds) < 0.002)
  }

  @Test("Another speed is measured, and is the same recording", arguments: [0.97, 1.0005, 1.03])
  func speed(ratio: Double) async throws {
    let clip = try await Media.original().slice(from: 0, to: 13)
    // The same samples at a higher rate are the same sound played faster.
    let rate = Int((48000 * ratio).rounded())
    let fast = try AudioClip(samples: clip.resampled(to: 48000).samples, sampleRate: rate).resampled(to: 48000)
    let result = Similarity.compare(clip, try fast.delayed(0.4), maxOffset: 2)
    #expect(result.isSame, "\(result)")
    #expect(abs(result.speedRatio - Double(rate) / 48000) < 2e-5, "\(result)")
    #expect(abs(result.lagSeconds - 0.4) < 0.02, "\(result)")
  }

  @Test("Other words, other voices and noise are different")
  func different() async throws {
    let original = try await Media.original()
    let dubbed = try await Media.dubbed()
    #expect(!Similarity.compare(original.slice(from: 0, to: 6), dubbed[0]).isSame)
    #expect(!Similarity.compare(dubbed[0], dubbed[1]).isSame)
    #expect(!Similarity.compare(original, try .noise(6)).isSame)
    #expect(!Similarity.compare(try .noise(6, seed: 1), try .noise(6, seed: 2)).isSame)
  }

  @Test("Another speed is not looked for beyond the offset that is allowed")
  func speedBeyondOffset() async throws {
    let clip = try await Media.original().slice(from: 0, to: 13)
    let fast = try AudioClip(samples: clip.resampled(to: 48_000).samples, sampleRate: 49_440).resampled(to: 8000)
    let result = Similarity.compare(clip, try fast.delayed(1.2), maxOffset: 1)
    #expect(!result.isSame && result.speedRatio == 1, "\(result)")
  }

  @Test("A recording of which a part was replaced has no other speed")
  func replaced() throws {
    let a = try AudioClip.noise(14)
    let result = Similarity.compare(a, try .joined([a.slice(from: 0, to: 10), .noise(4, seed: 2)]))
    #expect(!result.isSame && result.explainedWindows == 1 && result.audibleWindows == 2, "\(result)")
    #expect(result.speedRatio == 1 && result.lagSeconds == 0, "\(result)")
  }

  @Test(
    "An offset that is no number or has no end is searched as far as that is possible",
    arguments: [Double.nan, .infinity, -1])
  func offsets(maxOffset: Double) throws {
    // From 4 s on another speed is looked for as well, by the same offset.
    let (a, b) = (try AudioClip.noise(5, seed: 1), try AudioClip.noise(5, seed: 2))
    #expect(!Similarity.compare(a, b, maxOffset: maxOffset).isSame)
    #expect(Similarity.compare(a, a, maxOffset: maxOffset).isSame)
  }

  @Test("Silence is the same as silence, and nothing else")
  func silence() async throws {
    let speech = try await Media.dubbed()[0]
    let silence = try AudioClip.silence(6)
    #expect(Similarity.compare(silence, silence).isSame)
    #expect(!Similarity.compare(speech, silence).isSame)
    #expect(!Similarity.compare(silence, speech).isSame)
    let empty = try AudioClip(samples: [], sampleRate: 8000)
    #expect(!Similarity.compare(speech, empty).isSame)
    #expect(Similarity.compare(empty, empty).audibleWindows == 0)
  }
}
