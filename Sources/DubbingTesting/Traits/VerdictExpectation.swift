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
    let (verdict, _) = try await judged(fixture)
    #expect(verdict.outcome == verdict.expectedOutcome, "the outcome of stream \(name)", sourceLocation: sourceLocation)
    for check in verdict.failedChecks {
      Issue.record("\(check.name.rawValue): \(check.detail)", sourceLocation: sourceLocation)
    }
    return verdict
  }

  /// Dubs a fixture and expects exactly this outcome and exactly these failed checks, no fewer and no more.
  @discardableResult
  public func expectCaught(
    _ fixture: Fixture, as outcome: StreamOutcome, by checks: Set<DubbingVerdict.Check.Name>, under fault: StreamFault,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> DubbingVerdict {
    let (verdict, sound) = try await judged(fixture, under: fault)
    // A check of one's own, such as one of the services' logs, may well notice the fault too: it counts only where it is expected.
    let failed = Set(verdict.failedChecks.map(\.name)).filter {
      DubbingVerdict.Check.Name.allCases.contains($0) || checks.contains($0)
    }
    #expect(
      verdict.outcome == outcome, "the outcome of stream \(name) under the fault '\(fault.name)'",
      sourceLocation: sourceLocation)
    #expect(failed == checks, "the checks that the fault '\(fault.name)' turns red", sourceLocation: sourceLocation)
    let isCaught = verdict.outcome == outcome && failed == checks
    try await RunReporter.shared.add(
      RunReport.Fault(
        fault: fault.name, caughtBy: failed.map(\.rawValue).sorted(), expected: checks.map(\.rawValue).sorted(),
        message: verdict.failedChecks.map { "\($0.name.rawValue): \($0.detail)" }.joined(separator: "\n"), ok: isCaught,
        outcome: verdict.outcome, hashDiffers: sound.hashDiffers))
    return verdict
  }

  private func judged(_ fixture: Fixture, under fault: StreamFault? = nil) async throws -> (DubbingVerdict, StreamSound)
  {
    let verdict = try await dub(fixture, under: fault)
    // Everything that has a deadline is over: pictures may take their time.
    let sound = try await ConcurrencyLimit.verdicts.withPlace { _ in
      await StreamSound.of(fixture, recording: recording)
    }
    try await RunReporter.shared.add(
      verdict, test: Test.current?.displayName ?? Test.current?.name ?? name, fault: fault?.name, of: self, sound: sound
    )
    return (verdict, sound)
  }
}
