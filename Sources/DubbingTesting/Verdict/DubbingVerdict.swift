public import AudioPrint

/// Whether one stream was dubbed, completely and in sync: drawn from `StreamEvidence` alone.
public struct DubbingVerdict: Sendable, Hashable {
  /// One question about the stream, with its answer.
  public struct Check: Sendable, Hashable {
    /// What was asked, in the words of reports and of the fault catalogue.
    ///
    /// Those of a verdict are the static ones; a ``StreamCheck`` of one's own has a name of its own.
    public struct Name: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
      /// As reports call it.
      public var rawValue: String

      public init(rawValue: String) { self.rawValue = rawValue }
      public init(stringLiteral name: String) { rawValue = name }

      /// Each fragment of the fixture was sent, once and in time.
      public static let fragmentsSent = Name("fragments sent")
      /// Each fragment that was sent was acknowledged.
      public static let acknowledged = Name("acknowledged")
      /// Each fragment that was sent was answered once, with success.
      public static let processedOnce = Name("processed once")
      /// Answers came in the order of their fragments.
      public static let order = Name("order")
      /// Each answer came within ``TimeBudget/fragment``.
      public static let deadline = Name("deadline")
      /// What was said keeps to the ``Contract``.
      public static let contract = Name("contract")
      /// The right words were heard.
      public static let transcript = Name("transcript")
      /// What was made of them is in the target language, and has words where words were heard.
      public static let translation = Name("translation")
      /// An output was published, or, where there is nothing to dub, none was.
      public static let published = Name("published")
      /// Each window of the output is its own fragment's dub.
      public static let identity = Name("identity")
      /// The original is not heard where a dub should be.
      public static let originalAbsent = Name("original absent")
      /// Each dub is as loud as the original, within ``Tolerances/quietDub``.
      public static let loudness = Name("loudness")
      /// Sound and picture are less than ``Tolerances/avDelta`` apart.
      public static let avSync = Name("a/v sync")
      /// The output is as long as the fixture, within ``Tolerances/duration``.
      public static let duration = Name("duration")
      /// The sound is AAC, and the picture has the fixture's codec, unless it was encoded anew.
      public static let codecs = Name("codecs")
      /// Times do not jump: the picture's move by at most ``Tolerances/videoJitter``.
      public static let timestamps = Name("timestamps")
      /// No packet of the picture was lost or changed.
      public static let videoPackets = Name("video packets")
      /// Only where an output was recorded: each dub is played as STS made it, nothing of it missing, twice, or with another sound in it.
      public static let continuity = Name("continuity")
      /// Only where somebody listens to the output: the dub says what the translation says.
      public static let heardAgain = Name("heard again")

      /// Those of every verdict, in the order of the table.
      package static let allCases: [Name] = [
        fragmentsSent, acknowledged, processedOnce, order, deadline, contract, transcript, translation, published,
        identity, originalAbsent, loudness, avSync, duration, codecs, timestamps, videoPackets,
      ]
    }

    /// How a question was answered.
    public enum State: String, Sendable, Hashable, Codable {
      case passed, failed
      /// It could not be put, is not put to such a fixture, or another check's answer answers it too.
      case notAsked = "not asked"
    }

    /// What was asked.
    public var name: Name
    /// How it was answered.
    public var state: State
    /// What was measured, what is wrong, or why it was not asked.
    public var detail: String

    /// Whether it was asked, and nothing was wrong.
    public var passed: Bool { state == .passed }
  }

  /// One row of the result table.
  public struct Fragment: Sendable, Hashable {
    /// Its sequence number, from 0.
    public var sequence: Int
    /// After the first fragment was sent; nil when it never was.
    public var sentAfter: Duration?
    /// From sending to the acknowledgement.
    public var acknowledged: Duration?
    /// What STS heard.
    public var transcript: String?
    /// What STS made of it.
    public var translatedText: String?
    /// From sending to the answer.
    public var processing: Duration?
    /// What its window of the output holds.
    public var attributedTo: WindowContent
    /// Where its window lies in fixture and output; nil: not known.
    package var place: StreamEvidence.Window.Place?
    /// Share of its window that its source explains, 0…1; nil: there is no window.
    public var coherence: Double?
    /// How much later the attributed source is heard in the output than its original in the fixture.
    public var lag: Duration?
    /// The same against the picture: lag of the audio minus lag of the video; positive is late.
    public var avDelta: Duration?
  }

  /// The stream's unique name.
  public var stream: String
  /// The fixture's name.
  public var fixture: String
  /// What the fixture says.
  public var expectedOutcome: StreamOutcome
  /// What came out.
  public var outcome: StreamOutcome
  /// Seconds of recorded output.
  public var duration: Double
  /// What the checks were held against.
  package var budget: TimeBudget
  /// Bounds of the checks.
  package var tolerances: Tolerances
  /// Seconds of the fixture.
  package var fixtureDuration: Double
  /// How much later the picture is in the output than in the fixture; nil without a picture.
  package var videoLag: Duration?
  /// Why that is not known.
  package var videoLagProblem: String?
  /// What became of the picture.
  package var video: VideoMatch.Treatment
  /// From the media server having the input to the worker reading it, as exact as 50 ms; nil where that could not be seen.
  package var workerJoined: Duration?
  /// How much of the fixture had gone by before the first sound that the worker sent; nil where that could not be told.
  package var missedStart: Duration?
  /// In sequence.
  public var fragments: [Fragment]
  /// Share of the fixture's words that STS did not recognise; nil where they are not known.
  public var wordErrorRate: Double?
  /// Share of the translation's words that were not heard in the output; nil where nobody listened.
  public var dubErrorRate: Double?
  /// Where the output does not play a dub as it is; `clip` is the fragment's sequence number.
  public var breaks: [Break]
  /// In the order of ``Check/Name``.
  public var checks: [Check]

  /// Those that are red.
  public var failedChecks: [Check] { checks.filter { $0.state == .failed } }
  /// The output is what the fixture expects, and no check failed.
  public var passed: Bool { outcome == expectedOutcome && failedChecks.isEmpty }

  /// The check of that name.
  public subscript(_ name: Check.Name) -> Check? { checks.first { $0.name == name } }
}

extension DubbingVerdict {
  /// Asks every question of the evidence.
  package init(_ evidence: StreamEvidence) {
    stream = evidence.stream
    fixture = evidence.fixture.name
    expectedOutcome = evidence.fixture.expectedOutcome
    outcome = evidence.wasRefused ? .refused : WindowRule(evidence: evidence).outcome
    duration = evidence.output?.duration ?? 0
    budget = evidence.budget
    tolerances = evidence.tolerances
    fixtureDuration = evidence.fixture.duration
    (videoLag, videoLagProblem, video) = (evidence.video.lag, evidence.video.lagProblem, evidence.video.treatment)
    workerJoined = evidence.workerJoined
    missedStart = evidence.missedStart
    wordErrorRate = evidence.wordErrorRate?.share
    dubErrorRate = evidence.dubErrorRate?.share
    breaks = evidence.continuity?.breaks ?? []
    let start = evidence.events.fragments.first?.sentAt
    fragments = evidence.sequences.map { sequence in
      let fragment = evidence.events.fragments.first { $0.sequence == sequence }
      let window = evidence.windows.first { $0.sequence == sequence }
      let lag = window.flatMap { $0.content.isLocated ? $0.lag : nil }
      return Fragment(
        sequence: sequence,
        sentAfter: start.flatMap { start in (fragment?.sentAt.timeIntervalSince(start)).map { Duration.seconds($0) } },
        acknowledged: fragment.flatMap { fragment in
          fragment.acknowledgedAt.map { .seconds($0.timeIntervalSince(fragment.sentAt)) }
        },
        transcript: fragment?.firstAnswer?.transcript,
        translatedText: fragment?.firstAnswer?.translatedText,
        processing: fragment?.roundTrip,
        attributedTo: window?.content ?? .absent,
        place: window?.place,
        coherence: window?.coherence,
        lag: lag.map { $0 + (evidence.video.lag ?? .zero) },
        avDelta: evidence.video.lag == nil ? nil : lag)
    }
    let expected = evidence.isToBeDubbed ? expectedOutcome : .refused
    checks = Check.Name.allCases.map { name in
      if let reason = name.exemption(expecting: expected) { return Finding.notAsked(reason).check(name) }
      let finding =
        Self.eventFinding(name, evidence) ?? Self.textFinding(name, evidence) ?? Self.outputFinding(name, evidence)
      return (finding ?? .notAsked("nobody knows how")).check(name)
    }
    if let found = evidence.continuity, expected != .refused {
      checks.append(Self.continuity(found).check(.continuity))
    }
    if let rate = evidence.dubErrorRate { checks.append(Self.heardAgain(evidence, rate).check(.heardAgain)) }
  }
}

extension StreamEvidence {
  /// Whether something is to come out: not of what has no sound, nor of what the fixture says is to be refused.
  var isToBeDubbed: Bool { fixture.canBeDubbed && fixture.expectedOutcome != .refused }

  /// Whether nothing was made of what was to be refused.
  fileprivate var wasRefused: Bool {
    fixture.expectedOutcome == .refused && output == nil && events.fragments.isEmpty
  }
}

extension StreamEvents {
  /// Whether STS recognised words in the fragment.
  func isSpoken(_ sequence: Int) -> Bool {
    let transcript = fragments.first { $0.sequence == sequence }?.firstAnswer?.transcript
    return !(transcript ?? "").isEmpty
  }
}
