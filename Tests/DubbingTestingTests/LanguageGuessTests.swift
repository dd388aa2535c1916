import DubbingTesting
import Testing

@Suite("LanguageGuess", .kind(.logic))
struct LanguageGuessTests {
  @Test(
    "Tells languages apart by their frequent words",
    arguments: [
      ("uno, dos, tres, cuatro, cinco, seis", "es"),
      ("one two three four five six", "en"),
      ("veinticinco, veintiséis, veintisiete, veintiocho, veintinueve, treinta", "es"),
      ("eins, zwei, drei", "de"),
      ("un, deux, trois, quatre", "fr"),
      ("La reunión empieza mañana por la mañana", "es"),
      ("The meeting starts tomorrow morning", "en"),
    ])
  func guesses(text: String, language: String) {
    #expect(LanguageGuess(text)?.language == language)
  }

  @Test("Says nothing of what it does not know", arguments: ["", "42", "Tokyo Kyoto Osaka", "!?"])
  func knowsItsLimits(text: String) {
    #expect(LanguageGuess(text) == nil)
  }
}
