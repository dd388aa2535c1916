import Synchronization

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
  struct Spectra: Sendable {
    let size: Int
    let frames: Int
    let values: [Complex]
    /// Running sum of the frames' energies; frames + 1 values.
    let energySums: [Float]

    init(_ envelope: Envelope, size: Int) {
      self.size = size
      frames = envelope.frames
      let transform = FourierTransform.of(size: size)
      let (time, spectrum) = (AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins))
      var sums = [Float](repeating: 0, count: envelope.frames + 1)
      values = [Complex](unsafeUninitializedCapacity: transform.bins * MelSpectrogram.bands) { values, used in
        envelope.values.withUnsafeBufferPointer { source in
          guard envelope.frames > 0 else { return values.initialize(repeating: Complex(re: 0, im: 0)) }
          for band in 0..<MelSpectrogram.bands {
            let row = source.baseAddress! + band * envelope.frames
            time.pointer.update(from: row, count: envelope.frames)
            transform.forward(time, spectrum)
            (values.baseAddress! + band * transform.bins).initialize(from: spectrum.pointer, count: transform.bins)
            sums.withUnsafeMutableBufferPointer { Vector.addSquares(row, $0.baseAddress! + 1, envelope.frames) }
          }
        }
        used = transform.bins * MelSpectrogram.bands
      }
      for i in sums.indices.dropFirst() { sums[i] += sums[i - 1] }
      energySums = sums
    }

    var bytes: Int { values.count * MemoryLayout<Complex>.stride + energySums.count * MemoryLayout<Float>.stride }
  }

  /// Size that holds every lag between so many frames without wrapping.
  static func size(_ window: Int, _ candidate: Int) -> Int { FourierTransform.fastSize(atLeast: window + candidate) }

  /// The best peak; nil where no lag has enough overlap, which is half of the shorter of the two.
  static func peak(window: Spectra, candidate: Spectra) -> Peak? {
    precondition(window.size == candidate.size)
    let (n, m) = (window.frames, candidate.frames)
    guard min(n, m) >= 4 else { return nil }
    let transform = FourierTransform.of(size: window.size)
    let (cross, correlation) = (AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Float>(window.size))
    candidate.values.withUnsafeBufferPointer { theirs in
      window.values.withUnsafeBufferPointer { ours in
        for start in stride(from: 0, to: theirs.count, by: transform.bins) {
          Vector.addCrossSpectrum(
            theirs.baseAddress! + start, ours.baseAddress! + start, cross.pointer, transform.bins)
        }
      }
    }
    transform.inverse(cross, correlation)
    return window.energySums.withUnsafeBufferPointer { windowSums in
      candidate.energySums.withUnsafeBufferPointer { highest(correlation, window.size, windowSums, $0) }
    }
  }

  private static func highest(
    _ correlation: AlignedBuffer<Float>, _ size: Int, _ window: UnsafeBufferPointer<Float>,
    _ candidate: UnsafeBufferPointer<Float>
  ) -> Peak? {
    let (n, m) = (window.count - 1, candidate.count - 1)
    let shorter = min(n, m)
    let floor = 1e-3 * window[n] * candidate[m] + 1e-12
    var best: Peak?
    // Squares are compared, with their signs: roots would cost as much as the transform.
    var highest = -Float.infinity
    var offset = -(n - 1)
    while offset < m {
      let (first, last) = (max(0, -offset), min(n, m - offset))
      if 2 * (last - first) >= shorter {
        let value = correlation.pointer[offset < 0 ? offset + size : offset]
        let energy = (window[last] - window[first]) * (candidate[last + offset] - candidate[first + offset])
        let square = value * abs(value) / max(energy, floor) * Float(last - first)
        if square > highest {
          highest = square
          best = Peak(offset: offset, score: square)
        }
      }
      offset += 1
    }
    guard var best else { return nil }
    let scaled = abs(best.score) / Float(shorter)
    best.score = (best.score < 0 ? -1 : 1) * scaled.squareRoot() / Float(size)
    return best
  }
}

/// The candidates' envelope spectra, by candidate, span and size of the transform: made when they are first needed, and kept for
/// all the windows and outputs that an ``Attributor`` is asked about, as far as its memory goes.
final class EnvelopeBank: Sendable {
  private struct Key: Hashable {
    var candidate: Int
    var range: Range<Int>
    var size: Int
  }
  private struct Shelf {
    var spectra: [Key: EnvelopeCorrelation.Spectra] = [:]
    var bytes = 0
  }
  /// An attributor may be used from several threads at once. The spectra are made outside of the lock.
  private let shelf = Mutex(Shelf())
  /// About 200 fragments of 6 s.
  private static let limit = 16 << 20

  func spectra(
    _ candidate: Int, of clip: PreparedClip, range: Range<Int>, size: Int
  ) -> EnvelopeCorrelation.Spectra {
    let key = Key(candidate: candidate, range: range, size: size)
    if let known = shelf.withLock({ $0.spectra[key] }) { return known }
    let made = EnvelopeCorrelation.Spectra(clip.mel.envelope(of: range), size: size)
    shelf.withLock { shelf in
      // Of a long candidate every window needs another span; those are never asked for again.
      if shelf.bytes + made.bytes > Self.limit { shelf = Shelf() }
      shelf.spectra[key] = made
      shelf.bytes += made.bytes
    }
    return made
  }
}
