/// How much one clip is another one: the lag between them, and the share of its energy that a linear filter of the other explains.
public struct Similarity: Sendable, Hashable, Codable {
  /// Where `b` lies in `a`'s time, in seconds: positive if b's sound comes later in b than in a.
  public var lagSeconds: Double
  /// How much faster b plays than a, 0.97…1.03, pitch included, as after a wrong sampling rate; 1 if it plays at a's speed (within
  /// 50 ppm) or is another recording. If it is not 1, `lagSeconds` is that at b's beginning.
  public var speedRatio: Double
  /// Share of b's energy that a short linear filter of a explains at that lag, 0…1 (mean over windows of 6 s, by energy).
  public var coherence: Double
  /// Level of b in dBFS; nil for digital silence.
  public var level: Double?
  /// Level in dBFS of what a does not explain of b; nil for digital silence. Something mixed over b raises it.
  public var residualLevel: Double?
  /// Whether the clips are the same recording, give or take codec, gain, filter and offset, from b's beginning to its end.
  public var isSame: Bool
  /// Seconds of b in which it is the same, pauses included; what is muted in b and sounds in a does not count.
  public var sameSeconds: Double
  /// Seconds of b.
  public var seconds: Double
  /// Windows of b (6 s each) that a explains.
  public var explainedWindows: Int
  /// Windows of b (6 s each) that are not silent.
  public var audibleWindows: Int

  /// Seconds below which a clip says too little to be compared or attributed.
  public static let shortest = Thresholds.shortestClip

  /// Compares two clips, of any rates.
  ///
  /// Gain, equalisation, codecs, noise to 10 dB, an offset and a speed up to 3 % off do not matter. Two silent clips are the same; a
  /// silent and an audible one are not. Another speed is looked for in clips from 4 s on; stretching that keeps the pitch is not found.
  /// Below ``shortest`` nothing that sounds can be told from anything else.
  ///
  /// - Parameters:
  ///   - a: the clip that counts as the source.
  ///   - b: the clip that is looked at: positive lags say that it is late.
  ///   - maxOffset: seconds by which b may be shifted against a, in either direction; 0…600, what is no number counts as 10.
  public static func compare(_ a: AudioClip, _ b: AudioClip, maxOffset: Double = 10) -> Similarity {
    let maxOffset = maxOffset.isNaN ? 10 : maxOffset.clamped(to: 0...600)
    var options = AttributionOptions(searchRange: maxOffset, wideSearchRange: maxOffset)
    // One speed is looked for below, in the whole clip at once.
    (options.isBounded, options.findsSpeed) = (true, false)
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: a, expectedStart: 0)], options: options)
    let reference = attributor.prepared[0]
    let b = Waveform(b)
    let plain = summarise(attributor, b)
    if plain.isSame || plain.explainedWindows == plain.audibleWindows { return plain }
    let search = SpeedEstimation(a: reference, b: PreparedClip(b.clip), maxOffset: maxOffset)
    guard let (line, samples) = search.estimate() else { return plain }
    var found = summarise(attributor, Waveform(samples: samples))
    guard found.explainedWindows > plain.explainedWindows else { return plain }
    (found.speedRatio, found.lagSeconds) = (line.ratio, -line.offset)
    (found.seconds, found.sameSeconds) = (plain.seconds, found.sameSeconds / line.ratio)
    return found
  }

  /// Windows of 6 s, the last one up to 9 s so that none is too short to say anything.
  private static func windows(of duration: Double) -> [(start: Double, end: Double)] {
    let count = max(1, Int(((duration - 3) / 6).rounded(.up)))
    return (0..<count).map { index in
      let start = 6 * Double(index)
      return (start: start, end: index == count - 1 ? duration : start + 6)
    }
  }

  private static func summarise(_ attributor: Attributor, _ b: Waveform) -> Similarity {
    func weight(_ result: WindowAttribution) -> Double { powerOf(result.level) * (result.end - result.start) }
    let results = attributor.attributeAtOwnSpeed(b, windows: windows(of: b.duration))
    let audible = results.filter { $0.attribution != .silent }
    let explained = audible.filter { $0.attribution == .passthrough }
    let energy = results.map(weight).reduce(0, +)
    let length = results.map { $0.end - $0.start }.reduce(0, +)
    let left = results.map { powerOf($0.residualLevel) * ($0.end - $0.start) }.reduce(0, +)
    let coherence = energy > 0 ? audible.map { weight($0) * $0.coherence }.reduce(0, +) / energy : 0
    let best = explained.max { $0.coherence < $1.coherence }
    let a = attributor.prepared[0].waveform
    let muted = best == nil ? nil : Self.muted(a, b, results)
    let other = audible.filter { $0.attribution != .passthrough }.map { $0.end - $0.start }.reduce(0, +)
    let aIsSilent = a.level(from: 0, count: a.samples.count) < Thresholds.silence
    let isExplained = audible.isEmpty ? aIsSilent : explained.count == audible.count
    return Similarity(
      lagSeconds: best?.lagSeconds ?? 0, speedRatio: 1, coherence: coherence, level: finite(energy / max(length, 1e-9)),
      residualLevel: finite(left / max(length, 1e-9)), isSame: isExplained && muted?.ranges.isEmpty ?? true,
      sameSeconds: best == nil ? isExplained ? b.duration : 0 : max(0, b.duration - other - (muted?.seconds ?? 0)),
      seconds: b.duration, explainedWindows: explained.count, audibleWindows: audible.count)
  }

  /// What is muted of b in windows that are explained or silent; those between two lags go with the one before.
  private static func muted(_ a: Waveform, _ b: Waveform, _ results: [WindowAttribution]) -> MutedStretches {
    let frame = Thresholds.sampleRate / 50
    var lag = results.first { $0.attribution == .passthrough }?.lagSeconds ?? 0
    var (levels, source): ([Double], [Double?]) = ([], [])
    for result in results {
      if result.attribution == .passthrough { lag = result.lagSeconds }
      let shift = Int((lag * Double(Thresholds.sampleRate)).rounded())
      let end = min(b.samples.count, Int((result.end * Double(Thresholds.sampleRate)).rounded()))
      for start in stride(from: levels.count * frame, to: end - frame + 1, by: frame) {
        levels.append(b.level(from: start, count: frame))
        let isThere = start - shift >= 0 && start - shift + frame <= a.samples.count
        source.append(isThere && result.attribution != .unknown ? a.level(from: start - shift, count: frame) : nil)
      }
    }
    return MutedStretches(levels: levels, source: source, step: 0.02)
  }

  private static func powerOf(_ level: Double) -> Double { level.isFinite ? power(decibels: level) : 0 }
  private static func finite(_ power: Double) -> Double? { power > 0 ? decibels(power: power) : nil }
}
