import AudioPrint
import ComposeTesting
import Testing

@Suite("Noise in pauses, and breaks that are none of it", .kind(.computing))
struct PauseNoiseTests {
  /// Speech with pauses of 1 s every 5 s, in which there is noise 40 dB under it.
  static func speech(_ source: String, seed: UInt64) async throws -> AudioClip {
    let clip = try await MutedTests.clip(source == "noise" ? "dubbed" : source)
    let gaps = (0..<5).map { clip.slice(from: Double($0) * 6, to: Double($0) * 6 + 5) }
    let paused = try AudioClip.joined(gaps.flatMap { [$0, try .silence(1)] })
    let noise = try AudioClip.noise(30, seed: seed)
    return try paused.mixed(with: noise.gain(clip.level - (source == "noise" ? 28 : 36) - noise.level))
  }

  static let codings = [
    ["-c:a", "libopus", "-b:a", "12k", "-ar", "48000"], ["-c:a", "libmp3lame", "-b:a", "32k", "-ar", "22050"],
    ["-c:a", "aac", "-b:a", "32k", "-ar", "22050"],
  ]
  static let containers = ["ogg", "mp3", "mp4"]

  @Test("Untouched transcodes are explained to their ends", arguments: MutedTests.sources, codings.indices)
  func untouched(source: String, coding: Int) async throws {
    let clip = try await Self.speech(source, seed: 3)
    try await Media.withFolder { folder in
      let (one, other) = ("\(folder)/one.wav", "\(folder)/other.\(Self.containers[coding])")
      try await Media.write(clip, to: one, [])
      try await Media.write(clip, to: other, Self.codings[coding])
      for window in [[], ["--window", "6"], ["--window", "2"]] {
        let answer = try await audioprint(["attribute", other, "--original", one] + window)
        #expect(answer.exitCode == 0, "\(window) \(answer)")
      }
    }
  }

  @Test("Pauses that are longer than the speech between them are given to it too")
  func longPauses() async throws {
    let words = try await Media.original()
    // 2 s of words and 4 s of noise, again and again.
    let parts = try (0..<5).flatMap { [words.slice(from: Double($0) * 6, to: Double($0) * 6 + 2), try .silence(4)] }
    let noise = try AudioClip.noise(30, seed: 3)
    let clip = try AudioClip.joined(parts).mixed(with: noise.gain(-46 - noise.level))
    try await Media.withFolder { folder in
      let (one, other) = ("\(folder)/one.wav", "\(folder)/other.ogg")
      try await Media.write(clip, to: one, [])
      try await Media.write(clip, to: other, ["-c:a", "libopus", "-b:a", "8k", "-ar", "48000"])
      let answer = try await audioprint("attribute", other, "--original", one)
      #expect(answer.exitCode == 0, "\(answer)")
    }
  }

  @Test("A tail of 50 ms is no unknown part", arguments: [0.04, 0.05, 0.2])
  func tail(seconds: Double) async throws {
    let clip = try await Media.original()
    try await Media.withFolder { folder in
      let (one, other) = ("\(folder)/one.wav", "\(folder)/other.wav")
      try await Media.write(clip, to: one, [])
      try await Media.write(.joined([clip, .noise(seconds, amplitude: 0.02)]), to: other, [])
      for window in [[], ["--window", "6"], ["--window", "2"]] {
        let answer = try await audioprint(["attribute", other, "--original", one] + window)
        #expect(answer.exitCode == 0, "\(window) \(answer)")
      }
    }
  }

  @Test("Half a second of something else is not taken for a pause", arguments: MutedTests.sources)
  func breaks(source: String) async throws {
    let clip = try await Self.speech(source, seed: 3)
    let words = source == "original" ? try AudioClip.joined(try await Media.dubbed()) : try await Media.original()
    // Two in the middle of words, one in a pause.
    let places = [(8.0, words.loudest(0.5)), (14.2, try .noise(0.5, amplitude: 0.1)), (20.1, words.loudest(0.5, 1))]
    for (start, foreign) in places {
      var samples = clip.samples
      samples.replaceSubrange(Int(start * 8000)..<Int(start * 8000) + 4000, with: foreign.samples)
      try await Media.withFolder { folder in
        let (one, other) = ("\(folder)/one.wav", "\(folder)/other.wav")
        try await Media.write(clip, to: one, [])
        try await Media.write(AudioClip(samples: samples, sampleRate: 8000), to: other, [])
        let answer = try await audioprint("attribute", other, "--original", one)
        #expect(answer.exitCode == 1, "\(start) \(answer)")
      }
    }
  }
}
