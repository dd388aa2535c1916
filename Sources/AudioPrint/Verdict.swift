/// The class of a window from the fits of the original and of the dubbed fragments.
struct Verdict {
  let judge: WindowJudge
  private let original: WindowJudge.Fit?
  private let dubbed: WindowJudge.Fit?
  private let fits: [WindowJudge.Fit]

  init(judge: WindowJudge, fits: [WindowJudge.Fit]) {
    self.judge = judge
    self.fits = fits
    original = fits.filter { judge.isOriginal($0.candidate) }.max { $0.coherence < $1.coherence }
    dubbed = fits.filter { !judge.isOriginal($0.candidate) }.max { $0.coherence < $1.coherence }
  }

  func attribution() -> WindowAttribution { attributionWithFits().attribution }

  /// The class, and the fits of the sources that it names.
  func attributionWithFits() -> (attribution: WindowAttribution, named: [WindowJudge.Fit]) {
    let (theirs, ours) = (dubbed?.coherence ?? 0, original?.coherence ?? 0)
    let originalWins = ours + Thresholds.tie >= theirs
    guard let winner = originalWins ? original ?? dubbed : dubbed else { return (nothing(), []) }
    var rest = (partial: 0.0, share: 0.0)
    if winner.coherence < Thresholds.complete, let second = second(after: winner) {
      rest = (second.partial, second.share)
      if let mixed = mixture(winner, second.fit, rest) { return (mixed, [winner, second.fit]) }
    }
    guard winner.coherence >= threshold else { return (nothing(), []) }
    let rivalry = originalWins ? 1 : ((theirs - ours) / 0.2).clamped(to: 0...1)
    let found = result(
      classify(winner), winner: winner, second: nil, partial: rest.partial, explained: winner.coherence,
      confidence: margin(winner.coherence) * rivalry)
    return (found, [winner])
  }

  /// Of the other kind of source, the fit that explains most of what the winner leaves over: a source far below the winner explains less of
  /// the whole window than a wrong one does by chance, and more candidates have more of such chances.
  private func second(
    after winner: WindowJudge.Fit
  ) -> (fit: WindowJudge.Fit, partial: Double, share: Double)? {
    let isOriginal = judge.isOriginal(winner.candidate)
    return fits.filter { judge.isOriginal($0.candidate) != isOriginal }.map { fit in
      let (partial, share) = judge.second(fit, after: winner)
      return (fit: fit, partial: partial, share: share)
    }.max { $0.partial < $1.partial }
  }

  /// A short window has few degrees of freedom, and may hold nothing but a word that several fragments share.
  private var threshold: Double {
    let seconds = min(judge.end - judge.start, Double(judge.count) / Double(Thresholds.sampleRate))
    switch seconds {
    case ..<0.999: return judge.isConfirmed ? Thresholds.explainedShort : Thresholds.explainedShortest
    case ..<Thresholds.surelyLong: return judge.isConfirmed ? Thresholds.explained : Thresholds.explainedShort
    default: return Thresholds.explained
    }
  }

  private func classify(_ fit: WindowJudge.Fit) -> SegmentClass {
    switch judge.attributor.candidates[fit.candidate].role {
    case .original: .passthrough
    case .dubbed(let fragment): .dubbed(fragment)
    }
  }

  /// Mixed, if the second source is in what the first one leaves over, loud enough to be heard, and both together explain the window.
  private func mixture(
    _ first: WindowJudge.Fit, _ second: WindowJudge.Fit, _ rest: (partial: Double, share: Double)
  ) -> WindowAttribution? {
    let (partial, share) = rest
    let together = min(1, first.coherence + share)
    guard partial >= Thresholds.presentPartial, share >= Thresholds.audibleShare, together >= threshold else {
      return nil
    }
    let certainty = ((partial - Thresholds.presentPartial) / 0.4 + 0.3).clamped(to: 0...1)
    return result(
      .mixed, winner: first, second: second, partial: partial, explained: together,
      confidence: certainty * margin(together))
  }

  private func nothing() -> WindowAttribution {
    let best = max(original?.coherence ?? 0, dubbed?.coherence ?? 0)
    var result = judge.silent()
    if judge.level >= Thresholds.inaudible {
      result.attribution = .unknown
      result.confidence = (1 - best / threshold).clamped(to: 0...1)
    }
    result.coherence = best
    result.originalCoherence = original?.coherence ?? 0
    return result
  }

  /// 0 at the threshold, 1 half-way from there to full coherence.
  private func margin(_ coherence: Double) -> Double {
    (0.2 + 0.8 * (coherence - threshold) / (0.5 * (1 - threshold))).clamped(to: 0...1)
  }

  private func result(
    _ attribution: SegmentClass, winner: WindowJudge.Fit, second: WindowJudge.Fit?, partial: Double, explained: Double,
    confidence: Double
  ) -> WindowAttribution {
    WindowAttribution(
      start: judge.start, end: judge.end, attribution: attribution, candidateIndex: winner.candidate,
      secondCandidateIndex: second?.candidate, lagSeconds: judge.lag(winner), coherence: winner.coherence,
      originalCoherence: original?.coherence ?? 0, secondCoherence: partial, level: judge.level,
      residualLevel: judge.level + decibels(power: max(1e-9, 1 - explained)), confidence: confidence)
  }
}
