/// Looks for a second source in what the first one leaves over of a window.
///
/// 18 dB under another source a voice moves no envelope, so candidates that are expected nowhere cannot be found in the window itself.
extension WindowJudge {
  /// Fits of fragments that are not expected near the window, at the places where they fit what the original leaves over.
  func fitsInRest(after winner: Fit) -> [Fit] {
    let others = attributor.candidates.indices.filter { !isOriginal($0) && !isExpected($0) }
    guard !others.isEmpty, winner.coherence < Thresholds.complete else { return [] }
    let rest = spectra.residual(after: winner.spectra)
    guard rest.energy >= Float(Thresholds.audibleShare) * spectra.energy else { return [] }
    let samples = rest.samples(count: count)
    let search = DelaySearch(samples[...])
    return rankedByEnvelope(samples, among: others).prefix(Thresholds.shortlist).compactMap { place in
      guard let (centre, radius) = allowed(place.candidate, place.peak.offset, peakRadius) else { return nil }
      let delay = attributor.prepared[place.candidate].samples.withUnsafeBufferPointer {
        search.delay(in: $0, centre: centre, radius: radius)
      }
      return delay.flatMap { delay in
        compared(place.candidate, at: Int(delay.rounded())).map {
          Fit(candidate: place.candidate, offset: delay, coherence: $0.coherence, spectra: $0.spectra)
        }
      }
    }
  }
}

extension BandSpectra {
  /// The signal that has these spectra, by adding up overlapping frames; what is outside the band is missing.
  func samples(count: Int) -> [Float] {
    let frame = Thresholds.coherenceFrame
    let transform = FourierTransform.of(size: frame)
    let (spectrum, time) = (AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Float>(frame))
    // The inverse is not normalised, and Hann windows add up to half of their number in a frame.
    let scale = 2 * Float(hop) / Float(frame) / Float(frame)
    var samples = [Float](repeating: 0, count: max(count, (frames - 1) * hop + frame))
    samples.withUnsafeMutableBufferPointer { samples in
      values.withUnsafeBufferPointer { values in
        guard let out = samples.baseAddress, let source = values.baseAddress else { return }
        var index = 0
        while index < frames {
          spectrum.zero()
          (spectrum.pointer + Self.low).update(from: source + index * bins, count: bins)
          transform.inverse(spectrum, time)
          var i = 0
          while i < frame {
            out[index * hop + i] += time.pointer[i] * scale
            i += 1
          }
          index += 1
        }
      }
    }
    return samples
  }
}
