import Foundation

// Does STS say what was spoken, and is its translation one?
extension DubbingVerdict {
  static func textFinding(_ name: Check.Name, _ evidence: StreamEvidence) -> Finding? {
    switch name {
    case .transcript: transcript(evidence)
    case .translation: translation(evidence)
    default: nil
    }
  }

  private static func transcript(_ evidence: StreamEvidence) -> Finding {
    guard let expected = evidence.fixture.expectedTranscripts else {
      return .notAsked("the fixture's words are not known")
    }
    guard evidence.events.contract.has(.transcript, in: .fragmentProcessed) else {
      return .notAsked("the contract has no transcripts")
    }
    let answers = evidence.events.firstAnswers
    guard !answers.isEmpty else { return .notAsked("nothing was processed") }
    let bound = evidence.fixture.maxWordErrorRate ?? 0
    let rate = evidence.wordErrorRate ?? WordErrorRate()
    guard rate.value > bound else {
      let measured = "word error rate \(rate), at most \(WordErrorRate.percent(bound)) is allowed"
      return Finding(problems: [], measured: bound == 0 ? "equal to the fixture's \(rate.count) words" : measured)
    }
    var differences: [String] = []
    for (sequence, words) in expected.enumerated() {
      guard let heard = evidence.transcript(sequence) else { continue }
      if WordErrorRate.words(words) != WordErrorRate.words(heard) {
        differences.append("fragment \(sequence): expected '\(words)', STS heard '\(heard)'")
      }
    }
    if bound > 0 { differences.insert("word error rate \(rate), at most \(WordErrorRate.percent(bound))", at: 0) }
    return Finding(problems: differences, measured: "")
  }

  private static func translation(_ evidence: StreamEvidence) -> Finding {
    let target = evidence.fixture.targetLanguage
    var problems: [String] = []
    var (spoken, known) = (0, 0)
    if let asked = evidence.events.openings.last?.config {
      for (what, asked, wanted) in [
        ("target", asked.targetLanguage, target), ("source", asked.sourceLanguage, evidence.fixture.sourceLanguage),
      ] where !asked.isEmpty && !asked.isSameLanguage(as: wanted) {
        problems.append("stream:init asks for the \(what) language '\(asked)', the fixture has '\(wanted)'")
      }
    }
    for fragment in evidence.events.fragments {
      guard let answer = fragment.firstAnswer, answer.status != .failed else { continue }
      // A service that sends no transcript may still send a translation.
      let transcript = answer.transcript ?? answer.translatedText ?? ""
      guard !transcript.isEmpty else { continue }
      spoken += 1
      let name = "fragment \(fragment.sequence)"
      guard let text = answer.translatedText, !text.isEmpty else {
        problems.append("\(name) has no translated_text")
        continue
      }
      if let declared = answer.targetLanguage, !declared.isSameLanguage(as: target) {
        problems.append("\(name) is declared '\(declared)', the fixture wants '\(target)'")
      }
      if answer.transcript != nil, WordErrorRate.words(text) == WordErrorRate.words(transcript) {
        problems.append("\(name): translated_text is the transcript")
      }
      let guess = LanguageGuess(text)
      if guess != nil || answer.targetLanguage != nil { known += 1 }
      if let guess, !target.isSameLanguage(as: guess.language) {
        problems.append("\(name): '\(text)' reads as '\(guess.language)', the fixture wants '\(target)'")
      }
    }
    if problems.isEmpty, spoken == 0 { return .notAsked("no words were recognised") }
    if problems.isEmpty, known == 0 { return .notAsked("in which language the translations are could not be told") }
    return Finding(problems: problems, measured: "\(known) of \(spoken) known to be in '\(target)'")
  }
}

extension String {
  /// Whether two tags (BCP 47) name one language: `es-MX` is `es`, where one of them says no more.
  fileprivate func isSameLanguage(as other: String) -> Bool {
    let (mine, theirs) = (lowercased().replacing("_", with: "-"), other.lowercased().replacing("_", with: "-"))
    return mine == theirs || mine.hasPrefix(theirs + "-") || theirs.hasPrefix(mine + "-")
  }
}
