/// Whether a part that nothing explains is a pause of the source beside it: what a coder makes of the noise in a pause is like no noise
/// that was there, and nobody hears the difference.
struct Pause {
  let attributor: Attributor
  let output: Waveform

  /// Least difference to the level of the sound beside it, and how far the level may be from what the source has there, in dB.
  private static let (below, louder, quieter) = (15.0, 8.0, 15.0)

  /// Gives pauses to the sources that they are in. Parts must be in order of time.
  ///
  /// - Parameter joins: whether a part that is given to a source becomes one with what is beside it.
  func assigned(_ parts: [WindowAttribution], joins: Bool) -> [WindowAttribution] {
    var found: [WindowAttribution] = []
    for (index, part) in parts.enumerated() {
      let left = found.last
      let source = part.attribution == .unknown ? source(of: part, at: index, parts, found) : nil
      let next = source.map { named(part, $0) } ?? part
      // What was the same before is apart for a reason, such as a lag that jumped.
      let wasUnknown = index > 0 && parts[index - 1].attribution == .unknown
      if joins, let left, source != nil || wasUnknown, isSame(left, next) {
        // The figures are those of the sound, not of a pause, which may be longer.
        var joined = left.coherence >= next.coherence ? left : next
        (joined.start, joined.end) = (left.start, next.end)
        found[found.count - 1] = joined
      } else {
        found.append(next)
      }
    }
    return found
  }

  /// The part that an unknown one belongs to: the nearest on either side that is not silent, if they are the same.
  private func source(
    of part: WindowAttribution, at index: Int, _ parts: [WindowAttribution], _ found: [WindowAttribution]
  ) -> WindowAttribution? {
    let next = parts[(index + 1)...]
    // At an end of the output there may be less than can be told from anything.
    if found.isEmpty || next.isEmpty, part.end - part.start < Thresholds.shortestWindow {
      return found.last ?? next.first
    }
    let left = found.last { $0.attribution != .silent }
    let right = next.first { $0.attribution != .silent }
    guard let beside = left ?? right else { return nil }
    if let left, let right { guard isSame(left, right) else { return nil } }
    return isPause(part, of: beside) ? beside : nil
  }

  private func isSame(_ one: WindowAttribution, _ other: WindowAttribution) -> Bool {
    one.attribution == other.attribution && one.candidateIndex == other.candidateIndex
      && abs(one.lagSeconds - other.lagSeconds) < 0.02 && one.speedRatio == other.speedRatio
  }

  private func isPause(_ part: WindowAttribution, of beside: WindowAttribution) -> Bool {
    guard let candidate = beside.candidateIndex, beside.attribution != .mixed, beside.speedRatio == 1,
      part.level <= beside.level - Self.below
    else { return false }
    let clip = attributor.prepared[candidate].waveform
    let position = beside.lagSeconds + (attributor.candidates[candidate].expectedStart ?? 0)
    func level(_ part: WindowAttribution) -> Double {
      let rate = Double(Thresholds.sampleRate)
      return clip.level(
        from: Int(((part.start - position) * rate).rounded()), count: Int(((part.end - part.start) * rate).rounded()))
    }
    let expected = level(part) + beside.level - level(beside)
    return part.level <= expected + Self.louder && part.level >= expected - Self.quieter
  }

  private func named(_ part: WindowAttribution, _ source: WindowAttribution) -> WindowAttribution {
    var part = part
    (part.attribution, part.candidateIndex) = (source.attribution, source.candidateIndex)
    part.secondCandidateIndex = source.secondCandidateIndex
    (part.lagSeconds, part.speedRatio) = (source.lagSeconds, source.speedRatio)
    part.confidence = min(0.3, source.confidence)
    return part
  }
}
