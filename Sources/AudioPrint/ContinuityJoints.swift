/// What a recording plays around the clips that were found in it.
struct ContinuityJoints {
  let waveform: Waveform
  /// Silence of up to so many seconds between two clips is no break.
  let gap: Double

  private static let rate = Double(Thresholds.sampleRate)
  /// Seconds by which clips may overlap: what codecs and containers round.
  private static let overlap = 0.008
  /// Seconds of sound between clips from which it is something of its own.
  private static let sound = 0.01

  /// Samples: 25 ms, a frame of AAC.
  private static let spread = 200

  /// The stretches between clips, and the breaks in them. Clips are in order of time; `length` is that of the recording in seconds.
  func judge(_ clips: [FollowedClip]) -> (interludes: [Interlude], breaks: [Break]) {
    guard !clips.isEmpty else { return ([interlude(nil, nil, 0, waveform.duration)], []) }
    var (interludes, breaks): ([Interlude], [Break]) = ([], [])
    interludes.append(interlude(nil, clips[0].clip, 0, clips[0].start))
    for (one, next) in zip(clips, clips.dropFirst()) {
      let between = interlude(one.clip, next.clip, one.end, next.start)
      interludes.append(between)
      if let found = joint(between, one) { breaks.append(found) }
    }
    let last = clips[clips.count - 1]
    interludes.append(interlude(last.clip, nil, last.end, max(last.end, waveform.duration)))
    return (interludes, breaks)
  }

  private func interlude(_ previous: Int?, _ next: Int?, _ start: Double, _ end: Double) -> Interlude {
    let (first, last) = (Int((start * Self.rate).rounded()), Int((end * Self.rate).rounded()))
    // A codec spreads the sound of both sides into what lies between.
    let edge = min(Self.spread, (last - first) / 4)
    let level = waveform.level(from: first + edge, count: last - first - 2 * edge)
    return Interlude(
      previous: previous, next: next, start: start, end: end,
      level: level >= Thresholds.inaudible ? level : nil)
  }

  private func joint(_ between: Interlude, _ clip: FollowedClip) -> Break? {
    let length = between.end - between.start
    func found(_ kind: Break.Kind, _ start: Double, _ length: Double) -> Break {
      Break(kind: kind, start: start, length: length, clip: clip.clip, clipStart: start - clip.start)
    }
    if length < -Self.overlap { return found(.overlap, between.end, -length) }
    if between.level != nil, length >= Self.sound { return found(.inserted, between.start, length) }
    return length > gap ? found(.gap, between.start, length) : nil
  }
}
