/// Says, for each window of an output, which of the candidates explains it, at which lag, and how surely.
///
/// Positive identification: a class is given only if a candidate explains the window's waveform. The steps are an envelope
/// correlation over all lags of all candidates (after Haitsma & Kalker 2002), a GCC-PHAT delay to the sample (Knapp & Carter
/// 1976) and magnitude-squared coherence there (Carter 1987), which alone decides. Candidates that are silent where they would have to
/// explain something cannot win, and the original wins ties.
public struct Attributor: Sendable {
  /// What may be in the output.
  public let candidates: [Candidate]
  /// How it is looked for.
  public let options: AttributionOptions
  let prepared: [PreparedClip]
  let bank: EnvelopeBank

  /// Prepares the candidates once, for any number of outputs.
  ///
  /// - Parameters:
  ///   - candidates: the sources from which outputs may have been made.
  ///   - options: how they are searched for.
  ///   - other: one that has prepared some of these clips already: that is not done again.
  public init(candidates: [Candidate], options: AttributionOptions = .init(), reusing other: Attributor? = nil) {
    // Beyond a day of audio a time is a mistake of the caller's; what is no number says nothing.
    self.candidates = candidates.map { candidate in
      var known = candidate
      known.expectedStart = candidate.expectedStart.flatMap { $0.isNaN ? nil : $0.clamped(to: -86_400...86_400) }
      return known
    }
    self.options = options.checked
    prepared = candidates.map { candidate in
      let known = other?.candidates.firstIndex { $0.clip == candidate.clip }
      return known.flatMap { other?.prepared[$0] } ?? PreparedClip(candidate.clip)
    }
    bank = EnvelopeBank()
  }

  private init(
    candidates: [Candidate], options: AttributionOptions, prepared: [PreparedClip], bank: EnvelopeBank
  ) {
    (self.candidates, self.options, self.prepared, self.bank) = (candidates, options, prepared, bank)
  }

  /// The same candidates on a timeline that begins at another moment.
  func shifted(by seconds: Double) -> Attributor {
    let moved = candidates.map { candidate in
      var moved = candidate
      moved.expectedStart = candidate.expectedStart.map { $0 + seconds }
      return moved
    }
    return Attributor(candidates: moved, options: options, prepared: prepared, bank: bank)
  }

  /// The same candidates, expected elsewhere.
  func placed(_ starts: [Double?]) -> Attributor {
    let moved = zip(candidates, starts).map { candidate, start in
      var moved = candidate
      moved.expectedStart = start
      return moved
    }
    return Attributor(candidates: moved, options: options, prepared: prepared, bank: bank)
  }

  /// One more candidate before all others, which is part of a stream.
  func preceded(by candidate: Candidate) -> Attributor {
    Attributor(
      candidates: [candidate] + candidates, options: options,
      prepared: [PreparedClip(candidate.clip, isPassing: true)] + prepared,
      bank: EnvelopeBank())
  }

  /// Attributes given windows of the output, in the order given.
  ///
  /// - Parameters:
  ///   - output: what was recorded; its first sample is time 0 of every time here.
  ///   - windows: start and end in seconds. Parts beyond the output count as silence. Those below 3 s are judged together with
  ///     what is around them, and below 1 s a verdict needs near-certainty. Of windows that follow one another a pause belongs to what is
  ///     on both of its sides.
  public func attribute(_ output: AudioClip, windows: [(start: Double, end: Double)]) -> [WindowAttribution] {
    let output = Waveform(output)
    let plain = attributeAtOwnSpeed(output, windows: windows)
    return options.findsSpeed ? OtherSpeed(attributor: self, output: output).windows(windows, plain) : plain
  }

  /// The same with candidates that play as fast as they are.
  func attributeAtOwnSpeed(_ output: Waveform, windows: [(start: Double, end: Double)]) -> [WindowAttribution] {
    let memory = SearchMemory()
    let found = windows.map { start, end in
      if ShortWindow.applies(from: start, to: end) {
        return ShortWindow(attributor: self, output: output, start: start, end: end, memory: memory).judge()
      }
      return WindowJudge(attributor: self, output: output, start: start, end: end, memory: memory).judge()
    }
    // What is beside a window is known only if they follow one another.
    let areInOrder = zip(windows, windows.dropFirst()).allSatisfy { abs($0.end - $1.start) < 0.001 }
    return areInOrder ? Pause(attributor: self, output: output).assigned(found, joins: false) : found
  }

  /// Divides the output into segments without knowing where they should be; together they cover it without gaps.
  ///
  /// Sources are found in windows of 3 s, so one that is heard for less than about 1.5 s may be missed and is then `unknown`; candidates of
  /// 1 s to 4 s are looked for as wholes too, and those from 1.5 s on are found. Edges
  /// are found to about 30 ms where sound changes; in a pause they are put where a fragment begins or ends.
  public func segments(_ output: AudioClip) -> [WindowAttribution] {
    guard output.duration > 1.5 * StreamAttribution.longBlock else {
      return Segmentation(attributor: self, output: Waveform(output)).segments()
    }
    // In blocks, so that time and memory grow with the length and not with its square.
    var blocks = StreamAttribution(
      attributor: self, hasOriginal: false, window: nil, block: StreamAttribution.longBlock)
    return blocks.append(all: Waveform(output).samples)
  }
}
