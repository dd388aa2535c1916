import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Attribution of a recording that plays at another speed", .kind(.computing))
struct OtherSpeedTests {
  static let ratios = [1.01, 0.985, 1.03]

  /// The same samples at another rate are the same sound at another speed, pitch and all.
  static func played(_ clip: AudioClip, at ratio: Double) throws -> AudioClip {
    let rate = Int((48_000 * ratio).rounded())
    return try AudioClip(samples: clip.resampled(to: 48_000).samples, sampleRate: rate).resampled(to: 8000)
  }

  private func rows(_ answer: Answer) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [[String: Any]], "\(answer)")
  }

  @Test("The original is recognised in windows and in segments, with the speed", arguments: ratios)
  func original(ratio: Double) async throws {
    for name in ["original", "dubbed"] {
      let clip = try await MutedTests.clip(name)
      try await Media.withFolder { folder in
        let (one, fast) = ("\(folder)/one.wav", "\(folder)/fast.m4a")
        try await Media.write(clip, to: one, [])
        try await Media.write(
          Self.played(clip, at: ratio).delayed(0.4), to: fast, ["-c:a", "aac", "-b:a", "128k", "-ar", "48000"])
        for window in [[], ["--window", "6"]] {
          let answer = try await audioprint(["attribute", fast, "--original", one, "--json"] + window)
          let rows = try rows(answer).filter { ($0["end"] as? Double ?? 0) - ($0["start"] as? Double ?? 0) > 1 }
          #expect(rows.allSatisfy { $0["attribution"] as? String == "passthrough" }, "\(name) \(window) \(answer)")
          #expect(rows.allSatisfy { abs(($0["speed"] as? Double ?? 0) - ratio) < 1e-4 }, "\(name) \(window) \(answer)")
          for row in rows {
            // By the end of 30 s at 1.01 the output is 0.3 s early, and it began 0.4 s late.
            let (start, lag) = (row["start"] as? Double ?? 0, (row["lag_ms"] as? Double ?? 0) / 1000)
            #expect(abs(lag - (0.4 - (ratio - 1) * (start - 0.4))) < 0.01, "\(row)")
          }
        }
      }
    }
  }

  @Test("Fragments are recognised in their order", arguments: ratios)
  func fragments(ratio: Double) async throws {
    let dubbed = try await Media.dubbed()
    let order = [3, 0, 4, 1, 2]
    let output = try await Media.roundTrip(Self.played(.joined(order.map { dubbed[$0] }), at: ratio))
    let attributor = Attributor(candidates: dubbed.enumerated().map { Candidate(role: .dubbed($0), clip: $1) })
    let length = 6 / ratio
    let windows = order.indices.map { (start: Double($0) * length, end: Double($0 + 1) * length) }
    let found = attributor.attribute(output, windows: windows)
    #expect(found.map(\.attribution) == order.map { .dubbed($0) }, "\(found)")
    let segments = attributor.segments(output).filter { $0.end - $0.start > 1 }
    #expect(segments.map(\.attribution) == order.map { .dubbed($0) }, "\(segments)")
  }

  @Test("What is something else has no speed at which it is a source")
  func foreign() async throws {
    let scene = try await Scene()
    for output in [try AudioClip.noise(30), try .joined(scene.dubbed)] {
      let windows = (0..<5).map { (start: Double($0) * 6, end: Double($0 + 1) * 6) }
      let attributor = Attributor(candidates: [scene.candidates[0]])
      #expect(attributor.attribute(output, windows: windows).allSatisfy { $0.attribution == .unknown })
      #expect(attributor.attribute(output, windows: [(-3, .infinity)]).map(\.attribution) == [.unknown])
      #expect(attributor.segments(output).allSatisfy { $0.candidateIndex == nil })
    }
  }

  @Test(
    "Stored fingerprints tell another speed too, and no other recording by it", arguments: [1.01, 0.99, 1.02, 1.005])
  func fingerprints(ratio: Double) async throws {
    for name in MutedTests.sources {
      let clip = try await MutedTests.clip(name)
      let back = try await Media.roundTrip(Self.played(clip, at: ratio).delayed(0.4))
      let match = Fingerprint(clip).compare(back)
      #expect(match.isSame, "\(name) \(match)")
      let other = try await MutedTests.clip(name == "original" ? "dubbed" : "original")
      let different = Fingerprint(other).compare(back)
      #expect(!different.isSame, "\(name) \(different)")
    }
  }

  @Test("A drift beyond the range of the search is followed: it grows from block to block")
  func drift() async throws {
    let words = (0..<20).map(ManyFragmentsTests.word)
    var chance = Chance(11)
    // Words in an order that never comes back.
    let spoken = (0..<250).flatMap { _ in words[Int.random(in: 0..<20, using: &chance)] }
    let clip = try AudioClip(samples: spoken, sampleRate: 8000)
    try await Media.withFolder { folder in
      let (one, fast) = ("\(folder)/one.wav", "\(folder)/fast.wav")
      try await Media.write(clip, to: one, [])
      try await Media.write(Self.played(clip, at: 1.03), to: fast, [])
      var found: [WindowAttribution] = []
      // 3 % of 150 s are 4.5 s.
      try await Attributor.attribute(
        recording: fast, original: one, window: 6, options: AttributionOptions(searchRange: 2, wideSearchRange: 2.5)
      ) { found.append($0) }
      #expect(found.count == 25 && found.allSatisfy { $0.attribution == .passthrough }, "\(found)")
      #expect(found.allSatisfy { abs($0.lagSeconds + 0.03 * $0.start) < 0.01 }, "\(found)")
    }
  }
}
