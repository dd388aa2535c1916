import AudioPrint
import ComposeTesting
import Testing

@Suite("A recording of which parts are muted", .kind(.computing))
struct MutedTests {
  /// 30 s each: English numbers, Spanish numbers, noise bursts.
  static let sources = ["original", "dubbed", "noise"]

  static func clip(_ name: String) async throws -> AudioClip {
    switch name {
    case "original": try await Media.original()
    case "dubbed": try .joined(try await Media.dubbed())
    default: try .noise(30)
    }
  }

  static func muted(_ clip: AudioClip, from start: Double, to end: Double) throws -> AudioClip {
    var samples = clip.samples
    for index in Int(start * 8000)..<Int(end * 8000) { samples[index] = 0 }
    return try AudioClip(samples: samples, sampleRate: 8000)
  }

  @Test("18 s of 30 that are muted are not the same", arguments: sources)
  func most(source: String) async throws {
    let clip = try await Self.clip(source)
    let back = try await Media.roundTrip(Self.muted(clip, from: 6, to: 24))
    let result = Similarity.compare(clip, back)
    #expect(!result.isSame, "\(result)")
  }

  @Test("The command says for how long they are the same, and exits with 1", arguments: sources)
  func command(source: String) async throws {
    let clip = try await Self.clip(source)
    try await Media.withFolder { folder in
      let (one, other) = ("\(folder)/one.wav", "\(folder)/other.m4a")
      try await Media.write(clip, to: one, [])
      try await Media.write(Self.muted(clip, from: 6, to: 24), to: other, ["-c:a", "aac", "-b:a", "128k"])
      let answer = try await audioprint("compare", one, other)
      #expect(try answer.exitCode == 1 && isSame(answer, for: 11.8...13.5), "\(answer)")
      let stored = "\(folder)/one.json"
      #expect(try await audioprint("fingerprint", one, "-o", stored).exitCode == 0)
      let byPrint = try await audioprint("compare", stored, other)
      #expect(try byPrint.exitCode == 1 && isSame(byPrint, for: 11.5...14), "\(byPrint)")
    }
  }

  /// Whether the answer begins as "same for 12.1 of 30 s" does; a pause beside what is muted is the
  /// same in both, and a codec adds a tenth.
  private func isSame(_ answer: Answer, for seconds: ClosedRange<Double>) throws -> Bool {
    let match = try #require(answer.output.prefixMatch(of: /same for ([0-9.]+) of ([0-9.]+) s\n/), "\(answer)")
    return seconds.contains(Double(match.1) ?? 0) && (29.5...30.2).contains(Double(match.2) ?? 0)
  }

  @Test("Two seconds within a window are noticed too, at another level and later", arguments: sources)
  func part(source: String) async throws {
    let clip = try await Self.clip(source)
    let result = Similarity.compare(clip, try Self.muted(clip, from: 7, to: 9).gain(-12).delayed(0.7))
    #expect(!result.isSame, "\(result)")
  }

  @Test("Pauses that both have, and silence before and after, are not muted", arguments: sources)
  func pauses(source: String) async throws {
    let clip = try await Self.clip(source)
    let paused = try Self.muted(clip, from: 10, to: 14)
    let back = try await Media.roundTrip(paused.gain(-20))
    #expect(Similarity.compare(paused, try back.delayed(3)).isSame)
    #expect(Similarity.compare(paused, try .joined([back, .silence(5)])).isSame)
    #expect(Similarity.compare(paused, back.slice(from: 2, to: 25)).isSame)
  }
}
