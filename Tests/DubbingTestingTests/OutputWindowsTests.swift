import AudioPrint
import Testing

// Fragments and where they lie are made here by their synthesized initialisers.
@testable import DubbingTesting

@Suite("What became of each fragment, in the output's sound")
struct OutputWindowsTests {
  private static let rate = 16_000

  /// Bursts of noise, none like another.
  private static let original: [Float] = {
    var state: UInt32 = 1
    return (0..<18 * rate).map { index in
      state = state &* 1_664_525 &+ 1_013_904_223
      let isLoud = (index / (rate / 8)) % 3 != 0
      return Float(Int32(bitPattern: state)) / Float(Int32.max) * (isLoud ? 0.4 : 0.02)
    }
  }()

  @Test(
    "An answer that is the original is the original, also where the picture does not say when", arguments: [nil, 7.717])
  func echo(videoLag: Double?) throws {
    let original = try AudioClip(samples: Self.original, sampleRate: Self.rate)
    let late = Int(7.717 * Double(Self.rate))
    let output = try AudioClip(samples: [Float](repeating: 0, count: late) + Self.original, sampleRate: Self.rate)
    let placed = try (0..<3).map { sequence in
      let start = sequence * 6 * Self.rate
      return PlacedFragment(
        sequence: sequence, start: Double(sequence * 6), duration: 6,
        dubbed: try AudioClip(samples: Array(Self.original[start..<start + 6 * Self.rate]), sampleRate: Self.rate))
    }
    let windows = OutputWindows(
      output: output,
      original: Attributor(candidates: [Candidate(role: .original, clip: original)], options: .everywhere),
      placed: placed,
      videoLag: videoLag
    ).windows()
    #expect(windows.map(\.content) == [.original, .original, .original])
  }
}
