/// Whether one stream was dubbed, completely and in sync: drawn from ``StreamEvidence`` alone.
public struct DubbingVerdict: Sendable, Hashable {
  /// One question about the stream, with its answer.
  public struct Check: Sendable, Hashable {
    /// What was asked, in the words of reports and of the fault catalogue.
    ///
    /// Those of a verdict are the static ones; a ``StreamCheck`` of one's own has a name of its own.
    public struct Name: RawRepresentable, Sendable, Hashable, CaseIterable, ExpressibleByStringLiteral {
      public var rawValue: String

      public init(rawValue: String) { self.rawValue = rawValue }
      public init(stringLiteral name: String) { rawValue = name }
      /// A check of one's own, as reports shall call it.
      public init(_ name: String) { rawValue = name }

      public static let fragmentsSent = Name("fragments sent")
      public static let acknowledged = Name("acknowledged")
      public static let processedOnce = Name("processed once")
      public static let order = Name("order")
      public static let deadline = Name("deadline")
      public static let contract = Name("contract")
      public static let transcript = Name("transcript")
      public static let translation = Name("translation")
      /// An output was published, or, where there is nothing to dub, none was.
      public static let published = Name("published")
      public static let identity = Name("identity")
      public static let originalAbsent = Name("original absent")
      public static let loudness = Name("loudness")
      public static let avSync = Name("a/v sync")
      public static let duration = Name("duration")
      public static let codecs = Name("codecs")
      public static let timestamps = Name("timestamps")
      public static let videoPackets = Name("video packets")
      /// Only where somebody listens to the output: the dub says what the translation says.
      public static let heardAgain = Name("heard again")

      /// Those of every verdict, in the order of the table.
      public static let allCases: [Name] = [
        fragmentsSent, acknowledged, processedOnce, order, deadline, contract, transcript, translation, published,
        identity, originalAbsent, loudness, avSync, duration, codecs, timestamps, videoPackets, heardAgain,
      ]
    }

    public var name: Name
    public var passed: Bool
    /// What was measured, or what is wrong.
    public var detail: String
  }

  /// One row of the result table.
  public struct Fragment: Sendable, Hashable {
    public var sequence: Int
    /// Seconds after the first fragment was sent; nil when it never was.
    public var sentAfter: Double?
    /// From sending to the acknowledgement.
    public var acknowledged: Duration?
    public var transcript: String?
    public var translatedText: String?
    /// From sending to the answer.
    public var processing: Duration?
    /// `original`, `dubbed 3`, `silent`, `mixed`, `unknown`, or `none` where the output has no such window.
    public var attributedTo: String
    public var coherence: Double?
    /// How much later the attributed source is heard in the output than its original in the fixture, milliseconds.
    public var lag: Double?
    /// The same against the picture: lag of the audio minus lag of the video, milliseconds; positive is late.
    public var avDelta: Double?
  }

  public var stream: String
  public var fixture: String
  public var expectedOutcome: StreamOutcome
  public var outcome: StreamOutcome
  /// Seconds of recorded output.
  public var duration: Double
  /// What the checks were held against.
  public var budget: TimeBudget
  /// Seconds of the fixture.
  public var fixtureDuration: Double
  /// How much later the picture is in the output than in the fixture, seconds; nil without a picture.
  public var videoLag: Double?
  /// From the media server having the input to the worker reading it, as exact as 50 ms; nil where that could not be seen.
  public var workerJoined: Duration?
  /// Seconds of the fixture that had gone by before the first sound that the worker sent; nil where that could not be told.
  public var missedStart: Double?
  public var fragments: [Fragment]
  /// Share of the fixture's words that STS did not recognise; nil where they are not known.
  public var wordErrorRate: Double?
  /// Share of the translation's words that were not heard in the output; nil where nobody listened.
  public var dubErrorRate: Double?
  public var checks: [Check]

  public var failedChecks: [Check] { checks.filter { !$0.passed } }
  /// The output is what the fixture expects, and no check failed.
  public var passed: Bool { outcome == expectedOutcome && failedChecks.isEmpty }

  public subscript(_ name: Check.Name) -> Check? { checks.first { $0.name == name } }
}

extension DubbingVerdict {
  /// Asks every question of the evidence.
  public init(_ evidence: StreamEvidence) {
    stream = evidence.stream
    fixture = evidence.fixture.name
    expectedOutcome = evidence.fixture.expectedOutcome
    outcome = Self.outcome(evidence)
    duration = evidence.output?.duration ?? 0
    budget = evidence.budget
    fixtureDuration = evidence.fixture.duration
    videoLag = evidence.video.lag
    workerJoined = evidence.workerJoined
    missedStart = evidence.missedStart
    wordErrorRate = evidence.wordErrorRate?.share
    dubErrorRate = evidence.dubErrorRate?.share
    let start = evidence.events.fragments.first?.sentAt
    fragments = evidence.sequences.map { sequence in
      let fragment = evidence.events.fragments.first { $0.sequence == sequence }
      let window = evidence.windows.first { $0.sequence == sequence }
      let located = window.map { $0.content != .silent && $0.content != .unknown } ?? false
      return Fragment(
        sequence: sequence,
        sentAfter: start.flatMap { start in fragment?.sentAt.timeIntervalSince(start) },
        acknowledged: fragment.flatMap { fragment in
          fragment.acknowledgedAt.map { .seconds($0.timeIntervalSince(fragment.sentAt)) }
        },
        transcript: fragment?.firstAnswer?.transcript,
        translatedText: fragment?.firstAnswer?.translatedText,
        processing: fragment?.roundTrip,
        attributedTo: window?.content.description ?? "none",
        coherence: window?.coherence,
        lag: located ? window.map { ($0.lag + (evidence.video.lag ?? 0)) * 1000 } : nil,
        avDelta: located ? window.map { $0.lag * 1000 } : nil)
    }
    checks =
      evidence.fixture.canBeDubbed
      ? Self.eventChecks(evidence) + Self.textChecks(evidence) + Self.outputChecks(evidence)
        + Self.listeningChecks(evidence)
      : Self.refusalChecks(evidence)
  }

  private static func outcome(_ evidence: StreamEvidence) -> StreamOutcome {
    guard evidence.output != nil, !evidence.windows.isEmpty else { return .failed }
    let windows = evidence.windows
    let wrong = windows.contains { window in
      if case .dubbed(let sequence) = window.content { return sequence != window.sequence }
      return window.content == .unknown
    }
    if wrong { return .failed }
    let kinds = Set(windows.map(\.content.kind))
    guard kinds.count == 1, let kind = kinds.first else {
      // A window in which both dub and original are silent is a pause of the dub, not a second kind of output.
      let loud = windows.filter { $0.content != .silent || evidence.events.isSpoken($0.sequence) }
      let loudKinds = Set(loud.map(\.content.kind))
      return loudKinds.count == 1 ? loudKinds.first ?? .mixed : .mixed
    }
    return kind
  }
}

extension StreamEvidence.Window.Content: CustomStringConvertible {
  public var description: String {
    switch self {
    case .original: "original"
    case .dubbed(let sequence): "dubbed \(sequence)"
    case .mixed: "mixed"
    case .silent: "silent"
    case .unknown: "unknown"
    }
  }

  var kind: StreamOutcome {
    switch self {
    case .original: .passthrough
    case .dubbed: .dubbed
    case .mixed: .mixed
    case .silent: .silent
    case .unknown: .failed
    }
  }
}

extension StreamEvents {
  /// Whether STS recognised words in the fragment.
  func isSpoken(_ sequence: Int) -> Bool {
    let transcript = fragments.first { $0.sequence == sequence }?.firstAnswer?.transcript
    return !(transcript ?? "").isEmpty
  }
}
