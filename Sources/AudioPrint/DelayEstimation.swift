#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Generalised cross-correlation with (nearly) the phase transform, for delays to a fraction of a sample.
///
/// Knapp & Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 24(4), 1976. The weighting is
/// |G|^-0.8 rather than |G|^-1, which keeps a little of the spectrum's shape and so does not raise empty bins to full weight.
enum DelayEstimation {
  /// The offset into `candidate` at which `window` fits best.
  struct Delay {
    /// Candidate sample under the window's first sample, with a fraction from a parabola through the peak.
    var offset: Double
    /// Height of the peak over the mean magnitude of the correlation: about 5 for unrelated signals.
    var prominence: Float
  }

  /// Searches offsets `centre ± radius`; the candidate counts as zero outside its samples. Nil if either is all zero there.
  static func delay(
    of window: UnsafeBufferPointer<Float>, in candidate: UnsafeBufferPointer<Float>, centre: Int, radius: Int
  ) -> Delay? {
    let span = window.count + 2 * radius
    let size = FourierTransform.fastSize(atLeast: span)
    let transform = FourierTransform.of(size: size)
    let (time, x, y) = (
      AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Complex>(transform.bins)
    )
    guard copy(candidate, from: centre - radius, count: span, into: time) else { return nil }
    transform.forward(time, x)
    guard copy(window, from: 0, count: window.count, into: time) else { return nil }
    transform.forward(time, y)
    whiten(x.pointer, y.pointer, bins: transform.bins, size: size)
    transform.inverse(x, time)
    return peak(time.pointer, count: 2 * radius + 1, first: centre - radius)
  }

  /// Copies a span, zero outside the source; false if the span holds no sample.
  private static func copy(
    _ source: UnsafeBufferPointer<Float>, from start: Int, count: Int, into buffer: AlignedBuffer<Float>
  ) -> Bool {
    let (first, last) = (max(0, start), min(source.count, start + count))
    buffer.zero()
    guard first < last, let base = source.baseAddress else { return false }
    (buffer.pointer + (first - start)).update(from: base + first, count: last - first)
    return true
  }

  /// x becomes the whitened cross-spectrum x · conj(y), zero outside the band.
  private static func whiten(_ x: UnsafeMutablePointer<Complex>, _ y: UnsafePointer<Complex>, bins: Int, size: Int) {
    let binWidth = Double(Thresholds.sampleRate) / Double(size)
    let low = Int(Thresholds.band.lowerBound / binWidth)
    let high = min(bins, Int(Thresholds.band.upperBound / binWidth))
    var total: Float = 0
    var i = 0
    while i < bins {
      let (a, b) = (x[i], y[i])
      let inBand = i >= low && i < high
      x[i].re = inBand ? a.re * b.re + a.im * b.im : 0
      x[i].im = inBand ? a.im * b.re - a.re * b.im : 0
      total += (x[i].re * x[i].re + x[i].im * x[i].im).squareRoot()
      i += 1
    }
    let floor = 1e-3 * total / Float(max(1, high - low)) + 1e-20
    i = low
    while i < high {
      let weight = 1 / powf((x[i].re * x[i].re + x[i].im * x[i].im).squareRoot() + floor, 0.8)
      x[i].re *= weight
      x[i].im *= weight
      i += 1
    }
  }

  private static func peak(_ correlation: UnsafePointer<Float>, count: Int, first: Int) -> Delay? {
    var (best, height, total): (Int, Float, Float) = (0, 0, 0)
    var i = 0
    while i < count {
      let magnitude = abs(correlation[i])
      total += magnitude
      if magnitude > height { (best, height) = (i, magnitude) }
      i += 1
    }
    guard height > 0, height.isFinite else { return nil }
    var fraction: Float = 0
    if best > 0 && best < count - 1 {
      let (left, right) = (abs(correlation[best - 1]), abs(correlation[best + 1]))
      let curvature = left - 2 * height + right
      if curvature < 0 { fraction = 0.5 * (left - right) / curvature }
    }
    return Delay(offset: Double(first + best) + Double(fraction), prominence: height * Float(count) / total)
  }
}
