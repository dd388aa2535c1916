/// What a check found: nothing is a pass, with `measured` as its detail.
package struct Finding {
  package var problems: [String] = []
  var measured = ""
  /// Why the question could not be put, or was answered by another check.
  var notAsked: String?

  static func notAsked(_ reason: String) -> Finding { Finding(notAsked: reason) }

  func check(_ name: DubbingVerdict.Check.Name) -> DubbingVerdict.Check {
    if let notAsked { return .init(name: name, state: .notAsked, detail: notAsked) }
    return .init(
      name: name, state: problems.isEmpty ? .passed : .failed,
      detail: problems.isEmpty ? measured : problems.joined(separator: "; "))
  }
}

extension DubbingVerdict.Check.Name {
  /// Why this is not asked of a stream that is to come out like that; nil: it is asked.
  func exemption(expecting outcome: StreamOutcome) -> String? {
    let exempt: [Self] =
      switch outcome {
      case .dubbed, .failed: []
      // Whether STS was asked at all, and what it said, is nobody's business when the original is to come out.
      case .passthrough:
        [
          .fragmentsSent, .acknowledged, .processedOnce, .order, .deadline, .transcript, .translation, .originalAbsent,
          .loudness,
        ]
      case .silent: [.loudness]
      case .mixed: [.acknowledged, .processedOnce, .order, .deadline, .originalAbsent, .loudness]
      case .refused: Self.allCases.filter { ![.fragmentsSent, .contract, .published].contains($0) }
      }
    return exempt.contains(self) ? "the fixture expects \(outcome.rawValue)" : nil
  }
}
