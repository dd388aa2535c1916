import ComposeTesting
import Foundation
public import Testing

extension LiveStream {
  /// Dubs a fixture and expects that the verdict has no failed check; one issue for each that has failed.
  ///
  /// - Returns: the verdict, for further expectations.
  @discardableResult
  public func expectDubbed(_ fixture: Fixture, sourceLocation: SourceLocation = #_sourceLocation) async throws
    -> DubbingVerdict
  {
    let judgement = try await judged(fixture, sourceLocation) { $0.passed }
    let verdict = judgement.verdict
    #expect(verdict.outcome == verdict.expectedOutcome, "the outcome of stream \(name)", sourceLocation: sourceLocation)
    for check in verdict.failedChecks {
      Issue.record("\(check.name.rawValue): \(check.detail)\(judgement.excuse)", sourceLocation: sourceLocation)
    }
    return verdict
  }

  /// Dubs a fixture and expects exactly this outcome and exactly these failed checks, no fewer and no more.
  @discardableResult
  public func expectCaught(
    _ fixture: Fixture, as outcome: StreamOutcome, by checks: Set<DubbingVerdict.Check.Name>, under fault: StreamFault,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> DubbingVerdict {
    // A check of one's own, such as one of the services' logs, may well notice the fault too: it counts only where it is expected.
    let red: @Sendable (DubbingVerdict) -> Set<DubbingVerdict.Check.Name> = { verdict in
      Set(verdict.failedChecks.map(\.name)).filter {
        DubbingVerdict.Check.Name.allCases.contains($0) || checks.contains($0)
      }
    }
    let judgement = try await judged(fixture, under: fault, sourceLocation) {
      $0.outcome == outcome && red($0) == checks
    }
    let verdict = judgement.verdict
    let failed = red(verdict)
    #expect(
      verdict.outcome == outcome, "the outcome of stream \(name) under the fault '\(fault.name)'\(judgement.excuse)",
      sourceLocation: sourceLocation)
    #expect(
      failed == checks, "the checks that the fault '\(fault.name)' turns red\(judgement.excuse)",
      sourceLocation: sourceLocation)
    try await RunReporter.shared.add(
      RunReport.Fault(
        fault: fault.name, caughtBy: failed.map(\.rawValue).sorted(), expected: checks.map(\.rawValue).sorted(),
        message: verdict.failedChecks.map { "\($0.name.rawValue): \($0.detail)" }.joined(separator: "\n"),
        ok: judgement.isExpected, outcome: verdict.outcome, hashDiffers: judgement.sound.hashDiffers))
    return verdict
  }

  /// Judges the stream, on another engine of a pool if its own goes away meanwhile.
  private func judged(
    _ fixture: Fixture, under fault: StreamFault? = nil, _ sourceLocation: SourceLocation,
    isExpected: @escaping @Sendable (DubbingVerdict) -> Bool
  ) async throws -> Judgement {
    try await surviving { stream in
      try await stream.judgedHere(fixture, under: fault, sourceLocation, isExpected: isExpected)
    }
  }

  /// Judges the stream, and once more alone where it was red on a starved machine and ``DubbingSettings/starved`` says so.
  private func judgedHere(
    _ fixture: Fixture, under fault: StreamFault?, _ sourceLocation: SourceLocation,
    isExpected: @Sendable (DubbingVerdict) -> Bool
  ) async throws -> Judgement {
    let policy = DubbingSettings.current.starved
    let first = try await judgedOnce(fixture, under: fault, isExpected)
    if !first.isExpected { try await requireEngine() }
    if policy == .fail, let remark = first.starvation.remark {
      Issue.record("stream \(name) cannot be judged (starved: fail): \(remark)", sourceLocation: sourceLocation)
    }
    guard policy.repeats(red: !first.isExpected, first.starvation, under: fault) else {
      try await RunReporter.shared.add(first, of: self, fault: fault?.name)
      return first
    }
    let again = sibling("again")
    try await RunReporter.shared.add(first, of: self, fault: fault?.name, repeatedAs: again.name)
    return try await environment.places.live.withPlace(isAlone: true) { _ in
      Console.print("e2e: \(name) was red on a starved machine and is run again, alone, as \(again.name)")
      let second = try await again.judgedOnce(fixture, under: fault, isExpected)
      try await again.expectGone()
      try await RunReporter.shared.add(second, of: again, fault: fault?.name)
      return second
    }
  }

  private func judgedOnce(
    _ fixture: Fixture, under fault: StreamFault?, _ isExpected: @Sendable (DubbingVerdict) -> Bool
  ) async throws -> Judgement {
    try await RunReporter.shared.running("\(fixture.name) (\(transport.rawValue))") {
      try await judgedNow(fixture, under: fault, isExpected)
    }
  }

  private func judgedNow(
    _ fixture: Fixture, under fault: StreamFault?, _ isExpected: @Sendable (DubbingVerdict) -> Bool
  ) async throws -> Judgement {
    let (verdict, sound, starvation) = try await dubbed(fixture, under: fault)
    return Judgement(verdict: verdict, sound: sound, starvation: starvation, isExpected: isExpected(verdict))
  }
}

/// A verdict, with all that the report says of its stream beyond it.
struct Judgement: Sendable {
  var verdict: DubbingVerdict
  var sound: StreamSound
  var starvation: Starvation
  /// Whether the verdict is what the test expects: green, or red as a fault makes it.
  var isExpected: Bool

  /// What is added to the message of a red check.
  var excuse: String { starvation.remark.map { "; \($0)" } ?? "" }
}
