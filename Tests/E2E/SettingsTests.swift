import ComposeTesting
import Testing

@Suite("Settings of these suites", .kind(.logic), .tags(.config), .selectedTags("E2E_TAGS"))
struct SettingsTests {
  @Test("MEDIA_SERVER and STS_PROVIDERS choose the file that is laid over; empty or the standard's name choose none")
  func variants() {
    let chosen = Settings.files("media", variant: "mediamtx", standard: "relay", in: "c")
    #expect(chosen == ["c/media.yml", "c/media.mediamtx.yml"])
    for none in [nil, "", "relay"] {
      #expect(Settings.files("media", variant: none, standard: "relay", in: "c") == ["c/media.yml"])
    }
  }
}
