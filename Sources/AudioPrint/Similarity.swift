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
  /// Whether the clips are the same recording, give or take codec, gain, filter and offset.
  public var isSame: Bool
  /// Windows of b (6 s each) that a explains.
  public var explainedWindows: Int
  /// Windows of b (6 s each) that are not silent.
  public var audibleWindows: Int

  /// Compares two clips, of any rates.
  ///
  /// Gain, equalisation, codecs, noise to 10 dB, an offset and a speed up to 3 % off do not matter. Two silent clips are the same; a
  /// silent and an audible one are not. Another speed is looked for in clips from 4 s on; stretching that keeps the pitch is not found.
  ///
  /// - Parameters:
  ///   - a: the clip that counts as the source.
  ///   - b: the clip that is looked at: positive lags say that it is late.
  ///   - maxOffset: seconds by which b may be shifted against a, in either direction; 0…600, what is no number counts as 10.
  public static func compare(_ a: AudioClip, _ b: AudioClip, maxOffset: Double = 10) -> Similarity {
    let maxOffset = maxOffset.isNaN ? 10 : maxOffset.clamped(to: 0...600)
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: a, expectedStart: 0)],
      options: AttributionOptions(searchRange: maxOffset, wideSearchRange: maxOffset))
    let aIsSilent = a.level < Thresholds.silence
    let plain = summarise(attributor.attribute(b, windows: windows(of: b.duration)), aIsSilent: aIsSilent)
    if plain.isSame { return plain }
    let search = SpeedEstimation(a: attributor.prepared[0], b: PreparedClip(b), maxOffset: maxOffset)
    guard let (line, samples) = search.estimate() else { return plain }
    let stretched = AudioClip(unchecked: samples, sampleRate: Thresholds.sampleRate)
    let results = attributor.attribute(stretched, windows: windows(of: stretched.duration))
    var found = summarise(results, aIsSilent: aIsSilent)
    guard found.explainedWindows > plain.explainedWindows else { return plain }
    (found.speedRatio, found.lagSeconds) = (line.ratio, -line.offset)
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

  private static func summarise(_ results: [WindowAttribution], aIsSilent: Bool) -> Similarity {
    func weight(_ result: WindowAttribution) -> Double { powerOf(result.level) * (result.end - result.start) }
    let audible = results.filter { $0.attribution != .silent }
    let explained = audible.filter { $0.attribution == .passthrough }
    let energy = results.map(weight).reduce(0, +)
    let length = results.map { $0.end - $0.start }.reduce(0, +)
    let left = results.map { powerOf($0.residualLevel) * ($0.end - $0.start) }.reduce(0, +)
    let coherence = energy > 0 ? audible.map { weight($0) * $0.coherence }.reduce(0, +) / energy : 0
    let best = explained.max { $0.coherence < $1.coherence }
    return Similarity(
      lagSeconds: best?.lagSeconds ?? 0, speedRatio: 1, coherence: coherence, level: finite(energy / max(length, 1e-9)),
      residualLevel: finite(left / max(length, 1e-9)),
      isSame: audible.isEmpty ? aIsSilent : explained.count == audible.count,
      explainedWindows: explained.count, audibleWindows: audible.count)
  }

  private static func powerOf(_ level: Double) -> Double { level.isFinite ? power(decibels: level) : 0 }
  private static func finite(_ power: Double) -> Double? { power > 0 ? decibels(power: power) : nil }
}
