/// One clip as a recording plays it, on the recording's timeline.
struct ContinuityClip {
  let described: FollowedClip
  let breaks: [Break]

  private static let rate = Double(Thresholds.sampleRate)
  private static let size = ContinuitySignal.block
  /// Share of what can be judged from which no other speed is tried, and what that must win.
  private static let (enough, gain) = (0.97, 0.02)
  /// Seconds that must be followed for the clip to be played at all.
  private static let least = 0.15
  /// Samples by which what is put in or left out may move either end: 4 s, and more where the clip is still played there.
  private static let slack = 4 * rate

  /// Follows the clip from its place, or, where that explains too little, at another speed; nil if it is not played.
  ///
  /// - Parameters:
  ///   - place: where it was found at its own speed.
  ///   - room: the samples of the recording at which the last clip ends and the next one begins.
  ///   - speed: finds it at another speed, which is asked only where its own does not settle it.
  init?(
    index: Int, clip: ContinuitySignal, recording: ContinuitySignal, channels: [ContinuitySignal],
    place: ContinuityPlace.Found?, within room: ClosedRange<Double>, speed: () -> ContinuitySpeed.Found?
  ) {
    let plain = place.flatMap {
      Played(clip: clip, recording: recording, channels: channels, place: $0, within: room)
    }
    if let plain, plain.isSettled {
      self.init(index, plain)
      return
    }
    let other = speed().flatMap {
      Played(clip: clip, recording: recording, channels: channels, speed: $0, within: room)
    }
    if let other, other.share >= 0.3, plain.map({ other.isBetter(than: $0) }) ?? true {
      self.init(index, other)
    } else if let plain, plain.followed >= Self.least {
      self.init(index, plain)
    } else {
      return nil
    }
  }

  private init(_ index: Int, _ played: Played) {
    let track = played.follower.track
    let playing = played.playing
    let begin = -track.offset(at: playing.lowerBound)
    let end = played.follower.clip.samples.count - track.offset(at: playing.upperBound - 1)
    let (start, stop) = (played.seconds(begin), played.seconds(end))
    described = FollowedClip(
      clip: index, start: max(0, start), end: min(stop, played.length), speedRatio: played.ratio, judged: played.judged,
      followed: played.followed, cutBefore: played.ratio * max(0, -start),
      cutAfter: played.ratio * max(0, stop - played.length))
    breaks = played.found.map { found in
      // What is left out of a clip is no time of the recording.
      let length =
        found.kind == .skipped
        ? Double(found.count) / Self.rate
        : played.seconds(found.samples.lowerBound + found.count) - played.seconds(found.samples.lowerBound)
      return Break(
        kind: found.kind, start: played.seconds(found.samples.lowerBound), length: length, clip: index,
        clipStart: Double(found.clipSample) / Self.rate)
    }
  }

  /// A clip that was followed at one speed.
  private struct Played {
    let follower: ContinuityFollower
    let playing: Range<Int>
    let found: [ContinuityFollower.Found]
    /// Seconds.
    let judged: Double
    let followed: Double
    let ratio: Double
    /// Where on the recording's timeline the samples begin, and how long the recording is, in seconds.
    let (shift, length): (Double, Double)

    var share: Double { judged > 0 ? followed / judged : 0 }
    private var hasOneDelay: Bool { Set(follower.track.runs.compactMap(\.lane)).count == 1 }

    /// Whether no other speed need be tried, which would show as delays that change: what is missing at one delay is not.
    var isSettled: Bool {
      guard followed >= least else { return false }
      return hasOneDelay ? share >= 0.5 : share >= enough && found.isEmpty
    }

    /// Whether this speed explains more, or as much with fewer breaks: a slope is no staircase.
    func isBetter(than plain: Played) -> Bool {
      guard plain.followed >= least else { return true }
      return share > plain.share + gain || share > plain.share - gain / 2 && found.count < plain.found.count
    }

    func seconds(_ sample: Int) -> Double { shift + Double(sample) / rate / ratio }

    /// At another speed: what is recorded is played at the clip's own, and followed there.
    init?(
      clip: ContinuitySignal, recording: ContinuitySignal, channels: [ContinuitySignal], speed: ContinuitySpeed.Found,
      within room: ClosedRange<Double>
    ) {
      // A little more than can be played, so that the ends of this part are none of the recording's.
      let bounds = 0...Double(recording.samples.count)
      let first = Int((speed.begin - 2 * slack).clamped(to: bounds))
      let end = speed.begin + Double(clip.samples.count) / speed.ratio + 2 * slack
      let part = first..<max(first, Int(end.clamped(to: bounds)))
      func stretched(_ signal: ContinuitySignal) -> ContinuitySignal {
        ContinuitySignal(
          Stretch.samples(
            Array(signal.plain[part.clamped(to: 0..<signal.plain.count)]), by: speed.ratio, phase: phase))
      }
      // Samples of both lie upon each other: half of one between them costs a third of what is at 3 kHz.
      let place = (speed.sample - Double(first)) * speed.ratio - speed.clipSample
      let phase = place - place.rounded(.down)
      func moved(_ sample: Double) -> Double { (sample - Double(first)) * speed.ratio - phase }
      let position = place - phase
      self.init(
        clip: clip, recording: stretched(recording), channels: channels.map(stretched),
        place: .init(
          position: position, block: max(0, Int(position + speed.clipSample) / size), agreement: speed.agreement,
          isInverted: speed.isInverted),
        within: moved(room.lowerBound)...moved(room.upperBound), ratio: speed.ratio,
        shift: (Double(first) + phase / speed.ratio) / rate,
        length: Double(recording.samples.count) / rate)
    }

    init?(
      clip: ContinuitySignal, recording: ContinuitySignal, channels: [ContinuitySignal],
      place: ContinuityPlace.Found, within room: ClosedRange<Double>, ratio: Double = 1, shift: Double = 0,
      length: Double? = nil
    ) {
      func span(_ reach: Double) -> Range<Int> {
        let first = (place.position - reach) / Double(size)
        let last = (place.position + reach) / Double(size) + Double(clip.blocks)
        let bounds = 0...Double(recording.blocks)
        let lower = Int(max(first, room.lowerBound / Double(size)).clamped(to: bounds).rounded())
        let upper = Int(min(last, room.upperBound / Double(size)).clamped(to: bounds).rounded())
        return lower..<max(lower, upper)
      }
      let heard = place.isInverted ? recording.inverted : recording
      var reach = slack
      var limits = span(reach)
      guard !limits.isEmpty else { return nil }
      (self.ratio, self.shift, self.length) = (ratio, shift, length ?? Double(recording.samples.count) / rate)
      var follower = ContinuityFollower(clip: clip, recording: heard, limits: limits, place: place)
      while follower.isCutOff, span(2 * reach) != limits {
        reach *= 2
        limits = span(reach)
        let wider = ContinuityFollower(clip: clip, recording: heard, limits: limits, place: place)
        guard wider.followed != follower.followed else { break }
        follower = wider
      }
      self.follower = follower
      playing = follower.playing
      guard !playing.isEmpty else { return nil }
      (judged, followed) = follower.amounts(playing)
      let levels = ContinuityLevels(track: follower.track)
      var found = follower.breaks()
      for span in ContinuityChannels(channels: channels).lost(in: playing, audible: levels.isAudible) {
        found.append(
          ContinuityFollower.Found(
            kind: .channelLost, samples: span.lowerBound * size..<span.upperBound * size, count: span.count * size,
            clipSample: span.lowerBound * size + follower.track.offset(at: span.lowerBound)))
      }
      self.found = found.sorted { $0.samples.lowerBound < $1.samples.lowerBound }
    }
  }
}
