/// Follows one clip through a recording.
struct ContinuityFollower {
  let clip: ContinuitySignal
  let recording: ContinuitySignal
  let track: ContinuityTrack
  /// The stretches in which some of the clip is surely played: a delay that fits a pause of the clip fits anything.
  private let runs: [ContinuityTrack.Run]

  private static let size = ContinuitySignal.block
  private static let sampleRate = Double(Thresholds.sampleRate)
  /// Samples by which a delay may change without being heard: clocks, and seams of containers that count in milliseconds.
  private static let seam = 64
  /// Samples around a change of delay: 20 ms.
  private static let edge = 160
  /// Blocks that a stretch must follow.
  private static let sure = 3
  /// Samples at a recording's ends in which a codec's first frame may lack what lies before it: 25 ms.
  private static let frame = 200
  /// Samples (1 s): a longer stretch that is played again is found as another delay.
  private static let longestAgain = 8000

  init(
    clip: ContinuitySignal, recording: ContinuitySignal, limits: Range<Int>, place: ContinuityPlace.Found
  ) {
    (self.clip, self.recording) = (clip, recording)
    let lanes = ContinuityLanes(
      clip: clip, recording: recording, limits: limits, offset: -Int(place.position.rounded()), at: place.block)
    track = ContinuityTrack(lanes)
    let levels = ContinuityLevels(track: track)
    let known = track.runs.filter { $0.lane != nil }
    let sure = known.filter { $0.blocks.lazy.filter(levels.follows).prefix(Self.sure).count == Self.sure }
    runs = sure.isEmpty ? known : sure
  }

  /// A break in samples of the recording.
  struct Found {
    var kind: Break.Kind
    var samples: Range<Int>
    /// Samples that are affected.
    var count: Int
    var clipSample: Int
  }

  /// Blocks in which the clip plays: from where it begins to where it ends, as far as the recording goes.
  var playing: Range<Int> {
    let first = runs.first?.blocks.lowerBound ?? track.blocks.lowerBound
    let last = runs.last?.blocks.upperBound ?? track.blocks.upperBound
    let begin = (-track.offset(at: first)) / Self.size
    let end = (clip.samples.count - track.offset(at: last - 1) + Self.size - 1) / Self.size
    let lower = begin.clamped(to: track.blocks.lowerBound...track.blocks.upperBound)
    return lower..<end.clamped(to: lower...max(lower, track.blocks.upperBound))
  }

  /// Blocks from the first to the last stretch in which some of the clip is surely played.
  var followed: Range<Int> { (runs.first?.blocks.lowerBound ?? 0)..<(runs.last?.blocks.upperBound ?? 0) }

  /// Whether some of the clip, 0.2 s or more, may be played before or after the blocks that are looked at: less than 4 s of them are left.
  var isCutOff: Bool {
    guard !runs.isEmpty else { return false }
    let (first, last, near) = (followed.lowerBound, followed.upperBound, 800)
    let before = first * Self.size + track.offset(at: first)
    let after = clip.samples.count - last * Self.size - track.offset(at: last - 1)
    return first < track.blocks.lowerBound + near && before > Thresholds.sampleRate / 5
      || last > track.blocks.upperBound - near && after > Thresholds.sampleRate / 5
  }

  /// Seconds in which the clip can be judged, and in how many of them it is followed.
  func amounts(_ playing: Range<Int>) -> (judged: Double, followed: Double) {
    let levels = ContinuityLevels(track: track)
    return (
      Double(playing.count(where: levels.isAudible)) / ContinuitySignal.rate,
      Double(playing.count(where: levels.follows)) / ContinuitySignal.rate
    )
  }

  func breaks() -> [Found] {
    let playing = self.playing
    let low = ContinuityLevels(track: track).low(within: playing).filter { !isFirstFrame($0.samples) }
    var found = jumps(low.map(\.blocks)) + ends(playing, low.map(\.blocks))
    // Where the delay changes inside of a block, what is expected there is known to some blocks only.
    let edges = found.flatMap { [$0.samples.lowerBound, $0.samples.upperBound] }
    for span in low {
      let (first, last) = (span.blocks.lowerBound * Self.size, span.blocks.upperBound * Self.size)
      let isAtEdge = edges.contains { $0 >= first - Self.edge && $0 <= last + Self.edge }
      guard !isAtEdge || span.blocks.count > 6 else { continue }
      found.append(
        Found(
          kind: span.kind, samples: span.samples, count: span.samples.count,
          clipSample: span.samples.lowerBound + track.offset(at: span.blocks.lowerBound)))
    }
    // Where another delay or another sound is heard, its peaks say nothing.
    let known = found.map { $0.samples.lowerBound / Self.size - 6..<$0.samples.upperBound / Self.size + 7 }
    for span in ContinuityPeaks(track: track).spans(within: playing) where !known.contains(where: span.blocks.overlaps)
    {
      found.append(
        Found(
          kind: span.kind, samples: span.samples, count: span.samples.count,
          clipSample: span.samples.lowerBound + track.offset(at: span.blocks.lowerBound)))
    }
    found.sort { $0.samples.lowerBound < $1.samples.lowerBound }
    return ContinuityFloor(track: track).joined(found, within: playing)
  }

  /// Whether a codec may have made a silence at an end of the recording, which was cut off there.
  private func isFirstFrame(_ span: Range<Int>) -> Bool {
    span.upperBound <= Self.frame || span.lowerBound >= recording.samples.count - Self.frame
  }

  // MARK: Changes of delay

  /// A change from one delay to another, with what lies between.
  private struct Change {
    var before: ContinuityTrack.Run
    var after: ContinuityTrack.Run
    var between: Range<Int>
    /// Samples by which the clip's place moves: negative where it is played again.
    var jump: Int
  }

  private func changes() -> [Change] {
    var changes: [Change] = []
    var last: ContinuityTrack.Run?
    for run in runs {
      if let before = last {
        let jump = track.offset(at: run.blocks.lowerBound) - track.offset(at: before.blocks.upperBound - 1)
        changes.append(
          Change(
            before: before, after: run, between: before.blocks.upperBound..<run.blocks.lowerBound, jump: jump))
      }
      last = run
    }
    return changes
  }

  private func jumps(_ low: [Range<Int>]) -> [Found] {
    var found: [Found] = []
    let changes = changes()
    var index = 0
    while index < changes.count {
      let change = changes[index]
      index += 1
      // Played again in place of what should come: back and forth by the same.
      if index < changes.count, change.jump < -Self.seam, abs(change.jump + changes[index].jump) <= Self.seam {
        let next = changes[index]
        let stay = next.after.blocks.lowerBound - change.before.blocks.upperBound
        if stay * Self.size <= -change.jump + 4 * Self.size {
          let first = edge(change)
          let last = edge(next)
          found.append(
            Found(
              kind: .doubled, samples: first..<max(first, last), count: max(0, last - first),
              clipSample: first + track.offset(at: change.before.blocks.upperBound - 1)))
          index += 1
          continue
        }
      }
      if let one = single(change, low) { found.append(one) }
    }
    return found
  }

  private func single(_ change: Change, _ low: [Range<Int>]) -> Found? {
    let between = change.between
    let silent = low.filter { $0.overlaps(between) }.map { $0.clamped(to: between).count }.reduce(0, +)
    let sounding = between.count - silent
    let from = change.before.blocks.upperBound
    if abs(change.jump) <= Self.seam {
      guard sounding > max(4, silent), isForeign(between) else { return nil }
      return foreign(change)
    }
    let first = edge(change)
    if change.jump < 0 {
      // What makes the recording longer may have been put in, sound or silence.
      if between.count * Self.size * 2 > -change.jump {
        guard sounding > silent else { return nil }
        return foreign(change)
      }
      // Sound that was put in leaves a span that neither delay explains.
      let after = track.offset(at: change.after.blocks.lowerBound)
      let isDoubled =
        plays(first..<first - change.jump, at: after)
        && plays(first + change.jump..<first, at: track.offset(at: from - 1))
      return Found(
        kind: isDoubled ? .doubled : .inserted, samples: first..<first - change.jump, count: -change.jump,
        clipSample: first + track.offset(at: from - 1))
    }
    return Found(
      kind: .skipped, samples: first..<first, count: change.jump, clipSample: first + track.offset(at: from - 1))
  }

  private func foreign(_ change: Change) -> Found {
    let (before, after) = sides(change)
    let radius = 4 * Self.size
    let first = track.edge(
      near: change.between.lowerBound * Self.size, radius: radius, left: before, right: .foreign)
    let last = track.edge(near: change.between.upperBound * Self.size, radius: radius, left: .foreign, right: after)
    let span = first..<max(first, last)
    if abs(change.jump) <= Self.seam, let again = again(span, change) { return again }
    return Found(
      kind: .inserted, samples: span, count: span.count,
      clipSample: first + track.offset(at: change.between.lowerBound))
  }

  private func plays(_ span: Range<Int>, at offset: Int) -> Bool {
    // What is as good as silent says nothing.
    agreement(span, at: offset).map { $0 > 0.4 } ?? true
  }

  /// Normalised correlation of the recording with the clip at an offset; nil where one of them is as good as silent.
  private func agreement(_ span: Range<Int>, at offset: Int) -> Float? {
    let power =
      recording.energy(from: span.lowerBound, count: span.count)
      * clip.energy(from: span.lowerBound + offset, count: span.count)
    guard power >= 1e-4 * track.loud * clip.loud, power > 0 else { return nil }
    return recording.cross(clip, offset: offset, from: span.lowerBound, count: span.count) / power.squareRoot()
  }

  /// What came just before, played once more in place of what should come: too short to be looked for everywhere, it is known by how far
  /// back it lies, which is about as far as it is long.
  private func again(_ span: Range<Int>, _ change: Change) -> Found? {
    let offset = track.offset(at: change.before.blocks.upperBound - 1)
    guard span.count >= Self.size, span.count <= Self.longestAgain else { return nil }
    // Where it begins and ends is known to some blocks only; in a few milliseconds much is alike.
    let reach = min(8 * Self.size, span.count / 3)
    let core = span.lowerBound + reach / 2..<span.upperBound - reach / 2
    let ways = (span.count - reach...span.count + reach).map { back in
      (back: back, agreement: agreement(core, at: offset - back) ?? 0)
    }
    guard let best = ways.max(by: { $0.agreement < $1.agreement }), best.agreement > 0.7 else { return nil }
    let (before, after) = sides(change)
    let inside = ContinuityTrack.Side.clip(offset: offset - best.back, gain: track.gain)
    let first = track.edge(near: span.lowerBound, radius: reach, left: before, right: inside)
    let last = track.edge(near: span.upperBound, radius: reach, left: inside, right: after)
    guard first < last, last - first <= best.back + 4 * Self.size else { return nil }
    return Found(kind: .doubled, samples: first..<last, count: last - first, clipSample: first + offset)
  }

  /// Other sound where the clip should begin or end.
  private func ends(_ playing: Range<Int>, _ low: [Range<Int>]) -> [Found] {
    guard let first = runs.first?.blocks.lowerBound, let last = runs.last?.blocks.upperBound else { return [] }
    let outer = [
      playing.lowerBound..<max(playing.lowerBound, first), min(last, playing.upperBound)..<playing.upperBound,
    ]
    return outer.filter { span in
      let silent = low.filter { $0.overlaps(span) }.map { $0.clamped(to: span).count }.reduce(0, +)
      return span.count - silent > max(silent, 8) && isForeign(span)
    }.map { span in
      Found(
        kind: .inserted, samples: span.lowerBound * Self.size..<span.upperBound * Self.size,
        count: span.count * Self.size, clipSample: span.lowerBound * Self.size + track.offset(at: span.lowerBound))
    }
  }

  private func sides(_ change: Change) -> (ContinuityTrack.Side, ContinuityTrack.Side) {
    (
      .clip(offset: track.offset(at: change.before.blocks.upperBound - 1), gain: track.gain),
      .clip(offset: track.offset(at: change.after.blocks.lowerBound), gain: track.gain)
    )
  }

  private func edge(_ change: Change) -> Int {
    let (before, after) = sides(change)
    let middle = (change.between.lowerBound + change.between.upperBound) * Self.size / 2
    return track.edge(
      near: middle, radius: change.between.count * Self.size / 2 + 8 * Self.size, left: before, right: after)
  }

  /// Whether what sounds is another sound, and no rough copy of the expected one as low bit rates make it.
  private func isForeign(_ span: Range<Int>) -> Bool {
    let (x, y, _) = track.sums(span)
    guard y > 4e-3 * track.loud * Float(span.count) else { return false }
    return y > 2.5 * x || ContinuityBands.distance(track, span) > 6
  }
}
