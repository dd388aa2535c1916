/// Compares the spectra of a span with those that are expected, in broad bands, as codecs keep them where they do not keep the waveform.
enum ContinuityBands {
  private static let (frame, hop, bands) = (256, 128, 8)

  /// Mean distance in dB, by the louder of the two, over frames of 32 ms.
  static func distance(_ track: ContinuityTrack, _ span: Range<Int>) -> Float {
    let size = ContinuitySignal.block
    let first = span.lowerBound * size
    let count = max(frame, span.count * size)
    let offset = track.offset(at: span.lowerBound)
    let heard = powers(track.recording.samples, from: first, count: count)
    let expected = powers(track.clip.samples, from: first + offset, count: count)
    let scale = track.gain * track.gain
    let floor = heard.reduce(0, +) / Float(max(1, heard.count)) * 0.03 + 1e-12
    var (sum, weight): (Float, Float) = (0, 0)
    for (y, x) in zip(heard, expected) {
      let (a, b) = (max(y, floor), max(scale * x, floor))
      let louder = max(a, b).squareRoot()
      sum += louder * Float(abs(decibels(power: Double(a / b))))
      weight += louder
    }
    return weight > 0 ? sum / weight : 0
  }

  /// Frame after frame, the power in each band; zero outside of the samples.
  private static func powers(_ samples: [Float], from first: Int, count: Int) -> [Float] {
    var part = [Float](repeating: 0, count: count)
    for i in max(0, first)..<max(max(0, first), min(samples.count, first + count)) { part[i - first] = samples[i] }
    let stft = SpectralFrames(frame: frame, hop: hop)
    var out: [Float] = []
    part.withUnsafeBufferPointer { part in
      stft.forEach(part) { _, spectrum in
        // 125 Hz to 4 kHz.
        for band in 0..<bands {
          var sum: Float = 0
          for bin in 4 + band * 15..<4 + (band + 1) * 15 {
            sum += spectrum[bin].re * spectrum[bin].re + spectrum[bin].im * spectrum[bin].im
          }
          out.append(sum)
        }
      }
    }
    return out
  }
}
