import Foundation

// Does STS say what was spoken, and is its translation one?
extension DubbingVerdict {
  static func textChecks(_ evidence: StreamEvidence) -> [Check] {
    [transcript(evidence).check(.transcript), translation(evidence).check(.translation)]
  }

  private static func transcript(_ evidence: StreamEvidence) -> Finding {
    guard let expected = evidence.fixture.expectedTranscripts else {
      return Finding(problems: [], measured: "the fixture's words are not known; not compared")
    }
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
    var problems = evidence.events.openings.compactMap { opening in
      let asked = opening.config.targetLanguage
      return asked.isEmpty || isSame(asked, target)
        ? nil : "the worker asks for '\(asked)', the fixture wants '\(target)'"
    }
    var spoken = 0
    for fragment in evidence.events.fragments {
      guard let answer = fragment.firstAnswer, let transcript = answer.transcript, !transcript.isEmpty else { continue }
      spoken += 1
      let name = "fragment \(fragment.sequence)"
      guard let text = answer.translatedText, !text.isEmpty else {
        problems.append("\(name) has no translated_text")
        continue
      }
      if let declared = answer.targetLanguage, !isSame(declared, target) {
        problems.append("\(name) is declared '\(declared)', the fixture wants '\(target)'")
      }
      if WordErrorRate.words(text) == WordErrorRate.words(transcript) {
        problems.append("\(name): translated_text is the transcript")
      }
      if let guess = LanguageGuess(text), guess.language != target {
        problems.append("\(name): '\(text)' reads as '\(guess.language)', the fixture wants '\(target)'")
      }
    }
    return Finding(problems: problems, measured: spoken == 0 ? "no words were recognised" : "\(spoken) in '\(target)'")
  }

  /// Whether two tags name one language: `es-MX` is `es`, where one of them says no more.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (one.lowercased(), other.lowercased())
    return one == other || one.hasPrefix(other + "-") || other.hasPrefix(one + "-")
  }
}
