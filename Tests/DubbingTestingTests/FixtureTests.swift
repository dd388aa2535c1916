import DubbingTesting
import Foundation
import Testing

@Suite("Fixture", .kind(.programs), .inTurn)
struct FixtureTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "fixture-\(UUID().uuidString)")

  private func write(_ json: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(json.utf8).write(to: folder.appending(path: "fixture.json"))
  }

  private func message(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("The committed fixtures are what they say", arguments: Fixture.all())
  func committedFixtures(fixture: Fixture) async throws {
    try await fixture.check()
    #expect(!fixture.tags.isEmpty, "no suite would run it")
  }

  @Test("All are held against their files before anything starts; neither tags nor what depends on the worker count")
  func checkAll() async throws {
    var short = try Fixture.named("counting-short")
    (short.tags, short.expectedTranscripts) = ([], ["one"])
    try await Fixture.checkAll([short])
    short.video?.width = 7
    let changed = short
    let text = await message { try await Fixture.checkAll([try .named("counting-on"), changed]) }
    #expect(text.contains("counting-short") && text.contains("width"), "\(text)")
    var other = try Fixture.named("music")
    other.video?.width = 7
    let both = [other, changed]
    let first = await message { try await Fixture.checkAll(both) }
    #expect(first.contains("music") && !first.contains("counting-short"), "the first of the list: \(first)")
  }

  @Test("There are fixtures, and their tags select them")
  func tags() {
    #expect(Fixture.all().map(\.name).contains("counting-short"))
    #expect(Fixture.all(tagged: "smoke").map(\.name) == ["counting-short"])
    #expect(Fixture.all(tagged: "no-such-tag").isEmpty)
  }

  @Test("A missing folder is named, with those that there are")
  func missingFolder() async {
    let text = await message { _ = try Fixture.named("no-such-fixture") }
    #expect(text.contains("no-such-fixture") && text.contains("counting-short"), "\(text)")
  }

  @Test("A missing key is named")
  func missingKey() async throws {
    try write(#"{"name": "x"}"#)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = await message { _ = try Fixture.load(folder) }
    #expect(text.contains("description is missing"), "\(text)")
  }

  @Test("A fixture that does not say what is expected is to be dubbed; an outcome that there is not is refused")
  func expectedOutcome() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let rest = #"""
      "name": "x", "description": "d", "duration": 1, "source_language": "en", "target_language": "es", "tags": ["t"]
      """#
    for (said, outcome) in [("", StreamOutcome.dubbed), (#", "expected_outcome": "passthrough""#, .passthrough)] {
      try write("{\(rest)\(said)}")
      #expect(try Fixture.load(folder).expectedOutcome == outcome)
    }
    try write(#"{\#(rest), "expected_outcome": "perfect"}"#)
    let text = await message { _ = try Fixture.load(folder) }
    #expect(text.contains("expected_outcome") && text.contains("perfect"), "\(text)")
  }

  @Test("Whatever a fixture says is read, and what it says of one recogniser too")
  func everyKeyIsRead() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let video = #"{"codec": "h264", "width": 320, "height": 180, "fps": 25}"#
    let audio = #"{"codec": "aac", "sample_rate": 48000, "channels": 2}"#
    let heard =
      #"{"whisper": {"max_word_error_rate": 0.1, "expected_transcripts": [""], "expected_outcome": "silent"}}"#
    let texts = [
      "name": #""x""#, "description": #""d""#, "duration": "5", "video": video, "audio": audio,
      "source_language": #""en""#, "target_language": #""es""#, "expected_transcripts": #"["one"]"#,
      "max_word_error_rate": "0.2", "expected_outcome": #""mixed""#, "tags": #"["t"]"#, "heard_by": heard,
    ]
    try write("{" + texts.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}")
    let fixture = try Fixture.load(folder)
    // What is written again has the same keys with the same values: none was lost on the way in.
    let again = try JSONSerialization.jsonObject(with: JSONEncoder().encode(fixture)) as? NSDictionary
    for (key, text) in texts {
      let given = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed) as? NSObject
      #expect(again?[key] as? NSObject == given, "\(key)")
    }
    #expect(again?.count == texts.count, "a key that this test does not know")
    #expect(fixture.heard(by: "whisper").expectedOutcome == .silent)
    #expect(fixture.heard(by: "pocketsphinx").expectedOutcome == .mixed)
  }

  @Test(
    "A misspelt key is named, with those that there are, and leaves no default in place",
    arguments: [
      (#""expected_transcript": ["one"]"#, "the key expected_transcript is unknown", "expected_transcripts"),
      (#""audio": {"codec": "aac", "samplerate": 48000, "channels": 2}"#, "audio.samplerate", "sample_rate"),
      (#""heard_by": {"whisper": {"max_wer": 0.1}}"#, "heard_by.whisper.max_wer", "max_word_error_rate"),
    ])
  func misspeltKey(extra: String, place: String, known: String) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(
      #"""
      {"name": "x", "description": "d", "duration": 1, "source_language": "en", "target_language": "es", "tags": ["t"],
      \#(extra)}
      """#)
    let text = await message { _ = try Fixture.load(folder) }
    #expect(text.contains(place) && text.contains(known), "\(text)")
  }

  @Test("A missing media file is named")
  func missingMedia() async throws {
    var fixture = try Fixture.named("counting-short")
    fixture.folder = folder
    let text = await message { try await fixture.check() }
    #expect(text.contains("media.mp4 is missing"), "\(text)")
  }

  @Test("A file that is not media is refused with ffprobe's words")
  func notMedia() async throws {
    var fixture = try Fixture.named("counting-short")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("not media".utf8).write(to: folder.appending(path: "media.mp4"))
    fixture.folder = folder
    let text = await message { try await fixture.check() }
    #expect(text.contains("Invalid data found"), "\(text)")
  }

  @Test("Every difference between declaration and file is named at once")
  func differences() async throws {
    var fixture = try Fixture.named("counting-short")
    fixture.duration = 20
    fixture.video?.width = 640
    fixture.audio = nil
    let text = await message { try await fixture.check() }
    for part in ["duration", "width", "audio codec", "expected_transcripts"] { #expect(text.contains(part), "\(text)") }
  }

  @Test(
    "A fragment is cut for each started segment, but not for a codec frame's rounding",
    arguments: [(30, 5), (30.021, 5), (31.5, 6), (2, 1), (6, 1), (6.5, 2)])
  func fragmentCount(duration: Double, count: Int) throws {
    var fixture = HealthyRun.fixture
    fixture.duration = duration
    #expect(fixture.fragmentCount() == count)
  }
}
