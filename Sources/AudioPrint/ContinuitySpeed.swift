/// Finds how much faster a recording plays a clip than the clip itself, and where: sample clocks that are up to 3 % apart.
///
/// A drift is a slope of the delay, so no single delay tells it. Short pieces of the clip are played at each speed and looked for; the
/// speed at which they agree best with the recording is the one, wherever each of them lies: a break moves pieces, and no speed.
struct ContinuitySpeed {
  /// A speed, and one place of the clip in the recording.
  struct Found {
    /// How much faster the recording plays the clip, pitch included.
    var ratio: Double
    /// A sample of the clip, and the recording's sample at which it is heard.
    var clipSample: Double
    var sample: Double
    /// Whether it is played with the opposite sign.
    var isInverted = false
    /// Mean agreement of the pieces that were looked for, 0…1.
    var agreement: Float = 1

    /// The recording's sample at which the clip's sample 0 lies.
    var begin: Double { sample - clipSample / ratio }
  }

  let clip: ContinuitySignal
  let recording: ContinuitySignal

  /// Ratios that are looked for.
  private static let range = 0.968...1.032
  /// A ratio nearer to 1 than this is followed as it is: one that is known by single pieces, and one by the line through many. While a
  /// clip pauses its delay drifts unseen, and behind a pause a word's twin would lie better than the word itself.
  private static let (least, leastOfLine) = (4e-4, 2e-5)
  /// Mean agreement of the pieces below which it is another sound.
  private static let agreement: Float = 0.4

  /// Anywhere; of a clip that is played twice, one of both.
  func anywhere() -> Found? {
    guard clip.loud > ContinuitySignal.floor, recording.loud > ContinuitySignal.floor else { return nil }
    let (own, heard) = (Self.audio(clip), Self.audio(recording))
    // Of a longer recording too little lies on one line.
    if own.duration >= 4, heard.duration >= 4, heard.duration < 2 * own.duration, own.level > Thresholds.silence,
      heard.level > Thresholds.silence,
      let line = SpeedEstimation(a: PreparedClip(own), b: PreparedClip(heard), maxOffset: own.duration).estimate()?.line
    {
      let found = Found(ratio: line.ratio, clipSample: line.offset * Double(Thresholds.sampleRate), sample: 0)
      return abs(line.ratio - 1) > Self.leastOfLine ? found : nil
    }
    // Envelopes are found in spite of another speed, by as much as the clip's ends are off.
    let radius = 12 * ContinuitySignal.block + Int(0.016 * Double(clip.samples.count))
    return ContinuityPlace(clip: clip, recording: recording).envelopePeaks(3)
      .compactMap { near(Double($0 * ContinuitySignal.block), radius: radius) }.max { $0.agreement < $1.agreement }
  }

  private static func audio(_ signal: ContinuitySignal) -> AudioClip {
    AudioClip(unchecked: signal.plain, sampleRate: Thresholds.sampleRate)
  }

  /// A search of pieces at several speeds.
  private struct Round {
    /// Blocks of a piece, and most pieces.
    var piece: Int
    var most: Int
    /// Steps to either side, and how far each of them is.
    var steps: Int
    var step: Double
  }

  /// A piece at a speed that is off by half a step is off by less than two samples at either end, which leaves most of the agreement.
  private static let rounds = [
    Round(piece: 40, most: 4, steps: 8, step: 4e-3), Round(piece: 60, most: 6, steps: 3, step: 1e-3),
    Round(piece: 80, most: 6, steps: 3, step: 3e-4), Round(piece: 200, most: 5, steps: 2, step: 1e-4),
  ]
  /// Samples around its place at one speed in which a piece is looked for at the next: a break may move it.
  private static let reach = 2000
  /// Seconds by which places may miss the line that they lie on.
  private static let straight = 5e-4

  /// Near a sample of the recording at which the clip's sample 0 is expected; nil if it is not played, or at its own speed.
  func near(_ expected: Double, radius: Int) -> Found? {
    var found = Found(ratio: 1, clipSample: 0, sample: expected)
    for (index, round) in Self.rounds.enumerated() {
      let pieces = self.pieces(of: round.piece, most: round.most)
      let tries = (-round.steps...round.steps).map { step -> Try in
        let ratio = found.ratio + Double(step) * round.step
        return attempt(ratio, pieces, near: found.begin, radius: index == 0 ? radius : min(radius, Self.reach))
      }
      guard let best = tries.indices.max(by: { tries[$0].agreement < tries[$1].agreement }),
        tries[best].agreement > Self.agreement, var place = tries[best].place
      else { return nil }
      place.ratio += round.step * Self.vertex(tries.map(\.agreement), at: best)
      place.agreement = tries[best].agreement
      found = place
    }
    let line = refined(found, radius: min(radius, Self.reach))
    found = line ?? found
    let least = line == nil ? Self.least : Self.leastOfLine
    return abs(found.ratio - 1) > least && Self.range.contains(found.ratio) ? found : nil
  }

  /// By the line on which most of the clip's places lie, if they do: a slope is known better than any of them.
  private func refined(_ found: Found, radius: Int) -> Found? {
    let places = pieces(of: 200, most: 20).compactMap { piece in
      place(piece, found.ratio, found.begin, radius).map {
        (place: Self.middle($0.place, piece.count), agreement: $0.agreement)
      }
    }.filter { $0.agreement > 0.5 }
    let rate = Double(Thresholds.sampleRate)
    let line = SpeedEstimation.robustLine(
      places.map { (x: $0.place.sample / rate, y: $0.place.clipSample / rate) }, tolerance: Self.straight)
    guard let line else { return nil }
    func expected(_ place: Found) -> Double { line.ratio * place.sample + line.offset * rate }
    let straight = places.filter { abs($0.place.clipSample - expected($0.place)) <= rate * Self.straight }
    guard let best = straight.max(by: { $0.agreement < $1.agreement })?.place else { return nil }
    return Found(
      ratio: line.ratio, clipSample: expected(best), sample: best.sample, isInverted: best.isInverted,
      agreement: found.agreement)
  }

  /// The middle of a piece in place of its beginning: at a speed that is a little off, it lies there that it is heard best.
  private static func middle(_ place: Found, _ count: Int) -> Found {
    var place = place
    place.clipSample += Double(count) / 2
    place.sample += Double(count) / 2 / place.ratio
    return place
  }

  /// What was heard at one speed.
  private struct Try {
    /// Mean over the pieces, 0…1.
    var agreement: Float = 0
    /// The piece that agrees best.
    var place: Found?
  }

  private func attempt(_ ratio: Double, _ pieces: [Range<Int>], near begin: Double, radius: Int) -> Try {
    var (result, best): (Try, Float) = (Try(), 0)
    for piece in pieces {
      guard let (place, agreement) = self.place(piece, ratio, begin, radius) else { continue }
      result.agreement += agreement / Float(pieces.count)
      if agreement > best { (best, result.place) = (agreement, place) }
    }
    return result
  }

  private func place(
    _ piece: Range<Int>, _ ratio: Double, _ begin: Double, _ radius: Int
  ) -> (place: Found, agreement: Float)? {
    let played = Stretch.samples(Array(clip.samples[piece]), by: 1 / ratio)
    let centre = Int((begin + Double(piece.lowerBound) / ratio).rounded())
    return recording.place(of: played[...], centre: centre, radius: radius).map { heard in
      let place = Found(
        ratio: ratio, clipSample: Double(piece.lowerBound), sample: heard.offset, isInverted: heard.agreement < 0)
      return (place, abs(heard.agreement))
    }
  }

  /// Samples of the loudest piece in each part of the clip; all of it where it is short.
  private func pieces(of blocks: Int, most: Int) -> [Range<Int>] {
    let size = ContinuitySignal.block
    let whole = clip.samples.count / size
    guard whole > blocks else { return clip.samples.isEmpty ? [] : [0..<clip.samples.count] }
    return clip.loudestPieces(of: blocks, within: whole, parts: min(most, max(1, whole / blocks)), step: 4).map {
      $0.lowerBound * size..<$0.upperBound * size
    }
  }

  /// Steps from the highest value to the top of a parabola through it and its neighbours, −½…½.
  private static func vertex(_ values: [Float], at best: Int) -> Double {
    guard best > 0, best + 1 < values.count else { return 0 }
    let (left, right) = (values[best - 1], values[best + 1])
    let curvature = left - 2 * values[best] + right
    return curvature < 0 ? Double((0.5 * (left - right) / curvature).clamped(to: -0.5...0.5)) : 0
  }
}
