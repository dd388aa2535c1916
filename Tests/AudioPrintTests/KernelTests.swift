import AudioPrint
import CKernels
import ComposeTesting
import Testing

/// The loops that decode through FFmpeg's libraries, which need none of them.
@Suite("Kernels for processors with AVX2 and for those without", .kind(.logic))
struct KernelTests {
  /// 0 is what any processor runs; 1 what this one does, where that is another.
  static let kernels: [Int32] = kernel_has_wide() == 0 ? [0] : [0, 1]
  /// Four results are made at once, eight samples are mixed: none, tails of each length, and more than one round.
  static let counts = Array(0...9) + [15, 16, 17, 441, 1023]

  private static func noise(_ count: Int, seed: UInt64) throws -> [Float] {
    try AudioClip.noise(Double(count) / 8000 + 0.01, seed: seed).samples.prefix(count) + []
  }

  /// What a sum of products may be off by, whatever order it is in: each of eight sums is rounded once a step, or twice.
  private static func bound(_ magnitude: Double, _ count: Int) -> Double {
    magnitude * Double(2 * (count / 8) + 8) * 0x1p-24
  }

  /// Rates, as their quotient and the taps that a filter has for it: the shapes that `LibAVRateFilter` asks for.
  static let shapes = [
    (up: 1, down: 6, taps: 200), (up: 80, down: 441, taps: 184), (up: 160, down: 441, taps: 96),
    (up: 1, down: 2, taps: 72),
    (up: 3, down: 1, taps: 32), (up: 1, down: 1, taps: 8),
  ]

  @Test("Filtered samples are the sums of products, and nothing beside them is written", arguments: shapes, kernels)
  func filter(shape: (up: Int, down: Int, taps: Int), kernel: Int32) throws {
    let taps = try Self.noise(shape.taps, seed: 3)
    let source = try Self.noise(shape.down * 1023 + shape.taps, seed: 4)
    for count in Self.counts {
      var out = [Float](repeating: 9, count: count * shape.up + 1)
      kernel_filter(kernel, source, shape.down, taps, shape.taps, &out, shape.up, count)
      for (index, sample) in out.enumerated() {
        guard index % shape.up == 0, index / shape.up < count else {
          #expect(sample == 9, "\(index) of \(count)")
          continue
        }
        let first = index / shape.up * shape.down
        let products = (0..<shape.taps).map { Double(source[first + $0]) * Double(taps[$0]) }
        let off = abs(Double(sample) - products.reduce(0, +))
        let most = Self.bound(products.map(abs).reduce(0, +), shape.taps)
        #expect(off <= most, "\(index) of \(count): off by \(off), at most \(most)")
      }
    }
  }

  @Test("Channels are mixed alike to the bit, and the powers of both are summed", arguments: kernels)
  func mix(kernel: Int32) throws {
    let gain = Float(0.5).squareRoot()
    for count in Self.counts {
      let (left, right) = (try Self.noise(count, seed: 5), try Self.noise(count, seed: 6))
      var (out, mixed, both) = ([Float](repeating: 9, count: count + 1), Float(-1), Float(-1))
      kernel_mix(kernel, left, right, gain, &out, count, &mixed, &both)
      let expected = zip(left, right).map { ($0 + $1) * gain }
      #expect(out == expected + [9], "\(count)")
      for (power, samples) in [(mixed, expected), (both, left + right)] {
        let sum = samples.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(Double(power) - sum) <= Self.bound(sum, samples.count), "\(count): \(power), \(sum)")
      }
    }
  }
}
