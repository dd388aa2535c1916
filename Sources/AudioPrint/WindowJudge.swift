/// Judges one window of an output against all candidates of an attributor.
struct WindowJudge {
  /// A candidate at one place, and how much of the window it explains there.
  struct Fit {
    var candidate: Int
    /// Candidate sample under the window's first sample.
    var offset: Double
    var coherence: Double
    var spectra: BandSpectra
  }

  let attributor: Attributor
  let output: PreparedClip
  let start: Double
  let end: Double
  let first: Int
  let count: Int
  let level: Double
  private let cache: SpectraCache
  /// Where candidates are known to lie already; nil: they are searched for.
  private let places: [Placement]?
  private let samples: [Float]
  private let spectra: BandSpectra

  init(
    attributor: Attributor, output: PreparedClip, start: Double, end: Double, cache: SpectraCache,
    places: [Placement]? = nil
  ) {
    let rate = Double(Thresholds.sampleRate)
    // Beyond a day of audio a time is a mistake of the caller's; the clamp keeps it from trapping in the conversion.
    let bounds = -86_400.0...max(86_400, output.duration)
    let (from, to) = (start.isNaN ? 0 : start.clamped(to: bounds), end.isNaN ? 0 : end.clamped(to: bounds))
    self.attributor = attributor
    self.output = output
    self.start = start
    self.end = end
    self.cache = cache
    self.places = places
    first = max(0, Int((from * rate).rounded()))
    count = max(0, min(output.samples.count, Int((to * rate).rounded())) - first)
    samples = count > 0 ? Array(output.samples[first..<first + count]) : []
    level = output.level(from: first, count: count)
    spectra = output.samples.withUnsafeBufferPointer { [first, count] in BandSpectra($0, start: first, count: count) }
  }

  func judge() -> WindowAttribution { judgeWithPlacements().attribution }

  /// The verdict, and where the candidates that it names lie.
  func judgeWithPlacements() -> (attribution: WindowAttribution, places: [Placement]) {
    guard level >= Thresholds.silence else { return (silent(), []) }
    guard Double(count) >= Thresholds.shortestWindow * Double(Thresholds.sampleRate) else {
      return (Verdict(judge: self, original: nil, dubbed: nil).attribution(), [])
    }
    let fits = places.map(self.fits(at:)) ?? self.fits()
    let original = fits.filter { attributor.candidates[$0.candidate].isOriginal }.max { $0.coherence < $1.coherence }
    let dubbed = fits.filter { !attributor.candidates[$0.candidate].isOriginal }.max { $0.coherence < $1.coherence }
    let attribution = Verdict(judge: self, original: original, dubbed: dubbed).attribution()
    let named = [original, dubbed].compactMap(\.self).filter {
      $0.candidate == attribution.candidateIndex || $0.candidate == attribution.secondCandidateIndex
    }
    return (attribution, named.map { Placement(candidate: $0.candidate, position: Double(first) - $0.offset) })
  }

  func silent() -> WindowAttribution {
    let margin = level.isFinite ? (Thresholds.inaudible - level) / (Thresholds.inaudible - Thresholds.silence) : 1
    return WindowAttribution(
      start: start, end: end, attribution: .silent, candidateIndex: nil, secondCandidateIndex: nil, lagSeconds: 0,
      coherence: 0, originalCoherence: 0, secondCoherence: 0, level: level, residualLevel: level,
      confidence: margin.clamped(to: 0...1))
  }

  /// Seconds of output time at which the candidate's sample 0 lies, less where it was expected.
  func lag(_ fit: Fit) -> Double {
    (Double(first) - fit.offset) / Double(Thresholds.sampleRate)
      - (attributor.candidates[fit.candidate].expectedStart ?? 0)
  }

  /// How much of what `fit` leaves over the other source explains, and how much that is of the whole.
  func second(_ other: Fit, after fit: Fit) -> (partial: Double, share: Double) {
    // An echo's "dubbed" audio is the original: nothing is left of it that could be a second source.
    let rest = other.spectra.residual(after: fit.spectra)
    guard rest.energy > 0.02 * other.spectra.energy else { return (0, 0) }
    let left = spectra.residual(after: fit.spectra)
    let partial = left.coherence(with: rest)
    return (partial, partial * Double(left.energy / max(spectra.energy, 1e-20)))
  }

  // MARK: Search

  /// The best fit of every candidate that comes into question.
  private func fits() -> [Fit] {
    let expected = attributor.candidates.indices.filter { attributor.candidates[$0].isOriginal || isExpected($0) }
    var fits = expected.compactMap { atExpectedPlace($0) }
    if fits.contains(where: { $0.coherence >= Thresholds.certain }) { return fits }
    for fit in anywhere() {
      if let known = fits.firstIndex(where: { $0.candidate == fit.candidate }) {
        if fit.coherence > fits[known].coherence { fits[known] = fit }
      } else {
        fits.append(fit)
      }
    }
    return fits
  }

  /// The fits at known places, corrected by up to 20 ms.
  private func fits(at places: [Placement]) -> [Fit] {
    places.compactMap { refine($0.candidate, centre: first - Int($0.position.rounded()), radius: Placement.tolerance) }
  }

  /// Whether the window overlaps the place where the candidate is expected, give or take the search range.
  private func isExpected(_ candidate: Int) -> Bool {
    guard let place = attributor.candidates[candidate].expectedStart else { return false }
    let range = attributor.options.searchRange
    return place - range < end && place + attributor.prepared[candidate].duration + range > start
  }

  /// Candidate sample that would lie under the window's first sample if the lag were 0.
  private func expectedOffset(_ candidate: Int) -> Int {
    first - Int(((attributor.candidates[candidate].expectedStart ?? 0) * Double(Thresholds.sampleRate)).rounded())
  }

  /// A sample-domain search around the expected place. It hears a source 18 dB under another one, which an envelope does not.
  private func atExpectedPlace(_ candidate: Int) -> Fit? {
    let radius = Int(attributor.options.searchRange * Double(Thresholds.sampleRate))
    return refine(candidate, centre: expectedOffset(candidate), radius: max(1, radius))
  }

  /// The candidates whose envelopes fit best, wherever that is.
  private func anywhere() -> [Fit] {
    let frames = output.frames(from: first, count: count)
    guard frames.count >= 8 else { return [] }
    let envelope = output.mel.envelope(of: frames)
    var windowSpectra: [Int: EnvelopeCorrelation.Spectra] = [:]
    var places: [(candidate: Int, peak: EnvelopeCorrelation.Peak)] = []
    for candidate in attributor.candidates.indices {
      let range = searchedFrames(candidate)
      let size = EnvelopeCorrelation.size(frames.count, range.count)
      let window = windowSpectra[size] ?? EnvelopeCorrelation.Spectra(envelope, size: size)
      windowSpectra[size] = window
      let theirs = cache.spectra(candidate, attributor.prepared[candidate], range: range, size: size)
      let peaks = EnvelopeCorrelation.peaks(window: window, candidate: theirs, preferred: nil)
      guard var peak = peaks.best else { continue }
      peak.offset += range.lowerBound
      places.append((candidate, peak))
    }
    places.sort { $0.peak.score > $1.peak.score }
    let originals = places.dropFirst(Thresholds.shortlist).filter { attributor.candidates[$0.candidate].isOriginal }
    return (places.prefix(Thresholds.shortlist) + originals).compactMap {
      // The frame grids differ by up to a hop, and peaks of an envelope are a few hops wide.
      let inFrame = first - frames.lowerBound * Thresholds.envelopeHop
      return refine(
        $0.candidate, centre: $0.peak.offset * Thresholds.envelopeHop + inFrame, radius: 6 * Thresholds.envelopeHop)
    }
  }

  private func searchedFrames(_ candidate: Int) -> Range<Int> {
    let clip = attributor.prepared[candidate]
    guard clip.duration > 60 else { return 0..<clip.mel.frames }
    let reach = Int(attributor.options.wideSearchRange * MelSpectrogram.framesPerSecond)
    let centre = expectedOffset(candidate) / Thresholds.envelopeHop
    let from = (centre - reach).clamped(to: 0...clip.mel.frames)
    return from..<(centre + count / Thresholds.envelopeHop + reach).clamped(to: from...clip.mel.frames)
  }

  private func refine(_ candidate: Int, centre: Int, radius: Int) -> Fit? {
    let clip = attributor.prepared[candidate]
    return clip.samples.withUnsafeBufferPointer { theirs -> Fit? in
      let delay = samples.withUnsafeBufferPointer {
        DelayEstimation.delay(of: $0, in: theirs, centre: centre, radius: radius)
      }
      guard let delay else { return nil }
      let offset = Int(delay.offset.rounded())
      guard clip.level(from: offset, count: count) >= Thresholds.silence else { return nil }
      let there = BandSpectra(theirs, start: offset, count: count)
      return Fit(
        candidate: candidate, offset: delay.offset, coherence: spectra.coherence(with: there), spectra: there)
    }
  }
}
