/// Finds where a recording plays a clip.
struct ContinuityPlace {
  /// Where it is played, as a pair of places that belong together.
  struct Found {
    /// The recording's sample at which the clip's sample 0 lies, at the piece that was found.
    var position: Double
    /// Block of the recording in which it was found.
    var block: Int
    /// Normalised correlation of the piece, 0…1.
    var agreement: Float
    /// Whether it is played with the opposite sign, which nobody hears.
    var isInverted = false
  }

  let clip: ContinuitySignal
  let recording: ContinuitySignal

  /// Blocks of a piece: 1 s tells a place surely.
  private static let piece = 200
  /// Agreement below which it is another sound, and from which no other piece is asked.
  private static let (least, sure): (Float, Float) = (0.5, 0.85)

  /// Near a sample of the recording at which the clip's sample 0 is expected.
  func near(_ expected: Int, radius: Int) -> Found? {
    var best: Found?
    for piece in pieces() {
      guard let found = place(piece, expected, radius) else { continue }
      if found.agreement > best?.agreement ?? Self.least { best = found }
      if found.agreement >= Self.sure { break }
    }
    return best
  }

  /// Anywhere, by the envelopes of both; nil if it is not heard, or sounds for too short a time to be told from others.
  func anywhere() -> Found? {
    var best: Found?
    for lag in envelopePeaks(8) {
      let found = near(lag * ContinuitySignal.block, radius: 12 * ContinuitySignal.block)
      if let found, found.agreement > best?.agreement ?? 0 { best = found }
      if best?.agreement ?? 0 >= Self.sure { break }
    }
    return best
  }

  private func place(_ piece: Range<Int>, _ expected: Int, _ radius: Int) -> Found? {
    let size = ContinuitySignal.block
    let first = piece.lowerBound * size
    let last = min(piece.upperBound * size, clip.samples.count)
    return recording.place(of: clip.samples[first..<last], centre: first + expected, radius: radius).map { heard in
      Found(
        position: heard.offset - Double(first), block: max(0, Int(heard.offset.rounded()) / size),
        agreement: abs(heard.agreement), isInverted: heard.agreement < 0)
    }
  }

  /// Blocks of up to five pieces, one of each fifth of the clip.
  private func pieces() -> [Range<Int>] {
    let blocks = clip.blocks
    guard blocks > 2 * Self.piece else { return blocks > 0 ? [0..<blocks] : [] }
    return clip.loudestPieces(
      of: Self.piece, within: blocks, parts: min(5, blocks / Self.piece), step: Self.piece / 4)
  }

  /// Blocks by which the clip's envelope is best shifted to fit the recording's, best first.
  func envelopePeaks(_ count: Int) -> [Int] {
    let (n, m) = (clip.blocks, recording.blocks)
    guard n > 0, m > 0 else { return [] }
    let size = FourierTransform.fastSize(atLeast: n + m)
    return FourierTransform.withTemporary(size: size) { transform in
      let (time, x, y) = (
        AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Complex>(transform.bins)
      )
      Self.envelope(clip, into: time)
      transform.forward(time, x)
      time.zero()
      Self.envelope(recording, into: time)
      transform.forward(time, y)
      let product = AlignedBuffer<Complex>(transform.bins)
      Vector.addCrossSpectrum(y.pointer, x.pointer, product.pointer, transform.bins)
      transform.inverse(product, time)
      return Self.peaks(time.pointer, size: size, lags: -(n - 1)...m - 1, count)
    }
  }

  private static func peaks(
    _ values: UnsafePointer<Float>, size: Int, lags: ClosedRange<Int>, _ count: Int
  ) -> [Int] {
    var found: [(lag: Int, value: Float)] = []
    func value(_ lag: Int) -> Float { values[lag < 0 ? lag + size : lag] }
    for lag in lags where value(lag) > 0 && value(lag).isFinite {
      let height = value(lag)
      guard found.count < count || height > found[found.count - 1].value else { continue }
      guard lag == lags.lowerBound || value(lag - 1) <= height, lag == lags.upperBound || value(lag + 1) < height
      else { continue }
      found.append((lag, height))
      found.sort { $0.value > $1.value }
      if found.count > count { found.removeLast() }
    }
    return found.map(\.lag)
  }

  /// Logarithm of the energies, 0 in the mean and no lower than 30 dB below what is loud.
  private static func envelope(_ signal: ContinuitySignal, into buffer: AlignedBuffer<Float>) {
    let floor = max(1e-3 * signal.loud, ContinuitySignal.floor)
    var sum: Float = 0
    for (index, energy) in signal.energies.enumerated() {
      // The exponent is logarithm enough to compare envelopes with: a few ns instead of twenty.
      let ratio = max(1, energy / floor)
      let value = Float(ratio.exponent) + ratio.significand - 1
      buffer.pointer[index] = value
      sum += value
    }
    let mean = sum / Float(max(1, signal.blocks))
    for index in 0..<signal.blocks { buffer.pointer[index] -= mean }
  }
}
