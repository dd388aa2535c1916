#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Short-time spectra of a stretch of audio in the band that is compared, kept for comparing it with several others.
package struct BandSpectra {
  let frames: Int
  let bins: Int
  /// Samples from one frame to the next.
  let hop: Int
  private(set) var values: [Complex]

  static let low = Int(
    Thresholds.band.lowerBound * Double(Thresholds.coherenceFrame) / Double(Thresholds.sampleRate))
  private static let high = Int(
    Thresholds.band.upperBound * Double(Thresholds.coherenceFrame) / Double(Thresholds.sampleRate))

  /// Spectra of `count` samples from `start` on; zero where that is outside the signal. Less than one frame is padded to one.
  package init(_ signal: UnsafeBufferPointer<Float>, start: Int, count: Int, hop: Int = Thresholds.coherenceHop) {
    let stft = SpectralFrames(frame: Thresholds.coherenceFrame, hop: hop)
    let bins = Self.high - Self.low
    func spectra(_ part: UnsafeBufferPointer<Float>) -> [Complex] {
      [Complex](unsafeUninitializedCapacity: stft.count(samples: part.count) * bins) { buffer, used in
        stft.forEach(part) { frame, spectrum in
          (buffer.baseAddress! + frame * bins).initialize(from: spectrum + Self.low, count: bins)
        }
        used = stft.count(samples: part.count) * bins
      }
    }
    if start >= 0, start + count <= signal.count, count >= stft.frame {
      values = spectra(UnsafeBufferPointer(rebasing: signal[start..<start + count]))
    } else {
      var padded = [Float](repeating: 0, count: max(count, stft.frame))
      let (first, last) = (max(0, start), min(signal.count, start + count))
      if first < last { padded.replaceSubrange((first - start)..<(last - start), with: signal[first..<last]) }
      values = padded.withUnsafeBufferPointer(spectra)
    }
    self.bins = bins
    self.hop = hop
    frames = values.count / bins
  }

  /// What is left after the best linear filter of `x` is taken away: per bin, the least-squares transfer function x → self.
  func residual(after x: BandSpectra) -> BandSpectra {
    let statistics = CrossStatistics(x: x, y: self)
    var rest = self
    rest.values.withUnsafeMutableBufferPointer { rest in
      x.values.withUnsafeBufferPointer { x in
        statistics.transfer.withUnsafeBufferPointer { transfer in
          var frame = 0
          while frame < frames {
            let (r, s) = (rest.baseAddress! + frame * bins, x.baseAddress! + frame * bins)
            var i = 0
            while i < bins {
              r[i].re -= transfer[i].re * s[i].re - transfer[i].im * s[i].im
              r[i].im -= transfer[i].re * s[i].im + transfer[i].im * s[i].re
              i += 1
            }
            frame += 1
          }
        }
      }
    }
    return rest
  }

  /// Energy over all frames and bins.
  var energy: Float {
    values.withUnsafeBytes { bytes in
      let parts = bytes.bindMemory(to: Float.self)
      return parts.baseAddress.map { Vector.dot($0, $0, parts.count) } ?? 0
    }
  }

  /// Share of this signal's energy that a short linear filter of `x` explains, 0…1.
  ///
  /// Magnitude-squared coherence (Carter, "Coherence and time delay estimation", Proc. IEEE 75(2), 1987), weighted with this signal's
  /// power. The estimate's bias is taken off per bin. For unrelated signals it is κ Σ|X|²|Y|² / (Σ|X|² Σ|Y|²), where κ counts the
  /// overlap of Hann frames (1.92 at a quarter's hop); the plain 1/n holds for steady signals only and is far too low for speech.
  package func coherence(with x: BandSpectra) -> Double { CrossStatistics(x: x, y: self).explainedShare }

  /// The same, and by how many samples this signal comes later than `x` does (|delay| up to some ten samples).
  func comparison(with x: BandSpectra) -> (coherence: Double, delay: Double) {
    let statistics = CrossStatistics(x: x, y: self)
    return (statistics.explainedShare, statistics.delay)
  }
}

/// Sums over frames of two signals' spectra, per bin.
private struct CrossStatistics {
  private var xPower: [Float]
  private var yPower: [Float]
  private var product: [Float]
  private var cross: [Complex]
  /// 1 + 2 Σ r², r the autocorrelation of the Hann window at multiples of the hop: how many frames count as one.
  private let overlap: Float

  init(x: BandSpectra, y: BandSpectra) {
    let (bins, frames) = (y.bins, min(x.frames, y.frames))
    overlap = 4 * y.hop <= Thresholds.coherenceFrame ? 1.92 : 1.06
    xPower = [Float](repeating: 0, count: bins)
    yPower = xPower
    product = xPower
    cross = [Complex](repeating: Complex(re: 0, im: 0), count: bins)
    x.values.withUnsafeBufferPointer { x in
      y.values.withUnsafeBufferPointer { y in
        xPower.withUnsafeMutableBufferPointer { xPower in
          yPower.withUnsafeMutableBufferPointer { yPower in
            product.withUnsafeMutableBufferPointer { product in
              cross.withUnsafeMutableBufferPointer { cross in
                Self.add(
                  x.baseAddress!, y.baseAddress!, frames: frames, bins: bins, xPower.baseAddress!, yPower.baseAddress!,
                  product.baseAddress!, cross.baseAddress!)
              }
            }
          }
        }
      }
    }
  }

  private static func add(
    _ x: UnsafePointer<Complex>, _ y: UnsafePointer<Complex>, frames: Int, bins: Int,
    _ xPower: UnsafeMutablePointer<Float>, _ yPower: UnsafeMutablePointer<Float>,
    _ product: UnsafeMutablePointer<Float>, _ cross: UnsafeMutablePointer<Complex>
  ) {
    // Four frames at once, so that the sums are read and written a quarter as often.
    var frame = 0
    while frame < frames {
      let count = min(4, frames - frame)
      var i = 0
      while i < bins {
        var (xSum, ySum, both, re, im): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
        var index = frame * bins + i
        var k = 0
        while k < count {
          let (u, v) = (x[index], y[index])
          let (p, q) = (u.re * u.re + u.im * u.im, v.re * v.re + v.im * v.im)
          xSum += p
          ySum += q
          both += p * q
          re += v.re * u.re + v.im * u.im
          im += v.im * u.re - v.re * u.im
          index += bins
          k += 1
        }
        xPower[i] += xSum
        yPower[i] += ySum
        product[i] += both
        cross[i].re += re
        cross[i].im += im
        i += 1
      }
      frame += count
    }
  }

  mutating func add(_ other: CrossStatistics) {
    for i in cross.indices {
      xPower[i] += other.xPower[i]
      yPower[i] += other.yPower[i]
      product[i] += other.product[i]
      cross[i].re += other.cross[i].re
      cross[i].im += other.cross[i].im
    }
  }

  /// Least-squares transfer function x → y.
  var transfer: [Complex] {
    let floor = 1e-9 * (xPower.max() ?? 0) + 1e-20
    return cross.indices.map {
      Complex(re: cross[$0].re / (xPower[$0] + floor), im: cross[$0].im / (xPower[$0] + floor))
    }
  }

  /// Samples by which y comes later than x, from the slope of the cross-spectrum's phase.
  var delay: Double {
    var (re, im): (Float, Float) = (0, 0)
    for i in cross.indices.dropFirst() {
      re += cross[i].re * cross[i - 1].re + cross[i].im * cross[i - 1].im
      im += cross[i].im * cross[i - 1].re - cross[i].re * cross[i - 1].im
    }
    return re == 0 && im == 0 ? 0 : -Double(atan2f(im, re)) * Double(Thresholds.coherenceFrame) / (2 * .pi)
  }

  var explainedShare: Double {
    var (explained, total): (Float, Float) = (0, 0)
    for i in cross.indices {
      total += yPower[i]
      let scale = xPower[i] * yPower[i]
      // Beyond what a float holds the quotient is no number, which min and max would make 1.
      guard scale > 1e-24, scale.isFinite else { continue }
      let raw = (cross[i].re * cross[i].re + cross[i].im * cross[i].im) / scale
      let bias = min(0.95, overlap * product[i] / scale)
      explained += yPower[i] * max(0, min(1, (raw - bias) / (1 - bias)))
    }
    // Samples near the greatest float overflow in a spectrum; nothing is known of those.
    let share = Double(explained / total)
    return share.isFinite ? share : 0
  }
}

/// The least-squares filter from one signal to another, from several stretches in which both are heard.
struct TransferFilter {
  private let transfer: [Complex]

  init(_ pairs: [(x: BandSpectra, y: BandSpectra)]) {
    var sums: CrossStatistics?
    for pair in pairs {
      let next = CrossStatistics(x: pair.x, y: pair.y)
      if sums == nil { sums = next } else { sums?.add(next) }
    }
    transfer = sums?.transfer ?? []
  }

  /// Per frame: the share of y's energy that is left after the filtered x is taken away; may exceed 1 where x is louder than y.
  func unexplained(of y: BandSpectra, by x: BandSpectra) -> [Float] {
    let bins = y.bins
    return (0..<min(x.frames, y.frames)).map { frame in
      var (left, total): (Float, Float) = (0, 1e-20)
      x.values.withUnsafeBufferPointer { x in
        y.values.withUnsafeBufferPointer { y in
          transfer.withUnsafeBufferPointer { h in
            let (a, b) = (x.baseAddress! + frame * bins, y.baseAddress! + frame * bins)
            var i = 0
            while i < bins {
              let re = b[i].re - (h[i].re * a[i].re - h[i].im * a[i].im)
              let im = b[i].im - (h[i].re * a[i].im + h[i].im * a[i].re)
              left += re * re + im * im
              total += b[i].re * b[i].re + b[i].im * b[i].im
              i += 1
            }
          }
        }
      }
      return left / total
    }
  }
}
