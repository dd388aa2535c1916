/// What a window of the output may hold, and what that makes of the stream: the only place in which this is said.
///
/// The outcome and the check `identity` both ask here, so that they cannot contradict each other.
struct WindowRule {
  /// What became of one window.
  enum Judgement: Sendable, Hashable {
    /// It holds the dubbed audio of its own fragment.
    case dubbed
    /// Nothing is said in its fragment, nothing was recognised, and nothing is heard.
    case pause
    /// It holds the original, silence in place of words, or two things at once.
    case other(StreamOutcome)
    /// It holds what has no business there.
    case wrong
  }

  let evidence: StreamEvidence

  func judge(_ window: StreamEvidence.Window) -> Judgement {
    switch window.content {
    case .dubbed(let sequence): sequence == window.sequence ? .dubbed : .wrong
    case .original: .other(.passthrough)
    case .mixed: .other(.mixed)
    case .silent: isPause(window.sequence) ? .pause : .other(.silent)
    case .unknown, .absent: .wrong
    }
  }

  /// Where nothing was said or heard silence is the right dub: the fixture has no words there, or STS says that it heard none, or the
  /// original is as silent.
  private func isPause(_ sequence: Int) -> Bool {
    if let level = evidence.originalLevels[sequence], level < Self.inaudible { return true }
    if let words = evidence.fixture.expectedTranscripts {
      let promised = words.indices.contains(sequence) ? words[sequence] : ""
      return promised.isEmpty && !evidence.events.isSpoken(sequence)
    }
    // A service that sends no transcripts says nothing about it.
    return evidence.events.fragments.first { $0.sequence == sequence }?.firstAnswer?.transcript == ""
  }

  /// dBFS: below it nobody hears anything.
  private static let inaudible = -60.0

  /// What all windows together make of the stream.
  var outcome: StreamOutcome {
    let judgements = Set(evidence.windows.map(judge))
    guard evidence.output != nil, !judgements.isEmpty, !judgements.contains(.wrong) else { return .failed }
    // A pause is not a second kind of output beside another one.
    let kinds = judgements.subtracting([.pause])
    guard kinds.count <= 1 else { return .mixed }
    switch kinds.first {
    case .dubbed: return .dubbed
    case .other(let outcome): return outcome
    default: return .silent
    }
  }

  /// What is wrong with a window, after what the fixture expects; nil when nothing is.
  func problem(with window: StreamEvidence.Window) -> String? {
    let isRight =
      switch (evidence.fixture.expectedOutcome, judge(window)) {
      case (_, .pause): true
      case (_, .wrong): false
      case (.mixed, _): true
      case (let expected, .other(let outcome)): outcome == expected
      case (let expected, .dubbed): expected != .passthrough && expected != .silent
      }
    return isRight
      ? nil : "fragment \(window.sequence): the window holds \(window.content), coherence \(window.coherence.twoPlaces)"
  }
}
