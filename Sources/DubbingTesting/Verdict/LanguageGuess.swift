/// Which language a short text is in, by the share of its words that are among a language's most frequent ones.
///
/// Function words and number words alone tell apart the languages that a dubbing pipeline confuses in practice: source for target,
/// and one Romance language for another. The method is the "common words" one of Grefenstette 1995, "Comparing two language
/// identification schemes". It answers nil rather than guess: for languages that are not listed, and for texts without such words.
package struct LanguageGuess: Sendable, Hashable {
  /// ISO 639-1.
  package var language: String
  /// Share of the words that were found in that language's list, 0…1.
  package var share: Double

  /// Below this share the list says nothing; two number words among eight others are enough.
  static let leastShare = 0.2

  /// Guesses; nil where the text says too little.
  package init?(_ text: String) {
    let words = WordErrorRate.words(text).map(String.init)
    guard !words.isEmpty else { return nil }
    let scores = Self.frequentWords.mapValues { list in Double(words.count { list.contains($0) }) / Double(words.count)
    }
    let ranked = scores.sorted { $0.value > $1.value }
    guard ranked[0].value >= Self.leastShare, ranked[0].value > ranked[1].value else { return nil }
    language = ranked[0].key
    share = ranked[0].value
  }

  static let frequentWords: [String: Set<String>] = [
    "en": words(
      """
      the of and to in is you that it he was for on are as with his they at be this have from or had by not but what all were we
      when your can said there use an each which she do how their if will one two three four five six seven eight nine ten eleven
      twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty
      """),
    "es": words(
      """
      el la de que y a en un ser se no haber por con su para como estar tener le lo todo pero más hacer o poder este ir otro ese
      los las del una es muy sin sobre uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis
      diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete
      veintiocho veintinueve treinta
      """),
    "fr": words(
      """
      le la les de des du et à un une être en que il elle avoir ne je son pas se qui ce dans est sur au avec pour par plus nous vous
      un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept vingt trente
      """),
    "de": words(
      """
      der die das und in zu den ist nicht von sie mit dem sich des auf für im ein eine als auch es an werden aus er hat dass wir ich
      eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn zwanzig dreißig
      """),
    "it": words(
      """
      il lo la i gli le di che è e un una in per non sono con si da come io anche ma del della questo ha al più nel uno due tre
      quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici venti trenta
      """),
    "pt": words(
      """
      o a os as de que e do da em um uma para é com não por mais dos como mas ao ele das seu sua ou quando muito já eu também um dois
      três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito vinte trinta
      """),
  ]

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }
}
