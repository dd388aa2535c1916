import ComposeKit
public import Foundation

/// A question of one's own about a stream, asked beside those of every verdict.
///
/// Put it into ``DualStack/checks``; its answer stands among the verdict's checks, in the table and in the report. The ready-made ones are
/// ``logErrors(pattern:except:)``, ``metric(_:)``, ``maxInflight``, ``firstOutput(within:)``, ``workerConnects(within:)`` and ``inSync(share:)``.
public struct StreamCheck: Sendable, Hashable {
  /// What was found.
  public enum Answer: Sendable, Hashable {
    /// All is well; what was measured.
    case passed(String)
    /// What is wrong.
    case failed(String)
    /// There was nothing to ask, and why.
    case notAsked(String)
  }

  /// Asks, once the stream is over.
  public typealias Judge = @Sendable (StreamFindings) async throws -> Answer

  /// As reports call it; two checks of one name count as equal.
  package var name: DubbingVerdict.Check.Name
  /// Looks at the environment before the stream is published, and returns what asks afterwards.
  package var prepare: @Sendable (DualStackEnvironment) async throws -> Judge

  /// A check that compares afterwards with before.
  public init(
    _ name: DubbingVerdict.Check.Name, prepare: @escaping @Sendable (DualStackEnvironment) async throws -> Judge
  ) {
    self.name = name
    self.prepare = prepare
  }

  /// A check that asks afterwards.
  public init(_ name: DubbingVerdict.Check.Name, judge: @escaping Judge) {
    self.init(name) { _ in judge }
  }

  public static func == (one: StreamCheck, other: StreamCheck) -> Bool { one.name == other.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// All that is known of a stream that is over.
public struct StreamFindings: Sendable {
  /// The stream's name.
  public var stream: String
  /// What was published.
  public var fixture: Fixture
  /// Both projects, still running.
  public var environment: DualStackEnvironment
  /// Before the publisher was started.
  public var began: Date
  /// When the output had ended.
  public var ended: Date
  /// What worker and STS said to each other on the stream's connections, as the worker heard it.
  public var events: [ObservedEvent]
  /// When the connection was made on which the worker opened the stream; nil: it never did.
  public var connectedAt: Date?
  /// The recorded output; nil when nothing was published.
  public var recording: URL?
  /// From the publisher's start to the output being there; nil when it never was.
  public var firstOutputAfter: Duration?
  /// What the verdict was drawn from, the analysis of the output among it.
  package var evidence: StreamEvidence
  /// The verdict without the checks of one's own.
  public var verdict: DubbingVerdict
}

extension StreamCheck.Answer {
  /// The answer as a check of the verdict.
  func check(_ name: DubbingVerdict.Check.Name) -> DubbingVerdict.Check {
    switch self {
    case .passed(let detail): .init(name: name, state: .passed, detail: detail)
    case .failed(let detail): .init(name: name, state: .failed, detail: detail)
    case .notAsked(let reason): .init(name: name, state: .notAsked, detail: reason)
    }
  }
}

/// Own checks of one stream, prepared before it is published.
struct PreparedChecks: Sendable {
  private var judges: [(name: DubbingVerdict.Check.Name, judge: StreamCheck.Judge)] = []

  /// A check that cannot be prepared is one that fails: whatever it was to guard is not guarded.
  init(_ checks: [StreamCheck], in environment: DualStackEnvironment) async {
    for check in checks {
      do {
        judges.append((check.name, try await check.prepare(environment)))
      } catch {
        judges.append((check.name, { _ in .failed("it could not be prepared: \(error)") }))
      }
    }
  }

  func answers(_ findings: StreamFindings) async -> [DubbingVerdict.Check] {
    var answers: [DubbingVerdict.Check] = []
    for (name, judge) in judges {
      do {
        answers.append(try await judge(findings).check(name))
      } catch {
        answers.append(StreamCheck.Answer.failed("it could not be asked: \(error)").check(name))
      }
    }
    return answers
  }
}
