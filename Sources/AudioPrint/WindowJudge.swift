/// What the windows of one run tell the next ones: where sources were last. It saves searching, and decides nothing.
final class SearchMemory {
  /// Where the sources of the last window lie.
  var places: [Placement] = []
  /// By how many samples the original, and the dubbed fragments, were last late.
  private var lags: [Bool: Double] = [:]

  func lag(isOriginal: Bool) -> Double { lags[isOriginal] ?? 0 }
  func remember(lag: Double, isOriginal: Bool) { lags[isOriginal] = lag }
}

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
  let output: Waveform
  let start: Double
  let end: Double
  let first: Int
  let count: Int
  let level: Double
  private let memory: SearchMemory
  /// Whether the places come from longer windows, which leaves less to be proven here.
  let isConfirmed: Bool
  /// Where candidates are known to lie already; nil: they are searched for.
  private let places: [Placement]?
  let samples: [Float]
  let spectra: BandSpectra
  private let search: DelaySearch
  /// From one coherence frame to the next: in a long window the denser frames would add nothing but time.
  let hop: Int

  init(
    attributor: Attributor, output: Waveform, start: Double, end: Double, memory: SearchMemory,
    places: [Placement]? = nil, isConfirmed: Bool = false
  ) {
    let rate = Double(Thresholds.sampleRate)
    // Beyond a day of audio a time is a mistake of the caller's; the clamp keeps it from trapping in the conversion.
    let bounds = -86_400.0...max(86_400, output.duration)
    let (from, to) = (start.isNaN ? 0 : start.clamped(to: bounds), end.isNaN ? 0 : end.clamped(to: bounds))
    self.attributor = attributor
    self.output = output
    self.start = start
    self.end = end
    self.memory = memory
    self.places = places
    self.isConfirmed = isConfirmed
    first = max(0, Int((from * rate).rounded()))
    count = max(0, min(output.samples.count, Int((to * rate).rounded())) - first)
    samples = count > 0 ? Array(output.samples[first..<first + count]) : []
    search = DelaySearch(samples[...])
    level = output.level(from: first, count: count)
    hop = Thresholds.coherenceHop * (Double(count) < Thresholds.longWindow * rate ? 1 : 2)
    spectra = output.samples.withUnsafeBufferPointer { [first, count, hop] in
      BandSpectra($0, start: first, count: count, hop: hop)
    }
  }

  func judge() -> WindowAttribution { judgeWithPlacements().attribution }

  /// The verdict, and where the candidates that it names lie.
  func judgeWithPlacements() -> (attribution: WindowAttribution, places: [Placement]) {
    guard level >= Thresholds.silence else { return (silent(), []) }
    guard Double(count) >= Thresholds.shortestWindow * Double(Thresholds.sampleRate) else {
      return (Verdict(judge: self, fits: []).attribution(), [])
    }
    let fits = places.map(self.fits(at:)) ?? self.fits()
    var (attribution, named) = Verdict(judge: self, fits: fits).attributionWithFits()
    if places == nil, attribution.attribution == .passthrough, let winner = named.first {
      let more = fitsInRest(after: winner)
      if !more.isEmpty { (attribution, named) = Verdict(judge: self, fits: fits + more).attributionWithFits() }
    }
    let places = named.map { Placement(candidate: $0.candidate, position: Double(first) - $0.offset) }
    remember(named, places)
    return (attribution, places)
  }

  private func remember(_ fits: [Fit], _ places: [Placement]) {
    memory.places = places
    for fit in fits {
      let lag = lag(fit)
      guard abs(lag) <= attributor.options.searchRange else { continue }
      memory.remember(lag: lag * Double(Thresholds.sampleRate), isOriginal: isOriginal(fit.candidate))
    }
  }

  func isOriginal(_ candidate: Int) -> Bool { attributor.candidates[candidate].isOriginal }

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

  /// The best fit of every candidate that comes into question: quick guesses first, which settle most windows.
  private func fits() -> [Fit] {
    let expected = attributor.candidates.indices.filter { isOriginal($0) || isExpected($0) }
    var fits: [Fit] = []
    for place in likelyPlaces(expected) {
      Self.keep(atPlace(place), in: &fits)
      if fits.contains(where: { isComplete($0) && isOriginal($0.candidate) }) { return fits }
    }
    var ranked: [(candidate: Int, peak: EnvelopeCorrelation.Peak)]?
    if let excerpt = LoudestPart(samples) {
      let isDubbed = fits.contains(where: isComplete)
      for candidate in expected where (isOriginal(candidate) || !isDubbed) && !isCertain(candidate, in: fits) {
        Self.keep(
          fit(candidate, near: expectedOffset(candidate), radius: expectedRadius, hearing: excerpt), in: &fits)
      }
      if fits.contains(where: isComplete) { return fits }
      if !fits.contains(where: isCertain) {
        let places = rankedByEnvelope()
        for place in places.prefix(2) {
          Self.keep(fit(place.candidate, near: place.peak.offset, radius: peakRadius, hearing: excerpt), in: &fits)
        }
        if fits.contains(where: isComplete) { return fits }
        ranked = places
      }
    }
    // A search of the whole window in the sample domain hears a source 18 dB under another one, which an envelope does not.
    for candidate in expected where !isCertain(candidate, in: fits) {
      Self.keep(fit(candidate, near: expectedOffset(candidate), radius: expectedRadius), in: &fits)
    }
    if fits.contains(where: isCertain) { return fits }
    let shortlist = ranked ?? rankedByEnvelope()
    let originals = shortlist.dropFirst(Thresholds.shortlist).filter { isOriginal($0.candidate) }
    for place in shortlist.prefix(Thresholds.shortlist) + originals {
      Self.keep(fit(place.candidate, near: place.peak.offset, radius: peakRadius), in: &fits)
    }
    return fits
  }

  private func isCertain(_ fit: Fit) -> Bool { fit.coherence >= Thresholds.certain }
  private func isCertain(_ candidate: Int, in fits: [Fit]) -> Bool {
    fits.contains { $0.candidate == candidate && isCertain($0) }
  }

  /// Nothing that can be heard is left for another source.
  private func isComplete(_ fit: Fit) -> Bool { fit.coherence >= Thresholds.complete }

  /// Keeps the better fit of each place of a candidate. Of a source far below another one the right place explains less of the window than
  /// a wrong one may by chance; which it is shows only in what the other one leaves over.
  private static func keep(_ fit: Fit?, in fits: inout [Fit]) {
    guard let fit else { return }
    let known = fits.firstIndex {
      $0.candidate == fit.candidate && abs($0.offset - fit.offset) <= Double(Placement.tolerance) / 4
    }
    guard let known else { return fits.append(fit) }
    if fit.coherence > fits[known].coherence { fits[known] = fit }
  }

  // MARK: Places

  /// Where the sources of the last window would go on, and where the expected ones lie if they are as late as those before them were.
  private func likelyPlaces(_ expected: [Int]) -> [Placement] {
    let going = memory.places
    let coming = expected.filter { candidate in !going.contains { $0.candidate == candidate } }.map {
      Placement(
        candidate: $0,
        position: Double(first - expectedOffset($0)) + memory.lag(isOriginal: isOriginal($0)))
    }
    return (going + coming).filter { place in
      let start = Double(first) - place.position
      let end = min(start + Double(count), Double(attributor.prepared[place.candidate].samples.count))
      return 2 * (end - max(0, start)) >= Double(count)
    }.sorted { isOriginal($0.candidate) && !isOriginal($1.candidate) }
  }

  /// The fits at known places, corrected by up to 20 ms.
  private func fits(at places: [Placement]) -> [Fit] {
    places.compactMap { fit($0.candidate, near: first - Int($0.position.rounded()), radius: Placement.tolerance) }
  }

  /// Whether the window overlaps the place where the candidate is expected, give or take the search range.
  func isExpected(_ candidate: Int) -> Bool {
    guard let place = attributor.candidates[candidate].expectedStart else { return false }
    let range = attributor.options.searchRange
    return place - range < end && place + attributor.prepared[candidate].duration + range > start
  }

  /// Candidate sample that would lie under the window's first sample if the lag were 0.
  private func expectedOffset(_ candidate: Int) -> Int {
    first - Int(((attributor.candidates[candidate].expectedStart ?? 0) * Double(Thresholds.sampleRate)).rounded())
  }

  private var expectedRadius: Int { max(1, Int(attributor.options.searchRange * Double(Thresholds.sampleRate))) }

  /// The part of a span of offsets in which the candidate counts; nil if there is none.
  func allowed(_ candidate: Int, _ centre: Int, _ radius: Int) -> (centre: Int, radius: Int)? {
    guard attributor.options.isBounded, attributor.candidates[candidate].expectedStart != nil else {
      return (centre, radius)
    }
    // A millisecond more: delays have fractions of samples, and so have the lags that are printed.
    let (middle, reach) = (expectedOffset(candidate), expectedRadius + Thresholds.sampleRate / 1000)
    let (first, last) = (max(centre - radius, middle - reach), min(centre + radius, middle + reach))
    return first <= last ? ((first + last) / 2, (last - first + 1) / 2) : nil
  }

  /// The frame grids differ by up to a hop, and peaks of an envelope are a few hops wide.
  var peakRadius: Int { 6 * Thresholds.envelopeHop }

  /// Candidates, those whose envelopes fit best first, with the candidate sample under the window's first.
  ///
  /// - Parameters:
  ///   - samples: the window's, or what is left of them after a source was taken away.
  ///   - candidates: those that come into question; nil for all.
  func rankedByEnvelope(
    _ samples: [Float]? = nil, among candidates: [Int]? = nil
  ) -> [(candidate: Int, peak: EnvelopeCorrelation.Peak)] {
    let samples = samples ?? self.samples
    let mel = samples.withUnsafeBufferPointer { MelSpectrogram($0) }
    guard mel.frames >= 8 else { return [] }
    let envelope = mel.envelope(of: 0..<mel.frames)
    var windowSpectra: [Int: EnvelopeCorrelation.Spectra] = [:]
    var places: [(candidate: Int, peak: EnvelopeCorrelation.Peak)] = []
    for candidate in candidates ?? Array(attributor.candidates.indices) {
      let range = searchedFrames(candidate)
      let size = EnvelopeCorrelation.size(mel.frames, range.count)
      let window = windowSpectra[size] ?? EnvelopeCorrelation.Spectra(envelope, size: size)
      windowSpectra[size] = window
      let theirs = attributor.bank.spectra(candidate, of: attributor.prepared[candidate], range: range, size: size)
      guard var peak = EnvelopeCorrelation.peak(window: window, candidate: theirs) else { continue }
      peak.offset = (peak.offset + range.lowerBound) * Thresholds.envelopeHop
      places.append((candidate, peak))
    }
    return places.sorted { $0.peak.score > $1.peak.score }
  }

  private func searchedFrames(_ candidate: Int) -> Range<Int> {
    let clip = attributor.prepared[candidate]
    guard clip.duration > 60 || attributor.options.isBounded else { return 0..<clip.mel.frames }
    let reach = Int(attributor.options.wideSearchRange * MelSpectrogram.framesPerSecond)
    let centre = expectedOffset(candidate) / Thresholds.envelopeHop
    let from = (centre - reach).clamped(to: 0...clip.mel.frames)
    return from..<(centre + count / Thresholds.envelopeHop + reach).clamped(to: from...clip.mel.frames)
  }

  // MARK: Fits

  /// The fit near a candidate sample under the window's first; the delay is that of the excerpt, if there is one.
  private func fit(_ candidate: Int, near centre: Int, radius: Int, hearing excerpt: LoudestPart? = nil) -> Fit? {
    let begin = excerpt?.start ?? 0
    guard let (centre, radius) = allowed(candidate, centre, radius) else { return nil }
    let delay = attributor.prepared[candidate].samples.withUnsafeBufferPointer {
      (excerpt?.search ?? search).delay(in: $0, centre: centre + begin, radius: radius)
    }
    return delay.flatMap { delay in
      let offset = delay - Double(begin)
      return compared(candidate, at: Int(offset.rounded())).map {
        Fit(candidate: candidate, offset: offset, coherence: $0.coherence, spectra: $0.spectra)
      }
    }
  }

  /// The fit at a place that is known to some samples; the rest of the delay is in the phases.
  private func atPlace(_ place: Placement) -> Fit? {
    let offset = first - Int(place.position.rounded())
    return compared(place.candidate, at: offset).map {
      let isPrecise = $0.coherence >= 0.9 && abs($0.delay) <= 10
      return Fit(
        candidate: place.candidate, offset: Double(offset) - (isPrecise ? $0.delay : 0), coherence: $0.coherence,
        spectra: $0.spectra)
    }
  }

  func compared(_ candidate: Int, at offset: Int) -> (coherence: Double, delay: Double, spectra: BandSpectra)? {
    let clip = attributor.prepared[candidate]
    guard clip.waveform.level(from: offset, count: count) >= Thresholds.silence else { return nil }
    let there = clip.samples.withUnsafeBufferPointer { BandSpectra($0, start: offset, count: count, hop: hop) }
    let (coherence, delay) = spectra.comparison(with: there)
    return (coherence, delay, there)
  }
}

/// The second of a window that holds most energy: enough to find a lag at which nothing is left, at a sixth of the cost.
private struct LoudestPart {
  let start: Int
  let search: DelaySearch

  private static let length = Thresholds.sampleRate
  /// Below this a window is searched whole at once.
  private static let shortest = 2 * length

  init?(_ samples: [Float]) {
    guard samples.count >= Self.shortest else { return nil }
    let step = Self.length / 4
    let energies = samples.withUnsafeBufferPointer { samples in
      (0..<samples.count / step).map { Vector.energy(samples.baseAddress! + $0 * step, step) }
    }
    let best = (0...energies.count - 4).max { energies[$0..<$0 + 4].reduce(0, +) < energies[$1..<$1 + 4].reduce(0, +) }
    start = (best ?? 0) * step
    search = DelaySearch(samples[start..<start + Self.length])
  }
}
