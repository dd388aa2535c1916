/// Says whether a recording plays clips without a break, and where it does not.
///
/// Each clip is located, then followed block by block of 5 ms: normalised cross-correlation at every delay that is heard, the cheapest
/// path through them (Viterbi), and the energies along it. A clock that drifts, an offset, a gain, and what AAC, MP3 and Opus do to a sound
/// are no breaks. What is silent in a clip cannot be judged there.
public struct Continuity: Sendable {
  /// Where a clip is expected in a recording.
  public struct Placement: Sendable, Hashable {
    /// Index in the list of clips.
    public var clip: Int
    /// Seconds on the recording's timeline at which the clip's first sample lies.
    public var start: Double

    /// A clip, by its index, and where it begins, in seconds.
    public init(clip: Int, start: Double) { (self.clip, self.start) = (clip, start) }
  }

  /// How a recording is followed.
  public struct Options: Sendable, Hashable {
    /// Seconds around a placement in which the clip is looked for, 0…30.
    public var searchRange: Double
    /// Seconds of silence between two clips that are no break, 0…60.
    public var gap: Double
    /// Seconds for which sound must be missing inside of a clip to be a break, 0…1.
    ///
    /// Codecs swallow up to 10 ms of untouched speech, which nobody hears: all that was called missing in the half of the sources of
    /// `PART=breaks make eval` that thresholds are fixed on lasted 10 ms.
    public var shortestMissing: Double

    /// Options with these bounds, in seconds.
    public init(searchRange: Double = 0.25, gap: Double = 0.02, shortestMissing: Double = 0.015) {
      (self.searchRange, self.gap, self.shortestMissing) = (searchRange, gap, shortestMissing)
    }
  }

  /// What was found in one recording.
  public struct Report: Sendable, Hashable, Codable {
    /// In order of time.
    public var breaks: [Break]
    /// The clips that were found, in order of time.
    public var clips: [FollowedClip]
    /// What lies around them: one more than there are clips.
    public var interludes: [Interlude]
    /// Indices of the clips that the recording plays nowhere, or that are too short or too quiet to be found.
    public var lost: [Int]

    /// Whether every clip was found, whole, and without a break; up to 0.1 s may be cut off at the recording's ends.
    public var isUnbroken: Bool {
      breaks.isEmpty && lost.isEmpty && !clips.isEmpty
        && clips.allSatisfy { $0.cutBefore <= 0.1 && $0.cutAfter <= 0.1 && $0.judged > 0 }
    }
  }

  /// What is played, in order.
  public let clips: [AudioClip]
  /// How it is followed.
  public let options: Options
  let signals: [ContinuitySignal]

  /// Prepares the clips once, for any number of recordings.
  public init(clips: [AudioClip], options: Options = .init()) {
    self.clips = clips
    self.options = options
    signals = clips.map { ContinuitySignal(Waveform($0).samples) }
  }

  /// Follows all clips through a recording.
  ///
  /// - Parameters:
  ///   - recording: what was recorded; its first sample is time 0.
  ///   - placements: where clips are expected, a clip as often as it is played; nil looks for each clip once, anywhere.
  public func report(on recording: AudioClip, placements: [Placement]? = nil) -> Report {
    report(on: recording, channels: [], placements)
  }

  /// Follows all clips through a recording in stereo, and says where one channel falls silent alone.
  ///
  /// What is in phase on both counts; where the sum of both cancels, the louder one does.
  public func report(left: AudioClip, right: AudioClip, placements: [Placement]? = nil) -> Report {
    let waves = [left, right].map { Waveform($0).samples }
    let count = min(waves[0].count, waves[1].count)
    var mixed = [Float](repeating: 0, count: count)
    for index in 0..<count { mixed[index] = 0.5 * waves[0][index] + 0.5 * waves[1][index] }
    var mono = AudioClip(unchecked: mixed, sampleRate: Thresholds.sampleRate)
    let louder = left.level > right.level ? 0 : 1
    let loudest = AudioClip(unchecked: waves[louder], sampleRate: Thresholds.sampleRate)
    if mono.level < loudest.level - 20 { mono = loudest }
    return report(on: mono, channels: waves.map(ContinuitySignal.init), placements)
  }

  private func report(
    on recording: AudioClip, channels: [ContinuitySignal], _ placements: [Placement]?
  ) -> Report {
    let waveform = Waveform(recording)
    let signal = ContinuitySignal(waveform.samples)
    var report = Report(breaks: [], clips: [], interludes: [], lost: [])
    let wanted = (placements ?? clips.indices.map { Placement(clip: $0, start: .nan) }).filter {
      clips.indices.contains($0.clip)
    }
    var located = wanted.map { Located($0, in: signal, of: self) }
    located.sort { $0.order < $1.order }
    var followed: [ContinuityClip] = []
    for (index, item) in located.enumerated() {
      let start = located[..<index].last { $0.begin != nil }?.end ?? 0
      let end = located[(index + 1)...].lazy.compactMap(\.begin).first ?? .infinity
      let clip = ContinuityClip(
        index: item.placement.clip, clip: signals[item.placement.clip], recording: signal, channels: channels,
        place: item.place, within: min(start, max(0, end))...max(start, end, 0),
        speed: { item.place == nil ? item.speed : speed(item.placement, in: signal) })
      if let clip { followed.append(clip) } else { report.lost.append(item.placement.clip) }
    }
    followed.sort { $0.described.start < $1.described.start }
    report.clips = followed.map(\.described)
    let joints = ContinuityJoints(waveform: waveform, gap: checkedGap).judge(report.clips)
    report.interludes = joints.interludes
    report.breaks = (followed.flatMap(\.breaks) + joints.breaks).filter(isLongEnough).sorted { $0.start < $1.start }
    return report
  }

  private static let rate = Double(Thresholds.sampleRate)

  /// Where a clip seems to be played: at its own speed, or, if it is not found so, at another one.
  private struct Located {
    var placement: Placement
    var place: ContinuityPlace.Found?
    var speed: ContinuitySpeed.Found?
    /// Samples of the clip.
    var length: Double

    init(_ placement: Placement, in recording: ContinuitySignal, of continuity: Continuity) {
      self.placement = placement
      length = Double(continuity.signals[placement.clip].samples.count)
      place = continuity.locate(placement, in: recording)
      speed = place == nil ? continuity.speed(placement, in: recording) : nil
    }

    /// Samples of the recording; nil where it is not found.
    var begin: Double? { place?.position ?? speed?.begin }
    var end: Double? { begin.map { $0 + length / (speed?.ratio ?? 1) } }
    var order: Double { begin ?? (placement.start.isFinite ? placement.start * rate : .infinity) }
  }

  private func locate(_ placement: Placement, in recording: ContinuitySignal) -> ContinuityPlace.Found? {
    guard let clip = findable(placement) else { return nil }
    let place = ContinuityPlace(clip: clip, recording: recording)
    guard let expected = expected(placement) else { return place.anywhere() }
    return place.near(Int(expected.rounded()), radius: radius)
  }

  private func speed(_ placement: Placement, in recording: ContinuitySignal) -> ContinuitySpeed.Found? {
    guard let clip = findable(placement) else { return nil }
    let speed = ContinuitySpeed(clip: clip, recording: recording)
    return expected(placement).map { speed.near($0, radius: radius) } ?? speed.anywhere()
  }

  /// In a quarter of a second some other sound may be alike by chance.
  private func findable(_ placement: Placement) -> ContinuitySignal? {
    let clip = signals[placement.clip]
    return clip.loud > ContinuitySignal.floor && clip.samples.count >= Thresholds.sampleRate / 4 ? clip : nil
  }

  /// The recording's sample at which the clip's sample 0 is expected.
  private func expected(_ placement: Placement) -> Double? {
    placement.start.isFinite ? placement.start.clamped(to: -86_400...86_400) * Self.rate : nil
  }

  private var radius: Int { max(ContinuitySignal.block, Int(checkedRange * Self.rate)) }

  private func isLongEnough(_ found: Break) -> Bool {
    let shortest = options.shortestMissing.isNaN ? Options().shortestMissing : options.shortestMissing
    // Lengths are differences of times: a nanosecond less is as long.
    return found.kind != .missing || found.length >= shortest - 1e-9
  }

  private var checkedGap: Double { options.gap.isNaN ? Options().gap : max(0, options.gap) }

  var checkedRange: Double {
    options.searchRange.isNaN ? Options().searchRange : options.searchRange.clamped(to: 0...30)
  }
}
