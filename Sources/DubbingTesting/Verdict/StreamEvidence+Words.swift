// How many words were lost: of the fixture's on the way to the transcript, of the translation's on the way to a listener's ear.
extension StreamEvidence {
  /// STS's transcript of a fragment; nil where it gave no answer.
  func transcript(_ sequence: Int) -> String? {
    events.fragments.first { $0.sequence == sequence }?.firstAnswer.map { $0.transcript ?? "" }
  }

  /// Of the fragments that were answered; nil where the fixture's words are not known.
  var wordErrorRate: WordErrorRate? {
    guard let expected = fixture.expectedTranscripts else { return nil }
    let answered = expected.enumerated().compactMap { sequence, words in
      transcript(sequence).map { WordErrorRate.Spoken(sequence: sequence, expected: words, heard: $0) }
    }
    // Where every word must be right, the fixture's words do not cross an edge.
    return WordErrorRate(of: answered, edges: (fixture.maxWordErrorRate ?? 0) > 0 ? .mayCut : .lieInPauses)
  }

  /// Of the translation, in the fragments where a listener was asked. Accents are not compared: they are spelling.
  package var dubErrorRate: WordErrorRate? {
    guard let heard else { return nil }
    var rate = WordErrorRate()
    for (sequence, text) in heard where !translation(sequence).isEmpty {
      rate.add(expected: WordErrorRate.plainWords(translation(sequence)), heard: WordErrorRate.plainWords(text))
    }
    return rate
  }

  func translation(_ sequence: Int) -> String {
    events.fragments.first { $0.sequence == sequence }?.firstAnswer?.translatedText ?? ""
  }
}
