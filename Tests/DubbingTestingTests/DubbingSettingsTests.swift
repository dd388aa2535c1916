import DubbingTesting
import Foundation
import Testing

@Suite("Settings of a process", .kind(.logic))
struct DubbingSettingsTests {
  @Test("Without a word nothing is changed, and an empty value is none")
  func nothing() {
    let variables = [
      "E2E_FIXTURES", "E2E_REPORT_DIR", "E2E_MAX_STREAMS", "E2E_FIRST_STREAMS", "E2E_MAX_ENVIRONMENTS", "E2E_STARVED",
      "E2E_LISTENER",
      "E2E_RERUN", "E2E_COLUMNS", "E2E_TAP", "E2E_TAP_IMAGE", "E2E_TAP_PEERS", "E2E_ENGINES", "CI",
    ]
    #expect(DubbingSettings.fromEnvironment([:]) == DubbingSettings())
    let empty = Dictionary(uniqueKeysWithValues: variables.map { ($0, "") })
    #expect(DubbingSettings.fromEnvironment(empty) == DubbingSettings())
    #expect(DubbingSettings().fixtures.path.hasSuffix("/fixtures"))
    #expect(DubbingSettings().reportFolder.path.hasSuffix("/.build/e2e"))
    #expect(DubbingSettings().rerun == "swift test --filter '{filter}'")
  }

  @Test("Each variable sets its property")
  func each() {
    var expected = DubbingSettings()
    (expected.fixtures, expected.reportFolder) = (URL(filePath: "/films"), URL(filePath: "/report"))
    (expected.maxStreams, expected.firstStreams, expected.maxEnvironments) = (3, 1, 5)
    (expected.starved, expected.listener, expected.columns) = (.retry, "listen --to", 80)
    expected.rerun = "again {filter}"
    (expected.tapPeers, expected.engines) = (["10.0.0.7", "fd00::7"], ["default", "builder"])
    (expected.tapWay, expected.tapImage) = (.outpost, "perl:5")
    let settings = DubbingSettings.fromEnvironment([
      "E2E_TAP": "outpost", "E2E_TAP_IMAGE": "perl:5", "E2E_FIXTURES": "/films", "E2E_REPORT_DIR": "/report",
      "E2E_MAX_STREAMS": "3", "E2E_FIRST_STREAMS": "1", "E2E_MAX_ENVIRONMENTS": "5",
      "E2E_STARVED": "retry", "E2E_LISTENER": "listen --to", "E2E_COLUMNS": "80", "E2E_TAP_PEERS": "10.0.0.7, fd00::7",
      "E2E_RERUN": "again {filter}", "E2E_ENGINES": "default,builder",
    ])
    #expect(settings == expected)
    #expect(settings.problem == nil)
  }

  @Test("In CI, and where nobody knows, there is no width", arguments: [["CI": "true"], ["E2E_COLUMNS": "4"]])
  func columns(environment: [String: String]) {
    #expect(DubbingSettings.fromEnvironment(["E2E_COLUMNS": "80"].merging(environment) { $1 }).columns == nil)
  }

  @Test(
    "What means nothing is refused with what would, before anything is started",
    arguments: [
      ("E2E_STARVED", "rerun", "warn, fail, retry"), ("E2E_MAX_STREAMS", "many", "a number from 1 on"),
      ("E2E_TAP", "ssh", "direct, outpost"), ("E2E_MAX_STREAMS", "0", "a number from 1 on"),
      ("E2E_MAX_ENVIRONMENTS", "-1", "a number from 1 on"), ("E2E_FIRST_STREAMS", "0", "a number from 1 on"),
    ])
  func problem(variable: String, value: String, next: String) {
    let problem = DubbingSettings.fromEnvironment([variable: value]).problem
    #expect(problem?.summary == "\(variable)=\(value) is not known")
    #expect(problem?.next?.contains(next) == true)
  }

  @Test("A process goes by the first settings that it is given; others are refused, the same are not")
  func chosen() throws {
    let chosen = DubbingSettings.Chosen()
    #expect(chosen.settings == DubbingSettings(), "nothing given yet")
    var mine = DubbingSettings()
    mine.maxStreams = 1
    try chosen.choose(mine)
    try chosen.choose(mine)
    #expect(throws: DubbingError.self) { try chosen.choose(DubbingSettings()) }
    #expect(chosen.settings == mine)
  }

  @Test("Of the libraries nothing reads an E2E_ variable unless it is asked to")
  func libraries() throws {
    let sources = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    let readers = try files.compactMap { $0 as? URL }.filter { file in
      // The commands are programs of this package's own scripts.
      guard file.pathExtension == "swift", !file.path.contains("CLI/") else { return false }
      return try String(contentsOf: file, encoding: .utf8).contains("\"E2E_")
    }
    // A shard is chosen where a scheduler starts the process, and before any suite could hand it in.
    let shards = ["EarlierRun.swift", "Scheduler.swift", "Shard.swift"]
    #expect(readers.map(\.lastPathComponent).sorted() == ["DubbingSettings.swift"] + shards)
  }
}
