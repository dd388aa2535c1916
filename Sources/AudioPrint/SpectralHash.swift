/// The hash of the 100 loudest FFT bins of a clip's first 5 seconds. **Equality only.**
///
/// It tells whether two clips are the same samples, and nothing else: the tuple of bins is ordered by magnitude, and any lossy round
/// trip reorders it. Of 80 untouched AAC, MP3 and Opus transcodes it called 80 different, so "the hash differs" is no evidence that
/// anything was dubbed. Use ``Similarity`` or ``Attributor`` for that; this is kept to reproduce older results.
///
/// The method (top-k spectral peaks without their time, unlike the constellations of Wang, "An industrial-strength audio search
/// algorithm", ISMIR 2003): magnitudes of one FFT over the first 5 s at the clip's native rate, indices sorted by rising
/// magnitude, the last 100 of them. They are hashed with FNV-1a, so the value is the same in every run, which Python's `hash` is not.
public struct SpectralHash: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The 64-bit FNV-1a hash over the bins as little-endian 32-bit integers.
  public let value: UInt64

  /// Bins that are hashed, and seconds that are looked at.
  static let (peaks, seconds) = (100, 5)

  /// Hashes the clip's first 5 s at its own rate; a shorter clip is hashed whole, an empty one has the hash of no bins.
  public init(_ clip: AudioClip) {
    value = Self.loudestBins(of: clip).reduce(0xcbf2_9ce4_8422_2325) { hash, bin in
      (0..<4).reduce(hash) { ($0 ^ UInt64(truncatingIfNeeded: bin >> ($1 * 8)) & 0xff) &* 0x100_0000_01b3 }
    }
  }

  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Indices of the loudest bins, quietest of them first; of equal magnitudes the lower bin comes first.
  package static func loudestBins(of clip: AudioClip) -> [Int] {
    let count = min(clip.samples.count, seconds * clip.sampleRate)
    guard count > 0 else { return [] }
    let power = FourierTransform.withTemporary(size: count) { transform in
      let (time, spectrum) = (AlignedBuffer<Float>(count), AlignedBuffer<Complex>(transform.bins))
      clip.samples.withUnsafeBufferPointer { time.pointer.update(from: $0.baseAddress!, count: count) }
      transform.forward(time, spectrum)
      return [Float](unsafeUninitializedCapacity: transform.bins) { buffer, count in
        Vector.power(spectrum.pointer, buffer.baseAddress!, transform.bins)
        count = transform.bins
      }
    }
    // Sorting all 120,000 bins for 100 of them is slow in debug builds; the threshold of a coarse pass leaves a few hundred.
    let candidates = aboveThreshold(power)
    return candidates.sorted { (power[$0], $0) < (power[$1], $1) }.suffix(peaks)
  }

  /// Indices of at least `peaks` bins among which all the loudest are: halves the threshold from the maximum until enough pass.
  private static func aboveThreshold(_ power: [Float]) -> [Int] {
    var threshold = power.max() ?? 0
    // Samples near the greatest float overflow in a spectrum, and a quarter of infinity is infinity.
    guard power.count > peaks, threshold > 0, threshold.isFinite else { return Array(power.indices) }
    while threshold > .leastNormalMagnitude {
      var passing: [Int] = []
      power.withUnsafeBufferPointer { power in
        var i = 0
        while i < power.count {
          if power[i] >= threshold { passing.append(i) }
          i += 1
        }
      }
      if passing.count >= peaks { return passing }
      threshold /= 4
    }
    return Array(power.indices)
  }
}
