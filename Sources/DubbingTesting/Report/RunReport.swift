import Foundation

/// What a run found, in the form that CI and people's scripts read from `.build/e2e/report.json`.
public struct RunReport: Sendable, Codable {
  public struct Stream: Sendable, Codable {
    public struct Fragment: Sendable, Codable {
      public var sequence: Int
      public var transcript: String?
      public var translatedText: String?
      public var processingMs: Double?
      public var attributedTo: String
      public var coherence: Double?
      public var lagMs: Double?
      public var avDeltaMs: Double?
    }

    public struct Check: Sendable, Codable {
      public var name: String
      public var passed: Bool
      public var detail: String
    }

    public var test: String
    public var fixture: String
    public var stream: String
    public var outcome: StreamOutcome
    public var durationS: Double
    public var fragments: [Fragment]
    public var checks: [Check]
  }

  /// One entry of the fault catalogue: what was injected and which checks turned red.
  public struct Fault: Sendable, Codable {
    public var fault: String
    public var caughtBy: [String]
    public var expected: [String]
    public var message: String
    public var ok: Bool
  }

  public var started: Date
  /// From the first `up` to both projects ready, seconds; 0 when no environment was started.
  public var envReadyS: Double
  public var totalS: Double
  public var streams: [Stream]
  public var faults: [Fault]

  public init(started: Date) {
    self.started = started
    envReadyS = 0
    totalS = 0
    streams = []
    faults = []
  }

  /// The report as JSON with snake_case keys and ISO 8601 times.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension RunReport.Stream {
  public init(_ verdict: DubbingVerdict, test: String) {
    self.test = test
    fixture = verdict.fixture
    stream = verdict.stream
    outcome = verdict.outcome
    durationS = verdict.duration.rounded(places: 3)
    fragments = verdict.fragments.map(Fragment.init)
    checks = verdict.checks.map { Check(name: $0.name.rawValue, passed: $0.passed, detail: $0.detail) }
  }
}

extension RunReport.Stream.Fragment {
  fileprivate init(_ fragment: DubbingVerdict.Fragment) {
    sequence = fragment.sequence
    transcript = fragment.transcript
    translatedText = fragment.translatedText
    processingMs = fragment.processing?.milliseconds.rounded(places: 1)
    attributedTo = fragment.attributedTo
    coherence = fragment.coherence?.rounded(places: 4)
    lagMs = fragment.lag?.rounded(places: 2)
    avDeltaMs = fragment.avDelta?.rounded(places: 2)
  }
}

extension Double {
  func rounded(places: Int) -> Double {
    let scale = [1.0, 10, 100, 1000, 10000][places]
    // JSON has no infinities; a value that is not a number is a value that was not measured.
    return isFinite ? (self * scale).rounded() / scale : 0
  }
}
