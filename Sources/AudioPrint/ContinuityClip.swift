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

  /// Follows the clip from its place, or, where that explains too little, at another speed; nil if it is not played.
  ///
  /// - Parameters:
  ///   - place: where it was found at its own speed.
  ///   - room: the samples of the recording at which the last clip ends and the next one begins.
  init?(
    index: Int, clip: ContinuitySignal, recording: ContinuitySignal, channels: [ContinuitySignal],
    place: ContinuityPlace.Found?, within room: ClosedRange<Double>, speed: ClipSpeed
  ) {
    let plain = place.flatMap {
      Played(clip: clip, recording: recording, channels: channels, place: $0, within: room)
    }
    // Another speed shows as delays that change: what is missing at one delay is not.
    if let plain, plain.followed >= Self.least, plain.share >= Self.enough || plain.share >= 0.5 && plain.hasOneDelay {
      self.init(index, plain)
      return
    }
    let stretched = speed.found().flatMap { found in
      Played(
        clip: clip, recording: found.recording, channels: channels.map(found.stretched), place: found.place,
        within: 0...(.infinity), ratio: found.ratio, shift: found.shift)
    }
    if let stretched, stretched.share >= 0.3, stretched.share > (plain?.share ?? 0) + Self.gain {
      self.init(index, stretched)
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
    let length = played.follower.recording.samples.count
    described = FollowedClip(
      clip: index, start: played.seconds(max(0, begin)), end: played.seconds(min(end, length)),
      speedRatio: played.ratio, judged: played.judged, followed: played.followed,
      cutBefore: Double(max(0, -begin)) / Self.rate, cutAfter: Double(max(0, end - length)) / Self.rate)
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
    /// Where on the recording's timeline the samples begin, in seconds.
    let shift: Double

    var hasOneDelay: Bool { Set(follower.track.runs.compactMap(\.lane)).count == 1 }
    var share: Double { judged > 0 ? followed / judged : 0 }
    func seconds(_ sample: Int) -> Double { shift + Double(sample) / rate / ratio }

    init?(
      clip: ContinuitySignal, recording: ContinuitySignal, channels: [ContinuitySignal],
      place: ContinuityPlace.Found, within room: ClosedRange<Double>, ratio: Double = 1, shift: Double = 0
    ) {
      // What is put in or left out moves either end, by up to 4 s.
      let first = place.position / Double(size) - 800
      let last = place.position / Double(size) + Double(clip.blocks) + 800
      let bounds = 0...Double(recording.blocks)
      let lower = Int(max(first, room.lowerBound / Double(size)).clamped(to: bounds).rounded())
      let upper = Int(min(last, room.upperBound / Double(size)).clamped(to: bounds).rounded())
      let limits = lower..<max(lower, upper)
      let recording = place.isInverted ? recording.inverted : recording
      guard !limits.isEmpty else { return nil }
      (self.ratio, self.shift) = (ratio, shift)
      follower = ContinuityFollower(clip: clip, recording: recording, limits: limits, place: place)
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

/// Looks for a clip that plays up to 3 % faster or slower, near its expected place.
struct ClipSpeed {
  private let clip: AudioClip
  private let start: Double
  private let range: Double
  private let waveform: Waveform

  private static let rate = Double(Thresholds.sampleRate)

  init(_ continuity: Continuity, _ placement: Continuity.Placement, _ waveform: Waveform) {
    clip = continuity.clips[placement.clip]
    start = placement.start
    range = continuity.checkedRange
    self.waveform = waveform
  }

  /// A part of the recording, played at the clip's speed.
  struct Found {
    var ratio: Double
    /// Where on the recording's timeline the part begins, in seconds.
    var shift: Double
    var recording: ContinuitySignal
    var place: ContinuityPlace.Found
    var samples: Range<Int>

    /// Another channel of the same part.
    func stretched(_ channel: ContinuitySignal) -> ContinuitySignal {
      ContinuitySignal(Stretch.samples(Array(channel.plain[samples.clamped(to: channel.plain.indices)]), by: ratio))
    }
  }

  func found() -> Found? {
    // Of a longer recording too little lies on one line.
    guard clip.duration >= 4, start.isFinite || waveform.duration < 2 * clip.duration else { return nil }
    let from = start.isFinite ? start.clamped(to: -86_400...86_400) - range : 0
    let to = start.isFinite ? from + 2 * range + 1.035 * clip.duration : waveform.duration
    let bounds = 0...Double(waveform.samples.count)
    let samples = Int((from * Self.rate).clamped(to: bounds))..<Int((max(from, to) * Self.rate).clamped(to: bounds))
    let part = AudioClip(unchecked: Array(waveform.samples[samples]), sampleRate: Thresholds.sampleRate)
    guard part.duration >= 4, part.level > Thresholds.silence, clip.level > Thresholds.silence else { return nil }
    let search = SpeedEstimation(
      a: PreparedClip(clip), b: PreparedClip(part), maxOffset: start.isFinite ? 2 * range + 1 : clip.duration)
    guard let (line, stretched) = search.estimate() else { return nil }
    let position = -line.offset * Self.rate
    return Found(
      ratio: line.ratio, shift: Double(samples.lowerBound) / Self.rate, recording: ContinuitySignal(stretched),
      place: .init(position: position, block: max(0, Int(position) / ContinuitySignal.block), agreement: 1),
      samples: samples)
  }
}
