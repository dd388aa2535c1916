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
    var problems: [String] = []
    for (sequence, words) in expected.enumerated() {
      guard let answer = evidence.events.fragments.first(where: { $0.sequence == sequence })?.firstAnswer else {
        continue
      }
      let heard = normalized(answer.transcript ?? "")
      if heard != normalized(words) {
        problems.append("fragment \(sequence): expected '\(words)', STS heard '\(answer.transcript ?? "")'")
      }
    }
    return Finding(problems: problems, measured: "equal to the fixture's words")
  }

  private static func translation(_ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    let target = evidence.fixture.targetLanguage
    var spoken = 0
    for fragment in evidence.events.fragments {
      guard let answer = fragment.firstAnswer, let transcript = answer.transcript, !transcript.isEmpty else { continue }
      spoken += 1
      let name = "fragment \(fragment.sequence)"
      guard let text = answer.translatedText, !text.isEmpty else {
        problems.append("\(name) has no translated_text")
        continue
      }
      if let declared = answer.targetLanguage, declared != target {
        problems.append("\(name) is declared '\(declared)', the fixture wants '\(target)'")
      }
      if normalized(text) == normalized(transcript) { problems.append("\(name): translated_text is the transcript") }
      if let guess = LanguageGuess(text), guess.language != target {
        problems.append("\(name): '\(text)' reads as '\(guess.language)', the fixture wants '\(target)'")
      }
    }
    return Finding(problems: problems, measured: spoken == 0 ? "no words were recognised" : "\(spoken) in '\(target)'")
  }

  /// Lower case, words only, one space between them.
  static func normalized(_ text: String) -> String {
    text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }.joined(separator: " ")
  }
}
