import ComposeTesting
import Testing

@Suite("Selecting tests by tags", .kind(.logic))
struct TagSelectionTests {
  @Test(
    "A test runs if it has one of the included tags and none of the excluded ones",
    arguments: [
      ("", [], true), ("", [".slow"], true), ("smoke", [".smoke"], true), ("smoke", [".slow"], false),
      ("smoke", [], false), ("smoke,pipeline", [".pipeline"], true), ("!slow", [], true), ("!slow", [".slow"], false),
      ("smoke,!slow", [".smoke", ".slow"], false), (" .smoke , !.slow ", [".smoke"], true),
      ("smoke !slow", [".smoke", ".slow"], false), (",,", [".x"], true), ("smok", [".smoke"], false),
    ] as [(String, [String], Bool)])
  func selects(_ text: String, _ tags: [String], _ expected: Bool) {
    #expect(TagSelection(text).selects(tags) == expected)
  }
}
