/// Says, for each window of an output, which of the candidates explains it, at which lag, and how surely.
///
/// Positive identification: a class is given only if a candidate explains the window's waveform. The steps are an envelope
/// correlation over all lags of all candidates (after Haitsma & Kalker 2002), a GCC-PHAT delay to the sample (Knapp & Carter
/// 1976) and magnitude-squared coherence there (Carter 1987), which alone decides. Candidates that are silent where they would have to
/// explain something cannot win, and the original wins ties.
public struct Attributor: Sendable {
  public let candidates: [Candidate]
  public let options: AttributionOptions
  let prepared: [PreparedClip]

  /// Prepares the candidates once, for any number of outputs.
  public init(candidates: [Candidate], options: AttributionOptions = .init()) {
    self.candidates = candidates
    self.options = options
    prepared = candidates.map { PreparedClip($0.clip) }
  }

  /// For a part of candidates that are prepared already.
  init(candidates: [Candidate], options: AttributionOptions = .init(), prepared: [PreparedClip]) {
    self.candidates = candidates
    self.options = options
    self.prepared = prepared
  }

  /// Attributes given windows of the output, in the order given.
  ///
  /// - Parameters:
  ///   - output: what was recorded; its first sample is time 0 of every time here.
  ///   - windows: start and end in seconds. Parts beyond the output count as silence. Below 1 s a verdict needs near-certainty.
  public func attribute(_ output: AudioClip, windows: [(start: Double, end: Double)]) -> [WindowAttribution] {
    let output = PreparedClip(output)
    let spectra = SpectraCache()
    return windows.map {
      WindowJudge(attributor: self, output: output, start: $0.start, end: $0.end, cache: spectra).judge()
    }
  }

  /// Divides the output into segments without knowing where they should be; together they cover it without gaps.
  ///
  /// Sources are found in windows of 3 s, so one that is heard for less than about 1.5 s may be missed and is then `unknown`. Edges
  /// are found to about 30 ms where sound changes; in a pause they are put where a fragment begins or ends.
  public func segments(_ output: AudioClip) -> [WindowAttribution] {
    Segmentation(attributor: self, output: PreparedClip(output)).segments()
  }
}

/// The candidates' envelope spectra of one run, by candidate, span and FFT size.
final class SpectraCache {
  private struct Key: Hashable {
    var candidate: Int
    var range: Range<Int>
    var size: Int
  }
  private var spectra: [Key: EnvelopeCorrelation.Spectra] = [:]
  /// Bounds memory for long originals, of which every window needs another span: about 100 kB each for 6 s fragments.
  private static let limit = 512

  func spectra(_ candidate: Int, _ clip: PreparedClip, range: Range<Int>, size: Int) -> EnvelopeCorrelation.Spectra {
    let key = Key(candidate: candidate, range: range, size: size)
    if let known = spectra[key] { return known }
    if spectra.count >= Self.limit { spectra.removeAll() }
    let made = EnvelopeCorrelation.Spectra(clip.mel.envelope(of: range), size: size)
    spectra[key] = made
    return made
  }
}
