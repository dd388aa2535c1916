/// Where in a candidate a window's envelope fits: normalised cross-correlation of log-mel envelopes over all lags, by FFT.
struct EnvelopeCorrelation {
  /// One lag and how well it fits there.
  struct Peak {
    /// Candidate frame that lies under the window's first frame; negative if the candidate begins after it.
    var offset: Int
    /// Normalised correlation, -1…1, less for a partial overlap.
    var score: Float
  }

  /// An envelope's spectra, band after band, zero-padded to a size that a correlation needs.
  struct Spectra {
    let size: Int
    let frames: Int
    let values: AlignedBuffer<Complex>
    /// Running sum of the frames' energies; frames + 1 values.
    let energySums: [Float]

    init(_ envelope: Envelope, size: Int) {
      self.size = size
      frames = envelope.frames
      let transform = FourierTransform.of(size: size)
      let (time, spectrum) = (AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins))
      let values = AlignedBuffer<Complex>(transform.bins * MelSpectrogram.bands)
      var sums = [Float](repeating: 0, count: envelope.frames + 1)
      envelope.values.withUnsafeBufferPointer { source in
        guard envelope.frames > 0 else { return }
        for band in 0..<MelSpectrogram.bands {
          let row = source.baseAddress! + band * envelope.frames
          time.pointer.update(from: row, count: envelope.frames)
          transform.forward(time, spectrum)
          (values.pointer + band * transform.bins).update(from: spectrum.pointer, count: transform.bins)
          sums.withUnsafeMutableBufferPointer { sums in
            var i = 0
            while i < envelope.frames {
              sums[i + 1] += row[i] * row[i]
              i += 1
            }
          }
        }
      }
      for i in sums.indices.dropFirst() { sums[i] += sums[i - 1] }
      self.values = values
      energySums = sums
    }
  }

  /// Size that holds every lag between so many frames without wrapping.
  static func size(_ window: Int, _ candidate: Int) -> Int { FourierTransform.fastSize(atLeast: window + candidate) }

  /// The best peak among the offsets in `preferred`, and the best anywhere; nil where no lag has enough overlap.
  ///
  /// Only lags at which at least half of the shorter of the two overlaps are looked at.
  static func peaks(window: Spectra, candidate: Spectra, preferred: ClosedRange<Int>?) -> (
    preferred: Peak?, best: Peak?
  ) {
    precondition(window.size == candidate.size)
    let (n, m) = (window.frames, candidate.frames)
    let shorter = min(n, m)
    guard shorter >= 4 else { return (nil, nil) }
    let transform = FourierTransform.of(size: window.size)
    let (cross, correlation) = (AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Float>(window.size))
    for band in 0..<MelSpectrogram.bands {
      let start = band * transform.bins
      Vector.addCrossSpectrum(
        candidate.values.pointer + start, window.values.pointer + start, cross.pointer, transform.bins)
    }
    transform.inverse(cross, correlation)
    var preferredPeak: Peak?
    var best: Peak?
    window.energySums.withUnsafeBufferPointer { windowSums in
      candidate.energySums.withUnsafeBufferPointer { candidateSums in
        let floor = 1e-3 * windowSums[n] * candidateSums[m] + 1e-12
        var offset = -(n - 1)
        while offset < m {
          let (first, last) = (max(0, -offset), min(n, m - offset))
          if 2 * (last - first) >= shorter {
            let value = correlation.pointer[offset < 0 ? offset + window.size : offset] / Float(window.size)
            let energy =
              (windowSums[last] - windowSums[first]) * (candidateSums[last + offset] - candidateSums[first + offset])
            let score = value / max(energy, floor).squareRoot() * (Float(last - first) / Float(shorter)).squareRoot()
            if score > best?.score ?? -.infinity { best = Peak(offset: offset, score: score) }
            if let preferred, preferred.contains(offset), score > preferredPeak?.score ?? -.infinity {
              preferredPeak = Peak(offset: offset, score: score)
            }
          }
          offset += 1
        }
      }
    }
    return (preferredPeak, best)
  }
}
