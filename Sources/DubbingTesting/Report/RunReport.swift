import Foundation

/// What a run found, in the form that CI and people's scripts read from `.build/e2e/report.json`; `docs/report.md` lists the keys.
package struct RunReport: Sendable, Codable {
  package struct Stream: Sendable, Codable {
    package struct Fragment: Sendable, Codable {
      package var sequence: Int
      /// After the first fragment of the stream was sent, seconds; nil when it never was.
      package var sentAfterS: Double?
      /// From sending to the acknowledgement.
      package var acknowledgedMs: Double?
      package var transcript: String?
      package var translatedText: String?
      package var processingMs: Double?
      package var attributedTo: WindowContent
      /// Where its sound was cut from the fixture, and what of the output was looked at, seconds; nil: not known.
      package var fixtureStartS: Double?
      package var outputStartS: Double?
      package var outputEndS: Double?
      package var coherence: Double?
      package var lagMs: Double?
      package var avDeltaMs: Double?
    }

    package struct Check: Sendable, Codable {
      package var name: String
      /// Whether it is not red; `state` tells what was not asked from what was.
      package var passed: Bool
      package var state: DubbingVerdict.Check.State
      package var detail: String

      package init(name: String, passed: Bool, state: DubbingVerdict.Check.State, detail: String) {
        (self.name, self.passed, self.state, self.detail) = (name, passed, state, detail)
      }
    }

    /// A span in which the output does not play a fragment's dub as it is.
    package struct Break: Sendable, Codable {
      package var kind: String
      /// Sequence number.
      package var fragment: Int
      /// On the output's time line, seconds.
      package var startS: Double
      package var lengthMs: Double
    }

    package var test: String
    /// The ``Case/name`` of its test case; nil: it was published outside of one.
    package var testCase: String?
    package var fixture: String
    package var stream: String
    package var outcome: StreamOutcome
    package var durationS: Double
    package var fragments: [Fragment]
    package var checks: [Check]

    package var expectedOutcome: StreamOutcome
    /// The outcome is the expected one and no check is red.
    package var passed: Bool
    /// What was broken on purpose; red checks are then what is hoped for.
    package var fault: String?
    /// The ``Environment/media`` of the environment that the stream ran in.
    package var environment: String?
    /// The ``Engine/context`` of the engine that it ran on; nil: there was no pool.
    package var engine: String?
    /// The one on which it was run before, and which went away meanwhile; nil: none.
    package var lostEngine: String?
    package var fixtureDurationS: Double
    /// Length of a fragment.
    package var segmentS: Double
    /// How long an answer may take.
    package var answerBoundS: Double
    /// How far sound may lie from the picture, either way.
    package var avBoundMs: Double
    package var videoLagMs: Double?
    /// What became of the picture, and why its lag is not known where it is not.
    package var video: VideoMatch.Treatment?
    package var videoLagProblem: String?
    /// From the media server having the input to the worker reading it; nil where that could not be seen.
    package var workerJoinedMs: Double?
    /// Seconds of the fixture before the first sound that the worker sent; nil where that could not be told.
    package var missedStartS: Double?
    /// Share of the fixture's words that were not recognised, 0…1; nil where they are not known.
    package var wordErrorRate: Double?
    /// Share of the translation's words that a listener did not hear in the output, 0…1; nil where nobody listened.
    package var dubErrorRate: Double?
    /// In order of time; nil where nothing was followed.
    package var breaks: [Break]?
    /// Whether the `SpectralHash` of original and output differ: what the predecessor called dubbed. nil without an output.
    package var hashDiffers: Bool?
    /// What the machine lacked while the stream ran; nil for one that was not run by this package.
    package var starvation: Starvation?
    /// The stream that was run in its place, alone, because it was red on a starved machine (``StarvedPolicy/retry``).
    package var repeatedAs: String?
    /// The recorded output, from the report's folder; nil when there is none.
    package var recording: String?
    /// What the tap recorded, from the report's folder.
    package var events: String?
  }

  /// One entry of the fault catalogue: what was injected and which checks turned red.
  package struct Fault: Sendable, Codable {
    package var fault: String
    package var caughtBy: [String]
    package var expected: [String]
    package var message: String
    package var ok: Bool
    package var outcome: StreamOutcome?
    /// As ``Stream/hashDiffers``.
    package var hashDiffers: Bool?

    package init(
      fault: String, caughtBy: [String], expected: [String], message: String, ok: Bool, outcome: StreamOutcome? = nil,
      hashDiffers: Bool? = nil
    ) {
      self.fault = fault
      self.caughtBy = caughtBy
      self.expected = expected
      self.message = message
      self.ok = ok
      self.outcome = outcome
      self.hashDiffers = hashDiffers
    }
  }

  /// A pair of projects that was started, and how long that took.
  package struct Environment: Sendable, Codable {
    package struct Service: Sendable, Codable {
      package var service: String
      /// From `up` to ready.
      package var readyS: Double

      package init(service: String, readyS: Double) {
        (self.service, self.readyS) = (service, readyS)
      }
    }

    /// The unique names of both projects.
    package var media: String
    package var sts: String
    package var readyS: Double
    package var services: [Service]
    /// Both projects' logs, from the report's folder; there once the environment is down.
    package var logs: [String]
    /// How an engine on another machine was reached; nil: it was this machine's.
    package var remote: Remote?
    /// The ``Engine/context`` of its engine; nil: there was no pool.
    package var engine: String?

    package init(
      media: String, sts: String, readyS: Double, services: [Service], logs: [String], remote: Remote? = nil
    ) {
      (self.media, self.sts, self.readyS, self.services, self.logs) = (media, sts, readyS, services, logs)
      self.remote = remote
    }
  }

  /// An engine on another machine, and what was found out about the way there.
  package struct Remote: Sendable, Codable {
    /// Program and versions, and where it is.
    package var engine: String
    /// Where its published ports are reached.
    package var host: String
    /// Where its containers reach the tap, and from which addresses they may.
    package var tap: String
    package var peers: [String]
    /// How far the engine's clock is ahead of this machine's, and how far off that may be; nil: it does not say its time.
    package var clockOffsetMs: Double?
    package var clockUncertaintyMs: Double?
    /// Why the tap was reached through an outpost on the engine's machine; nil: it was not.
    package var outpost: String?

    package init(
      engine: String, host: String, tap: String, peers: [String], clockOffsetMs: Double?, clockUncertaintyMs: Double?,
      outpost: String? = nil
    ) {
      self.outpost = outpost
      (self.engine, self.host, self.tap, self.peers) = (engine, host, tap, peers)
      (self.clockOffsetMs, self.clockUncertaintyMs) = (clockOffsetMs, clockUncertaintyMs)
    }
  }

  /// An engine of a pool.
  package struct Engine: Sendable, Codable, Hashable {
    /// The docker context that leads to it.
    package var context: String
    /// Program and versions, and where it is.
    package var engine: String
    package var cores: Int
    /// How many streams might be published there at once, in the end.
    package var places: Int
    /// Why it was not counted on any more, and since when; nil: it was there until the end.
    package var lost: String?
    package var lostAfterS: Double?

    package init(
      context: String, engine: String, cores: Int, places: Int, lost: String? = nil, lostAfterS: Double? = nil
    ) {
      (self.context, self.engine, self.cores, self.places) = (context, engine, cores, places)
      (self.lost, self.lostAfterS) = (lost, lostAfterS)
    }
  }

  package var started: Date
  /// From the first `up` to both projects ready, seconds; 0 when no environment was started.
  package var envReadyS: Double
  package var totalS: Double
  package var streams: [Stream]
  package var faults: [Fault]

  /// How long at least one stream was being published.
  package var publishingS: Double
  package var environments: [Environment]
  /// Those among which the streams were spread; nil: there was no pool.
  package var engines: [Engine]?
  /// What the run ran on; nil until the first environment is ready.
  package var versions: RunVersions?
  /// What tests measured beyond their streams, by name; the unit is in the name.
  package var measurements: [String: Double]
  /// Every test case of suites with `.dualStack`, by name; in a shard's report the others' too. nil: written before there were any.
  package var cases: [Case]?
  /// Which part of a run this is; nil: the whole.
  package var shards: Shards?
  /// The command that runs chosen tests again as this run ran them, with `{filter}` in the place of a pattern; nil: none was known.
  package var rerun: String?
  /// What failed outside of every stream and case, in the words of the test log; nil: nothing, as far as is known.
  package var elsewhere: [String]?

  package init(started: Date) {
    self.started = started
    envReadyS = 0
    totalS = 0
    streams = []
    faults = []
    publishingS = 0
    environments = []
    measurements = [:]
  }

  /// The report as JSON with snake_case keys and ISO 8601 times.
  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension RunReport.Stream {
  package init(_ verdict: DubbingVerdict, test: String) {
    self.test = test
    fixture = verdict.fixture
    stream = verdict.stream
    outcome = verdict.outcome
    durationS = verdict.duration.rounded(places: 3)
    fragments = verdict.fragments.map(Fragment.init)
    checks = verdict.checks.map {
      Check(name: $0.name.rawValue, passed: $0.state != .failed, state: $0.state, detail: $0.detail)
    }
    expectedOutcome = verdict.expectedOutcome
    passed = verdict.passed
    fixtureDurationS = verdict.fixtureDuration.rounded(places: 3)
    segmentS = verdict.budget.segment.seconds.rounded(places: 3)
    answerBoundS = verdict.budget.fragment.seconds.rounded(places: 3)
    avBoundMs = verdict.tolerances.avDelta.milliseconds.rounded(places: 1)
    videoLagMs = verdict.videoLag?.milliseconds.rounded(places: 2)
    (video, videoLagProblem) = (verdict.video, verdict.videoLagProblem)
    workerJoinedMs = verdict.workerJoined?.milliseconds.rounded(places: 1)
    missedStartS = verdict.missedStart?.seconds.rounded(places: 3)
    wordErrorRate = verdict.wordErrorRate?.rounded(places: 4)
    dubErrorRate = verdict.dubErrorRate?.rounded(places: 4)
    if verdict[.continuity] != nil {
      breaks = verdict.breaks.map {
        Break(
          kind: $0.kind.rawValue, fragment: $0.clip, startS: $0.start.rounded(places: 3),
          lengthMs: ($0.length * 1000).rounded(places: 1))
      }
    }
  }

  /// The red ones.
  var failedChecks: [Check] { checks.filter { $0.state == .failed } }

  /// What differs from what was hoped for: with a fault on purpose, nobody can tell from the stream alone.
  var isUnexpected: Bool { fault == nil && !passed && repeatedAs == nil }
}

extension RunReport.Stream.Fragment {
  fileprivate init(_ fragment: DubbingVerdict.Fragment) {
    sequence = fragment.sequence
    sentAfterS = fragment.sentAfter?.seconds.rounded(places: 3)
    acknowledgedMs = fragment.acknowledged?.milliseconds.rounded(places: 1)
    transcript = fragment.transcript
    translatedText = fragment.translatedText
    processingMs = fragment.processing?.milliseconds.rounded(places: 1)
    attributedTo = fragment.attributedTo
    fixtureStartS = fragment.place?.fixtureStart.seconds.rounded(places: 3)
    outputStartS = fragment.place?.output.lowerBound.seconds.rounded(places: 3)
    outputEndS = fragment.place?.output.upperBound.seconds.rounded(places: 3)
    coherence = fragment.coherence?.rounded(places: 4)
    lagMs = fragment.lag?.milliseconds.rounded(places: 2)
    avDeltaMs = fragment.avDelta?.milliseconds.rounded(places: 2)
  }
}

extension RunReport.Environment {
  init(_ environment: DualStackEnvironment) {
    media = environment.media.projectName
    sts = environment.sts.projectName
    readyS = environment.readyAfter.seconds.rounded(places: 3)
    services = [environment.media, environment.sts].flatMap { stack in
      stack.serviceReadyAfter.map { Service(service: $0.key, readyS: $0.value.seconds.rounded(places: 3)) }
        .sorted { $0.service < $1.service }
    }
    logs = []
    engine = environment.pooled?.member.name
    remote = environment.tapPlace.remote.map { remote in
      RunReport.Remote(
        engine: remote.engine, host: remote.host, tap: environment.tapPlace.address, peers: remote.peers,
        clockOffsetMs: remote.clock?.offset.milliseconds.rounded(places: 1),
        clockUncertaintyMs: remote.clock?.uncertainty.milliseconds.rounded(places: 1), outpost: remote.outpost)
    }
  }
}

extension Double {
  func rounded(places: Int) -> Double {
    let scale = [1.0, 10, 100, 1000, 10000][places]
    // JSON has no infinities; a value that is not a number is a value that was not measured.
    return isFinite ? (self * scale).rounded() / scale : 0
  }
}
