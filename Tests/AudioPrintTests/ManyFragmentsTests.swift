import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Telling many fragments of one voice apart", .kind(.logic))
struct ManyFragmentsTests {
  /// Words of one synthetic voice: each a row of harmonics of the same pitch contour under formants of its own.
  static func word(_ index: Int) -> [Float] {
    var chance = Chance(UInt64(1000 + index))
    let formants = (0..<3).map { _ in Double.random(in: 250...3200, using: &chance) }
    let gains = (1...24).map { harmonic in
      formants.reduce(0.01) { $0 + exp(-pow((Double(harmonic) * 115 - $1) / 180, 2)) }
    }
    let count = 8000 * 6 / 10
    var samples = [Float](repeating: 0, count: count)
    var phase = 0.0
    for i in samples.indices {
      let t = Double(i) / Double(count)
      phase += 2 * Double.pi * (130 - 30 * t) / 8000
      var sum = 0.0
      for harmonic in 0..<24 { sum += gains[harmonic] * sin(phase * Double(harmonic + 1)) }
      samples[i] = Float(0.1 * sum * sin(Double.pi * t))
    }
    return samples
  }

  @Test("The right one of 100 fragments that share their words is found, wherever it is expected")
  func hundred() throws {
    let words = (0..<20).map(Self.word)
    let pause = [Float](repeating: 0, count: 1200)
    let fragments = try (0..<100).map { k in
      var chance = Chance(UInt64(k))
      // Two words in three are shared by all neighbours, as "veinti-" is.
      let spoken = (0..<8).map { $0 % 3 == 2 ? Int.random(in: 2..<20, using: &chance) : $0 % 2 }
      return try AudioClip(samples: spoken.flatMap { words[$0] + pause }, sampleRate: 8000)
    }
    let candidates = fragments.enumerated().map {
      Candidate(role: .dubbed($0), clip: $1, expectedStart: Double($0) * 6)
    }
    let played = [3, 77, 12, 50]
    let output = try AudioClip.joined(played.map { fragments[$0].slice(from: 0, to: 6) } + [.silence(0.2)])
      .mixed(with: .noise(24, amplitude: 0.005))
    let results = Attributor(candidates: candidates).attribute(
      output, windows: played.indices.map { (Double($0) * 6, Double($0) * 6 + 6) })
    #expect(results.map(\.attribution) == played.map { .dubbed($0) }, "\(results)")
  }
}
