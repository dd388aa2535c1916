/// Everything that a verdict on one stream is drawn from; a pure value, so that a verdict can be tested without a stream.
public struct StreamEvidence: Sendable {
  /// What one fragment's window of the output holds.
  public struct Window: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
      case original
      /// The dubbed audio of the fragment with this sequence number.
      case dubbed(Int)
      /// Dubbed audio and original at once.
      case mixed
      case silent
      case unknown
    }

    public var sequence: Int
    public var content: Content
    /// Share of the window's energy that a short linear filter of its source explains, 0…1.
    public var coherence: Double
    /// The same for the original.
    public var originalCoherence: Double
    /// Where the source lies against where it should, seconds; positive is late.
    public var lag: Double
    /// dBFS (RMS).
    public var level: Double

    public init(
      sequence: Int, content: Content, coherence: Double, originalCoherence: Double = 0, lag: Double, level: Double
    ) {
      self.sequence = sequence
      self.content = content
      self.coherence = coherence
      self.originalCoherence = originalCoherence
      self.lag = lag
      self.level = level
    }
  }

  public var stream: String
  public var fixture: Fixture
  public var budget: TimeBudget
  public var events: StreamEvents
  /// The recorded output; nil when nothing was published.
  public var output: MediaInfo?
  /// Why there is no output.
  public var outputProblem: String?
  public var video: VideoMatch
  /// One for each fragment of the fixture that the output reaches, sent or not, in sequence.
  public var windows: [Window]
  /// Level of the original in the same windows, dBFS (RMS).
  public var originalLevels: [Int: Double]
  /// How long after the input path was ready the worker read it; nil: not known.
  public var workerJoined: Duration?
  /// How long the publisher waited with its first packet.
  public var publisherLead = Duration.zero
  /// Seconds of the fixture before the first sound that the worker sent; nil: not known.
  public var missedStart: Double?
  /// What a ``Listener`` heard in the window of each spoken fragment; nil: nobody listened.
  public var heard: [Int: String]?

  public init(
    stream: String, fixture: Fixture, budget: TimeBudget = .standard, events: StreamEvents, output: MediaInfo?,
    outputProblem: String? = nil, video: VideoMatch, windows: [Window], originalLevels: [Int: Double] = [:]
  ) {
    self.stream = stream
    self.fixture = fixture
    self.budget = budget
    self.events = events
    self.output = output
    self.outputProblem = outputProblem
    self.video = video
    self.windows = windows
    self.originalLevels = originalLevels
  }

  func joined(after time: Duration?, lead: Duration) -> StreamEvidence {
    var evidence = self
    evidence.workerJoined = time
    evidence.publisherLead = lead
    return evidence
  }

  /// Every fragment that was sent, and every one that the output has a window for.
  var sequences: [Int] { Set(events.fragments.map(\.sequence) + windows.map(\.sequence)).sorted() }
}
