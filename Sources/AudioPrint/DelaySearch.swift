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
/// |G|^-3/4 rather than |G|^-1, which keeps a little of the spectrum's shape and so does not raise empty bins to full weight.
///
/// A class, so that the window's spectrum is computed once for all the candidates that it is compared with.
package final class DelaySearch {
  private let window: ArraySlice<Float>
  /// By size of the transform.
  private var spectra: [Int: AlignedBuffer<Complex>] = [:]

  package init(_ window: ArraySlice<Float>) { self.window = window }

  /// The candidate's sample under the window's first sample, with a fraction from a parabola through the peak.
  ///
  /// Searches offsets `centre ± radius`; the candidate counts as zero outside its samples. Nil if either is all zero there.
  package func delay(in candidate: UnsafeBufferPointer<Float>, centre: Int, radius: Int) -> Double? {
    // Beyond its ends the candidate is silent: nothing is there to be found.
    let first = max(centre - radius, 1 - window.count)
    let last = min(centre + radius, candidate.count - 1)
    guard first <= last else { return nil }
    let span = window.count + last - first
    let size = FourierTransform.fastSize(atLeast: span)
    let transform = FourierTransform.of(size: size)
    let (time, x) = (AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins))
    guard Self.copy(candidate, from: first, count: span, into: time) else { return nil }
    transform.forward(time, x)
    guard let y = spectrum(transform) else { return nil }
    Self.whiten(x.pointer, y.pointer, bins: transform.bins, size: size)
    transform.inverse(x, time)
    return Self.peak(time.pointer, count: last - first + 1, first: first)
  }

  private func spectrum(_ transform: FourierTransform) -> AlignedBuffer<Complex>? {
    if let known = spectra[transform.size] { return known }
    let (time, made) = (AlignedBuffer<Float>(transform.size), AlignedBuffer<Complex>(transform.bins))
    guard window.withUnsafeBufferPointer({ Self.copy($0, from: 0, count: $0.count, into: time) }) else { return nil }
    transform.forward(time, made)
    spectra[transform.size] = made
    return made
  }

  /// Copies a span, zero outside the source; false if the span holds no sample.
  private static func copy(
    _ source: UnsafeBufferPointer<Float>, from start: Int, count: Int, into buffer: AlignedBuffer<Float>
  ) -> Bool {
    let (first, last) = (max(0, start), min(source.count, start + count))
    guard first < last, let base = source.baseAddress else { return false }
    (buffer.pointer + (first - start)).update(from: base + first, count: last - first)
    return true
  }

  /// x becomes the whitened cross-spectrum x · conj(y), zero outside the band.
  private static func whiten(_ x: UnsafeMutablePointer<Complex>, _ y: UnsafePointer<Complex>, bins: Int, size: Int) {
    let binWidth = Double(Thresholds.sampleRate) / Double(size)
    let low = Int(Thresholds.band.lowerBound / binWidth)
    let high = max(low, min(bins, Int(Thresholds.band.upperBound / binWidth)))
    memset(x, 0, low * MemoryLayout<Complex>.stride)
    memset(x + high, 0, (bins - high) * MemoryLayout<Complex>.stride)
    var i = low
    while i < high {
      let (a, b) = (x[i], y[i])
      x[i] = Complex(re: a.re * b.re + a.im * b.im, im: a.im * b.re - a.re * b.im)
      i += 1
    }
    let floor = 1e-3 * Vector.sumOfMagnitudes(x + low, high - low) / Float(max(1, high - low)) + 1e-20
    i = low
    while i < high {
      let magnitude = (x[i].re * x[i].re + x[i].im * x[i].im).squareRoot() + floor
      // magnitude^-3/4 by square roots, which are vector instructions; a power would cost as much as the transforms.
      let root = magnitude.squareRoot()
      let weight = 1 / (root * root.squareRoot())
      x[i].re *= weight
      x[i].im *= weight
      i += 1
    }
  }

  private static func peak(_ correlation: UnsafePointer<Float>, count: Int, first: Int) -> Double? {
    var (best, height): (Int, Float) = (0, 0)
    var i = 0
    while i < count {
      let magnitude = abs(correlation[i])
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
    return Double(first + best) + Double(fraction)
  }
}
