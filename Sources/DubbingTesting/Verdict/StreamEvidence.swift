/// Everything that a verdict on one stream is drawn from; a pure value, so that a verdict can be tested without a stream.
package struct StreamEvidence: Sendable {
  /// What one fragment's window of the output holds.
  package struct Window: Sendable, Hashable {
    /// Where a window lies in fixture and output, as it was measured.
    package struct Place: Sendable, Hashable {
      /// Where its fragment was cut, from the fixture's beginning.
      package var fixtureStart: Duration
      /// What was looked at, from the output's time 0.
      package var output: Range<Duration>

      /// A place in both.
      package init(fixtureStart: Duration, output: Range<Duration>) {
        self.fixtureStart = fixtureStart
        self.output = output
      }
    }

    /// The fragment whose window it is.
    package var sequence: Int
    /// What it holds.
    package var content: WindowContent
    /// Share of the window's energy that a short linear filter of its source explains, 0…1.
    package var coherence: Double
    /// The same for the original.
    package var originalCoherence: Double
    /// Where the source lies against where it should; positive is late.
    package var lag: Duration
    /// dBFS (RMS).
    package var level: Double
    /// Where it lies; nil: not known.
    package var place: Place?

    /// A window of these figures.
    package init(
      sequence: Int, content: WindowContent, coherence: Double, originalCoherence: Double = 0, lag: Duration,
      level: Double, place: Place? = nil
    ) {
      self.sequence = sequence
      self.content = content
      self.coherence = coherence
      self.originalCoherence = originalCoherence
      self.lag = lag
      self.level = level
      self.place = place
    }
  }

  /// The stream's unique name.
  package var stream: String
  /// What was published.
  package var fixture: Fixture
  /// How long things may take.
  package var budget: TimeBudget
  /// How far from perfect things may be.
  package var tolerances: Tolerances
  /// What the worker sent and got.
  package var events: StreamEvents
  /// The recorded output; nil when nothing was published.
  package var output: MediaInfo?
  /// Why there is no output.
  package var outputProblem: String?
  /// What became of the picture.
  package var video: VideoMatch
  /// One for each fragment of the fixture that the output reaches, sent or not, in sequence.
  package var windows: [Window]
  /// Level of the original in the same windows, dBFS (RMS).
  package var originalLevels: [Int: Double]
  /// How long after the input path was ready the worker read it; nil: not known.
  package var workerJoined: Duration?
  /// How long the publisher waited with its first packet.
  package var publisherLead = Duration.zero
  /// What of the fixture was sent; nil: not known, then fragments are counted.
  package var coverage: FixtureCoverage?
  /// Whether the worker sends what does not fill a fragment; nil: that is seen.
  package var tail: FixtureCoverage.Tail?
  /// What the worker does to the picture; nil: that is seen.
  package var picture: VideoMatch.Treatment?
  /// What was published around the fixture; nil: nothing.
  package var padding: FixturePadding?
  /// Fragments that hold nothing of the fixture, by sequence number: nobody asks what became of them.
  package var outside: Set<Int> = []
  /// What declarations and sound of fragments and dubs do not agree on, one sentence each.
  package var soundProblems: [String] = []
  /// How much of the fixture had gone by before the first sound that the worker sent; nil: not known.
  package var missedStart: Duration?
  /// Whether each dub is played without a break; nil: nobody followed it.
  package var continuity: DubContinuity?
  /// What a listener heard in the window of each spoken fragment; nil: nobody listened.
  package var heard: [Int: String]?

  /// Evidence of these parts; the rest is not known.
  package init(
    stream: String, fixture: Fixture, budget: TimeBudget = .standard, tolerances: Tolerances = .standard,
    events: StreamEvents, output: MediaInfo?, outputProblem: String? = nil, video: VideoMatch, windows: [Window],
    originalLevels: [Int: Double] = [:]
  ) {
    self.stream = stream
    self.fixture = fixture
    self.budget = budget
    self.tolerances = tolerances
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
