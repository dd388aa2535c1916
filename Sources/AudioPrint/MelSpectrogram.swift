#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Energy in mel bands over time, frame by frame: what is left of a sound after codec, channel and phase are taken away.
///
/// Sub-fingerprints from band energies over time follow Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002;
/// they are kept as numbers rather than bits here, because one window is compared with few candidates.
struct MelSpectrogram {
  let frames: Int
  /// Frame-major: band b of frame f is at f · bands + b.
  let energies: [Float]

  static var bands: Int { Thresholds.melBands }
  static let framesPerSecond = Double(Thresholds.sampleRate) / Double(Thresholds.envelopeHop)

  /// The signal's rate must be `Thresholds.sampleRate`.
  init(_ signal: UnsafeBufferPointer<Float>) {
    let stft = SpectralFrames(frame: Thresholds.envelopeFrame, hop: Thresholds.envelopeHop)
    let count = stft.count(samples: signal.count)
    frames = count
    let filters = Self.filters
    let power = AlignedBuffer<Float>(stft.bins)
    energies = [Float](unsafeUninitializedCapacity: count * Self.bands) { buffer, initialized in
      let out = buffer.baseAddress!
      filters.weights.withUnsafeBufferPointer { weights in
        stft.forEach(signal) { frame, spectrum in
          Vector.power(spectrum, power.pointer, stft.bins)
          var band = 0
          var weight = weights.baseAddress!
          for filter in filters.spans {
            out[frame * Self.bands + band] = Vector.dot(power.pointer + filter.first, weight, filter.count)
            weight += filter.count
            band += 1
          }
        }
      }
      initialized = count * Self.bands
    }
  }

  private struct Filters {
    var spans: [(first: Int, count: Int)] = []
    var weights: [Float] = []
  }

  /// Triangular filters, equally spaced on the mel scale.
  private static let filters: Filters = {
    func mel(_ hertz: Double) -> Double { 2595 * log10(1 + hertz / 700) }
    func hertz(_ mel: Double) -> Double { 700 * (pow(10, mel / 2595) - 1) }
    let (low, high) = (mel(Thresholds.melRange.lowerBound), mel(Thresholds.melRange.upperBound))
    let edges = (0...bands + 1).map { hertz(low + (high - low) * Double($0) / Double(bands + 1)) }
    let binWidth = Double(Thresholds.sampleRate) / Double(Thresholds.envelopeFrame)
    var filters = Filters()
    for band in 0..<bands {
      let (from, peak, to) = (edges[band], edges[band + 1], edges[band + 2])
      let first = Int((from / binWidth).rounded(.up))
      let last = max(first, Int((to / binWidth).rounded(.down)))
      filters.spans.append((first, last - first + 1))
      for bin in first...last {
        let f = Double(bin) * binWidth
        filters.weights.append(Float(max(0, min((f - from) / (peak - from), (to - f) / (to - peak)))))
      }
    }
    return filters
  }()

  /// The normalised log envelope of a range of frames: per band, log energy over a floor, less its mean over ±1 s, at unit variance.
  ///
  /// The floor, 30 dB under the band's mean, makes it indifferent to gain, equalisation and low noise; it is taken in the range
  /// alone, so that a loud passage elsewhere does not bury a quiet one. Band-major: frame f of band b is at b · count + f.
  func envelope(of range: Range<Int>) -> Envelope {
    let count = range.count
    var values = [Float](repeating: 0, count: count * Self.bands)
    guard count > 0 else { return Envelope(frames: 0, values: []) }
    let reach = Int(Self.framesPerSecond)
    energies.withUnsafeBufferPointer { energies in
      values.withUnsafeMutableBufferPointer { values in
        let logs = AlignedBuffer<Float>(count)
        let sums = AlignedBuffer<Float>(count + 1)
        for band in 0..<Self.bands {
          let source = energies.baseAddress! + range.lowerBound * Self.bands + band
          Self.logarithms(source, stride: Self.bands, logs.pointer, sums.pointer, count)
          Self.normalise(logs.pointer, sums.pointer, reach: reach, values.baseAddress! + band * count, count)
        }
      }
    }
    return Envelope(frames: count, values: values)
  }

  /// Logarithms over the floor, and their running sums.
  private static func logarithms(
    _ source: UnsafePointer<Float>, stride: Int, _ logs: UnsafeMutablePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    var mean: Float = 0
    var i = 0
    while i < count {
      mean += source[i * stride]
      i += 1
    }
    let floor = 1e-3 * mean / Float(count) + 1e-12
    sums[0] = 0
    i = 0
    while i < count {
      logs[i] = logf(source[i * stride] / floor + 1)
      sums[i + 1] = sums[i] + logs[i]
      i += 1
    }
  }

  private static func normalise(
    _ logs: UnsafePointer<Float>, _ sums: UnsafePointer<Float>, reach: Int, _ out: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    var energy: Float = 0
    var i = 0
    while i < count {
      let (from, to) = (max(0, i - reach), min(count, i + reach + 1))
      out[i] = logs[i] - (sums[to] - sums[from]) / Float(to - from)
      energy += out[i] * out[i]
      i += 1
    }
    let scale = 1 / ((energy / Float(count)).squareRoot() + 1e-3)
    i = 0
    while i < count {
      out[i] *= scale
      i += 1
    }
  }
}

/// Normalised log-mel envelopes of some frames, band after band.
struct Envelope {
  let frames: Int
  let values: [Float]
}
