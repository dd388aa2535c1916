/// How far a stream may be from perfect before a check turns red: every bound of a verdict that is not a ``TimeBudget``.
///
/// ```swift
/// var stack = DualStack.described(by: "stack.json")
/// stack.tolerances.avDelta = .milliseconds(80)
/// ```
public struct Tolerances: Sendable, Hashable {
  /// How far dubbed audio may lie from the picture, either way, for the check `a/v sync`.
  ///
  /// ITU-R BT.1359 puts the limit of acceptance at sound 90 ms early and 185 ms late.
  public var avDelta = Duration.milliseconds(120)
  /// How far the output's length may differ from that of the fixture, either way, for `duration`.
  public var duration = Duration.milliseconds(500)
  /// How much of the fixture may have gone by before the worker's first fragment, for `fragments sent` and `duration`.
  public var missedStart = Duration.milliseconds(500)
  /// How much of the fixture may be missing, or be sent twice, between two fragments, for `fragments sent`.
  public var gap = Duration.milliseconds(250)
  /// Share of a window's energy, 0…1, above which the original is audible in it, for `original absent`.
  ///
  /// A dub that replaces the original measured at most 0.1, a voice-over on the original ducked by 12 dB measures above 0.25.
  public var audibleOriginal = 0.25
  /// How many dB under the original's level a dub may be and still be heard as one, for `loudness`.
  public var quietDub = 26.0
  /// How much the video's times may move against the input's, for `timestamps`: the largest difference minus the smallest.
  public var videoJitter = Duration.milliseconds(20)

  /// What a stack file may set, by its keys.
  package static let keys: [String: @Sendable (inout Tolerances, Double) -> Void] = [
    "av_delta_ms": { $0.avDelta = .milliseconds($1) }, "duration_ms": { $0.duration = .milliseconds($1) },
    "missed_start_ms": { $0.missedStart = .milliseconds($1) }, "gap_ms": { $0.gap = .milliseconds($1) },
    "audible_original": { $0.audibleOriginal = $1 }, "quiet_dub_db": { $0.quietDub = $1 },
    "video_jitter_ms": { $0.videoJitter = .milliseconds($1) },
  ]

  /// The standard tolerances.
  public init() {}

  /// What holds unless a stack says otherwise.
  public static let standard = Tolerances()
}
