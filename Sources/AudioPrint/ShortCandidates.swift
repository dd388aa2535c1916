/// Looks for short candidates as wholes: fragments of 1.5 s that are played end to end fill no window that is looked at, and what is beside
/// them in it is another fragment.
///
/// Each is found in the output by its envelope, placed to the sample by GCC-PHAT, and counts if it is coherent with what is there from its
/// first sample to its last.
struct ShortCandidates {
  let attributor: Attributor
  let output: Waveform
  private let short: [Int]

  /// Candidates below this, in seconds, may be missed by windows of 3 s; below the other no place is certain.
  private static let (longest, shortest) = (4.0, 0.999)

  init(attributor: Attributor, output: Waveform) {
    self.attributor = attributor
    self.output = output
    short = attributor.candidates.indices.filter {
      !attributor.candidates[$0].isOriginal && (Self.shortest..<Self.longest).contains(attributor.prepared[$0].duration)
    }
  }

  /// The places of candidates that lie whole in the output and overlap a stretch of it, given in samples.
  func places(overlapping stretch: Range<Int>) -> [Placement] {
    guard !short.isEmpty else { return [] }
    return Set(short.map { attributor.prepared[$0].samples.count }).sorted().flatMap { length in
      places(overlapping: stretch, of: short.filter { attributor.prepared[$0].samples.count == length }, length)
    }
  }

  private func places(overlapping stretch: Range<Int>, of candidates: [Int], _ length: Int) -> [Placement] {
    // What is looked at begins and ends so that a whole candidate just touches the stretch.
    let (first, last) = (max(0, stretch.lowerBound - length), min(output.samples.count, stretch.upperBound + length))
    guard last - first >= length else { return [] }
    let mel = output.samples.withUnsafeBufferPointer { MelSpectrogram(UnsafeBufferPointer(rebasing: $0[first..<last])) }
    guard mel.frames >= 8 else { return [] }
    let envelope = mel.envelope(of: 0..<mel.frames)
    let frames = attributor.prepared[candidates[0]].mel.frames
    let size = EnvelopeCorrelation.size(frames, mel.frames)
    let there = EnvelopeCorrelation.Spectra(envelope, size: size)
    let ranked = candidates.compactMap { candidate -> (candidate: Int, peak: EnvelopeCorrelation.Peak)? in
      let clip = attributor.prepared[candidate]
      let ours = attributor.bank.spectra(candidate, of: clip, range: 0..<clip.mel.frames, size: size)
      return EnvelopeCorrelation.peak(window: ours, candidate: there).map { (candidate, $0) }
    }.sorted { $0.peak.score > $1.peak.score }
    return ranked.prefix(2 * Thresholds.shortlist).compactMap { place in
      verified(place.candidate, near: first + place.peak.offset * Thresholds.envelopeHop)
    }
  }

  /// The place to the sample, if the whole candidate is coherent with what is there.
  private func verified(_ candidate: Int, near position: Int) -> Placement? {
    let clip = attributor.prepared[candidate].samples
    let radius = 6 * Thresholds.envelopeHop
    let delay = output.samples.withUnsafeBufferPointer {
      DelaySearch(clip[...]).delay(in: $0, centre: position, radius: radius)
    }
    guard let delay else { return nil }
    let start = Int(delay.rounded())
    guard output.level(from: start, count: clip.count) >= Thresholds.silence else { return nil }
    let coherence = clip.withUnsafeBufferPointer { ours in
      output.samples.withUnsafeBufferPointer { theirs in
        BandSpectra(theirs, start: start, count: clip.count).coherence(
          with: BandSpectra(ours, start: 0, count: clip.count))
      }
    }
    let isLong = Double(clip.count) >= Thresholds.surelyLong * Double(Thresholds.sampleRate)
    guard coherence >= (isLong ? Thresholds.explained : Thresholds.explainedShort) else { return nil }
    return Placement(candidate: candidate, position: delay)
  }
}
