import Foundation
import Testing

extension LiveStream {
  /// Dubs a fixture and expects that the verdict has no failed check; one issue for each that has failed.
  ///
  /// - Returns: the verdict, for further expectations.
  @discardableResult
  public func expectDubbed(_ fixture: Fixture, sourceLocation: SourceLocation = #_sourceLocation) async throws
    -> DubbingVerdict
  {
    let verdict = try await judged(fixture)
    #expect(verdict.outcome == fixture.expectedOutcome, "the outcome of stream \(name)", sourceLocation: sourceLocation)
    for check in verdict.failedChecks {
      Issue.record("\(check.name.rawValue): \(check.detail)", sourceLocation: sourceLocation)
    }
    if !verdict.passed { try await attachEvidence() }
    return verdict
  }

  /// Dubs a fixture and expects exactly this outcome and exactly these failed checks, no fewer and no more.
  @discardableResult
  public func expectCaught(
    _ fixture: Fixture, as outcome: StreamOutcome, by checks: Set<DubbingVerdict.Check.Name>, fault: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> DubbingVerdict {
    let verdict = try await judged(fixture)
    let failed = Set(verdict.failedChecks.map(\.name))
    #expect(
      verdict.outcome == outcome, "the outcome of stream \(name) under the fault '\(fault)'",
      sourceLocation: sourceLocation)
    #expect(failed == checks, "the checks that the fault '\(fault)' turns red", sourceLocation: sourceLocation)
    let isCaught = verdict.outcome == outcome && failed == checks
    try await RunReporter.shared.add(
      RunReport.Fault(
        fault: fault, caughtBy: failed.map(\.rawValue).sorted(), expected: checks.map(\.rawValue).sorted(),
        message: verdict.failedChecks.map { "\($0.name.rawValue): \($0.detail)" }.joined(separator: "\n"), ok: isCaught)
    )
    if !isCaught { try await attachEvidence() }
    return verdict
  }

  private func judged(_ fixture: Fixture) async throws -> DubbingVerdict {
    do {
      let verdict = try await dub(fixture)
      try await RunReporter.shared.add(verdict, test: Test.current?.displayName ?? Test.current?.name ?? name)
      return verdict
    } catch {
      try await attachEvidence()
      throw error
    }
  }

  /// Attaches both projects' logs, the events and the recording to the test, and keeps them in the stream's folder.
  func attachEvidence() async throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let environment = environment
    for (name, stack) in [("media.log", environment.media), ("sts.log", environment.sts)] {
      let text = (try? await stack.logs(service: nil, tail: nil)) ?? "the log could not be read"
      try Data(text.utf8).write(to: folder.appending(path: name))
    }
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      Attachment.record([UInt8](try Data(contentsOf: file)), named: file.lastPathComponent)
    }
    Console.print("evidence of \(name) is kept in \(folder.path)")
  }
}
