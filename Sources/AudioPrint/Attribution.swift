/// A source from which the output may have been made.
public struct Candidate: Sendable {
  /// What the source is.
  public enum Role: Sendable, Hashable {
    /// The audio as it was before the pipeline.
    case original
    /// The dubbed audio of fragment k.
    case dubbed(Int)
  }

  /// What the clip is.
  public var role: Role
  /// Its sound.
  public var clip: AudioClip
  /// Where, in seconds on the output's timeline, sample 0 of the clip is expected; nil if nothing is known.
  public var expectedStart: Double?

  /// A clip that may be in the output.
  public init(role: Role, clip: AudioClip, expectedStart: Double? = nil) {
    self.role = role
    self.clip = clip
    self.expectedStart = expectedStart
  }

  var isOriginal: Bool { role == .original }
}

/// What a stretch of the output is.
public enum SegmentClass: Sendable, Hashable, CustomStringConvertible {
  /// The original, possibly coded, filtered, at another level.
  case passthrough
  /// The dubbed audio of fragment k.
  case dubbed(Int)
  /// The original and a dubbed fragment at once, whichever is louder.
  case mixed
  /// Nothing that anybody hears.
  case silent
  /// Sound that no candidate explains.
  case unknown

  public var description: String {
    switch self {
    case .passthrough: "passthrough"
    case .dubbed(let fragment): "dubbed(\(fragment))"
    case .mixed: "mixed"
    case .silent: "silent"
    case .unknown: "unknown"
    }
  }
}

/// What one window or segment of the output is, and how surely.
public struct WindowAttribution: Sendable, Hashable {
  /// First and last moment, in seconds on the output's timeline (0 is the output's first sample).
  public var start: Double
  /// The last moment, on the same timeline.
  public var end: Double
  /// What it is.
  public var attribution: SegmentClass
  /// Index, in the list given to the ``Attributor``, of the candidate that explains most; nil for silent and unknown.
  public var candidateIndex: Int?
  /// For mixed: index of the other source that is in it.
  public var secondCandidateIndex: Int?
  /// Where the winner's sample 0 lies on the output's timeline, minus its `expectedStart` (nil counts as 0), in seconds. Positive: the
  /// output is late. 0 where there is no winner.
  public var lagSeconds: Double
  /// How much faster than the winner the output plays, 0.97…1.03, pitch included; 1 if it plays at the winner's own speed, or there is no
  /// winner. If it is not 1, `lagSeconds` is that at the window's beginning.
  public var speedRatio = 1.0
  /// Share of the window's energy, 0…1, that a short linear filter of the winner explains; without a winner, the best of all.
  public var coherence: Double
  /// The same against the original at its best lag, whoever wins; 0 if there is no original.
  public var originalCoherence: Double
  /// Of what the winner leaves over, the share 0…1 that the best other source explains; from 0.3 there surely is a second source in the
  /// window, however quiet. 0 if there is no winner, no other source, or nothing left that could be heard (25 dB below the window).
  public var secondCoherence: Double
  /// RMS level in dBFS; -infinity for digital silence.
  public var level: Double
  /// Level in dBFS of what the winner (for mixed: both sources) does not explain.
  public var residualLevel: Double
  /// 0…1: how far the figures are from those at which the verdict would be another one.
  public var confidence: Double
}

/// How an ``Attributor`` searches.
public struct AttributionOptions: Sendable, Hashable {
  /// Seconds around a candidate's `expectedStart` in which it is looked for first; 0…600.
  public var searchRange: Double
  /// Seconds around its expected place in which a candidate longer than a minute is looked for at all, 0…600; shorter ones are looked
  /// for everywhere.
  public var wideSearchRange: Double

  /// Whether another speed, up to 3 % off, is looked for where most of what sounds is explained by nothing.
  public var findsSpeed = true
  /// Whether a candidate counts only within `searchRange` of its expected place, whatever its length.
  var isBounded = false

  /// Options with these ranges, in seconds.
  public init(searchRange: Double = 2, wideSearchRange: Double = 30) {
    self.searchRange = searchRange
    self.wideSearchRange = wideSearchRange
  }

  /// With ranges of 0 to 600 s; what is no number becomes the default.
  var checked: AttributionOptions {
    func check(_ value: Double, _ usual: Double) -> Double { value.isNaN ? usual : value.clamped(to: 0...600) }
    var known = self
    known.searchRange = check(searchRange, 2)
    known.wideSearchRange = check(wideSearchRange, 30)
    return known
  }
}
