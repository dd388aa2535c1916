import AudioPrint
import ComposeTesting
import Foundation
import Testing

/// What must hold for any input; each case is made from its own seed, which a failure names.
@Suite("Whatever the input", .kind(.computing))
struct PropertyTests {
  @Test("Bytes become a clip of finite samples and the right length, or a typed error", arguments: 0..<24)
  func bytes(seed: UInt64) throws {
    var chance = Chance(seed)
    for _ in 0..<8 {
      let (channels, rate) = (Int.random(in: -1...66, using: &chance), Int.random(in: -1...800_000, using: &chance))
      let bytes = (0..<Int.random(in: 0...600, using: &chance)).map { _ in UInt8.random(in: 0...255, using: &chance) }
      let isFormatGood = (1...64).contains(channels) && (1...768_000).contains(rate)
      func check(_ size: Int, _ make: () throws -> AudioClip) {
        do {
          let clip = try make()
          #expect(isFormatGood && clip.samples.count * size * channels == bytes.count)
          let isFinite = clip.samples.allSatisfy { $0.isFinite }
          #expect(isFinite)
        } catch let error as AudioError {
          let isWhole = isFormatGood && bytes.count.isMultiple(of: size * channels)
          #expect(error.code == (isWhole ? .notFinite : .badFormat), "\(error)")
        } catch {
          Issue.record("\(error) is no AudioError")
        }
      }
      check(2) { try AudioClip(pcm16: bytes, sampleRate: rate, channels: channels) }
      check(4) { try AudioClip(pcmFloat32: bytes, sampleRate: rate, channels: channels) }
    }
  }

  /// Clips that nobody would call audio.
  static let oddities: [(name: String, samples: [Float], rate: Int)] = [
    ("no sample", [], 8000), ("one sample", [1], 192_000), ("one sample a second", [0.5, -0.5, 0.5], 1),
    ("silence", [Float](repeating: 0, count: 9000), 8000),
    ("a constant", [Float](repeating: 0.7, count: 9000), 8000),
    ("denormal numbers", [Float](repeating: .leastNonzeroMagnitude, count: 9000), 8000),
    ("the greatest numbers", (0..<9000).map { $0.isMultiple(of: 2) ? .greatestFiniteMagnitude : -1 }, 8000),
    ("a click", [Float](repeating: 0, count: 5000) + [1] + [Float](repeating: 0, count: 4000), 8000),
    ("an odd rate", (0..<9000).map { Float($0 % 7) * 0.1 }, 7919),
  ]

  @Test(
    "Odd clips are attributed, compared and fingerprinted without a crash or a number that is none",
    arguments: oddities.indices)
  func odd(index: Int) throws {
    let clip = try AudioClip(samples: Self.oddities[index].samples, sampleRate: Self.oddities[index].rate)
    let candidates = try Self.oddities.enumerated().map {
      Candidate(
        role: $0 == 0 ? .original : .dubbed($0), clip: try AudioClip(samples: $1.samples, sampleRate: $1.rate),
        expectedStart: [nil, 0, .nan, .infinity, -1e300][$0 % 5])
    }
    let attributor = Attributor(
      candidates: candidates, options: AttributionOptions(searchRange: .nan, wideSearchRange: .infinity))
    let windows = attributor.attribute(clip, windows: [(0, 0.5), (0, 1), (-1, 3)])
    for result in windows + attributor.segments(clip) {
      #expect((0...1).contains(result.coherence) && (0...1).contains(result.confidence), "\(result)")
      #expect(!result.level.isNaN && result.lagSeconds.isFinite && !result.residualLevel.isNaN, "\(result)")
    }
    for other in candidates.map(\.clip) {
      let similarity = Similarity.compare(clip, other, maxOffset: .infinity)
      #expect((0...1).contains(similarity.coherence))
      _ = Fingerprint(clip).compare(other, maxOffset: .nan)
    }
    _ = SpectralHash(clip)
    _ = try clip.resampled(to: 11_025)
  }

  @Test("Segments follow one another from the first to the last sample", arguments: 0..<6)
  func contiguous(seed: UInt64) async throws {
    let scene = try await Scene()
    var chance = Chance(seed)
    let parts = try (0..<3).map { _ in
      let seconds = Double.random(in: 0.1...4, using: &chance)
      return switch Int.random(in: 0...3, using: &chance) {
      case 0: try AudioClip.silence(seconds)
      case 1: try AudioClip.noise(seconds, seed: chance.next())
      case 2: scene.original.slice(from: 3, to: 3 + seconds)
      default: scene.dubbed[1].slice(from: 1, to: 1 + seconds)
      }
    }
    let output = try AudioClip.joined(parts)
    let segments = Attributor(candidates: Array(scene.candidates.prefix(3))).segments(output)
    #expect(segments.first?.start == 0 && segments.last?.end == output.duration)
    for (one, next) in zip(segments, segments.dropFirst()) {
      #expect(one.end == next.start && one.start < one.end, "seed \(seed): \(segments)")
    }
  }

  @Test(
    "Silence, no sample and one sample are silent or unknown, whatever the candidates, rate and channels",
    arguments: [(8000, 1), (192_000, 1), (48_000, 8)])
  func nothing(rate: Int, channels: Int) async throws {
    let scene = try await Scene()
    func clip(_ frames: Int, _ value: Float) throws -> AudioClip {
      let raw = [Float](repeating: value, count: frames * channels).withUnsafeBytes { Array($0) }
      return try AudioClip(pcmFloat32: raw, sampleRate: rate, channels: channels)
    }
    let silence = try clip(2 * rate, 0)
    for output in [silence, try clip(0, 0), try clip(1, 1), try clip(1, 0)] {
      for candidates in [[], scene.candidates, [Candidate(role: .original, clip: silence, expectedStart: 0)]] {
        let attributor = Attributor(candidates: candidates)
        let results = attributor.attribute(output, windows: [(0, 6), (0, 0.5)]) + attributor.segments(output)
        #expect(results.allSatisfy { $0.candidateIndex == nil && [.silent, .unknown].contains($0.attribution) })
        if output == silence { #expect(results.allSatisfy { $0.attribution == .silent }) }
      }
    }
  }

  @Test("A gain changes no verdict", arguments: [-30.0, -6, 12])
  func gain(decibels: Double) async throws {
    let scene = try await Scene()
    let output = try AudioClip.joined([
      scene.dubbed[0].slice(from: 0, to: 3), scene.originalPart(1).slice(from: 0, to: 3),
    ])
    let attributor = Attributor(candidates: Array(scene.candidates.prefix(2)))
    let windows = [(start: 0.0, end: 3.0), (start: 3.0, end: 6.0)]
    let (plain, louder) = (
      attributor.attribute(output, windows: windows), attributor.attribute(try output.gain(decibels), windows: windows)
    )
    #expect(plain.map(\.attribution) == louder.map(\.attribution))
    for (one, other) in zip(plain, louder) { #expect(abs(one.lagSeconds - other.lagSeconds) < 1e-3) }
  }
}
