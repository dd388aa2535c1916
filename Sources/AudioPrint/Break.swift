/// A span in which a recording does not follow the clip that it is playing.
public struct Break: Sendable, Hashable, Codable {
  /// What is wrong in the span.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Silence where the clip sounds.
    case missing
    /// A stretch of the clip that was played before is played again.
    case doubled
    /// A stretch of the clip is left out: what follows it comes at once.
    case skipped
    /// Sound that is not the clip's, in its place, over it or in its pauses; a click too.
    case inserted
    /// The clip, at least 9 dB below the level at which the rest of it plays.
    case levelDrop
    /// The clip with its peaks cut off.
    case clipping
    /// The clip on some of the recording's channels only.
    case channelLost
    /// Silence between two clips that should follow each other.
    case gap
    /// The next clip begins before this one has ended.
    case overlap
  }

  /// What is wrong.
  public var kind: Kind
  /// First moment, in seconds on the recording's timeline (0 is its first sample).
  public var start: Double
  /// Seconds that are affected: of the recording, or, for `skipped`, of the clip that is left out, which takes no time of the recording.
  public var length: Double
  /// Index of the clip that is broken, in the list given to ``Continuity``; between two clips, that of the first.
  public var clip: Int
  /// Where in the clip the break begins, in seconds.
  public var clipStart: Double

  /// A break at a place; `start`, `length` and `clipStart` in seconds.
  public init(kind: Kind, start: Double, length: Double, clip: Int, clipStart: Double) {
    (self.kind, self.start, self.length, self.clip, self.clipStart) = (kind, start, length, clip, clipStart)
  }

  /// The span on the recording's timeline, in seconds; empty for `skipped`.
  public var range: Range<Double> { start..<(kind == .skipped ? start : start + max(0, length)) }
}

/// A clip that a recording plays, as far as it could be followed.
public struct FollowedClip: Sendable, Hashable, Codable {
  /// Index in the list given to ``Continuity``.
  public var clip: Int
  /// First and last moment at which the clip plays, in seconds on the recording's timeline.
  public var start: Double
  /// The last of them.
  public var end: Double
  /// How much faster the recording plays it, 0.968…1.032, pitch included; 1 if it could be followed as it is (up to 0.1 % off).
  public var speedRatio: Double
  /// Seconds in which the clip sounds loud enough to be judged; what is silent in a clip cannot be told from a gap.
  public var judged: Double
  /// Of those, how many seconds the recording follows.
  public var followed: Double
  /// Seconds of the clip that lie before the recording begins, and after it ends.
  public var cutBefore: Double
  /// The latter.
  public var cutAfter: Double
}

/// What a recording plays between two clips that were found in it, before the first and after the last.
public struct Interlude: Sendable, Hashable, Codable {
  /// The clips before and after it; nil at the recording's begin and end.
  public var previous: Int?
  /// The clip after it.
  public var next: Int?
  /// Seconds on the recording's timeline; where clips overlap, `end` is before `start`.
  public var start: Double
  /// The end, on the same timeline.
  public var end: Double
  /// Level in dBFS of what sounds there; nil if nothing does that anybody hears (-55 dBFS).
  public var level: Double?
}
