import AudioPrint
import ComposeTesting
import DubbingTesting
import Foundation
import Subprocess
import Testing

// Internal: what is encoded for the page has no public name.
@Suite("The page that is made when a run is over", .kind(.computing))
struct RunFolderTests {
  /// A folder with a passed stream, a red one, and one each under a fault that led to its diagnosis and one that did not.
  private func withRun(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var report = ReportSample.report
    report.environments = []
    let sample = report.streams[0]
    report.streams = ["passed", "red", "caught", "missed"].map { name in
      var stream = sample
      (stream.stream, stream.fixture) = (name, "counting-brief")
      (stream.recording, stream.events) = ("streams/\(name)/output.flv", "streams/\(name)/events.jsonl")
      if name != "passed" { stream.passed = false }
      if name == "caught" || name == "missed" { stream.fault = name }
      return stream
    }
    report.faults = ["caught", "missed"].map {
      .init(fault: $0, caughtBy: [], expected: [], message: "", ok: $0 == "caught")
    }
    let sound = Data(repeating: 1, count: 16_000).base64EncodedString()
    for stream in report.streams {
      let files = folder.appending(path: "streams/\(stream.stream)")
      try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
      // Its own tone, so that no medium is taken for another's.
      let tone = 200 + 100 * (report.streams.firstIndex { $0.stream == stream.stream } ?? 0)
      try await MediaTool.make([
        "-f", "lavfi", "-i", "testsrc=size=64x36:rate=10:duration=1", "-f", "lavfi", "-i", "sine=f=\(tone):duration=1",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", files.appending(path: "output.flv").path,
      ])
      try ReportSample.png.write(to: files.appending(path: "original.png"))
      let answer = """
        {"time":"2026-11-28T02:23:02.250Z","connection":1,"kind":"event","namespace":"/",\
        "direction":"toClient","event":"fragment:processed","faults":[],\
        "attachments":["\(sound)"],"payload":[{"sequence_number":0,"sample_rate_hz":8000}]}

        """
      try Data(answer.utf8).write(to: files.appending(path: "events.jsonl"))
    }
    try report.json().write(to: folder.appending(path: "report.json"))
    try await body(folder)
  }

  private func sections(of folder: URL) throws -> [String: String] {
    let html = try String(contentsOf: folder.appending(path: "index.html"), encoding: .utf8)
    let parts = html.components(separatedBy: "<details class=\"stream\" id=\"stream-").dropFirst()
    return Dictionary(
      uniqueKeysWithValues: parts.map { part in
        (part.components(separatedBy: "\"")[0], part.components(separatedBy: "<script")[0])
      })
  }

  @Test("What is not as expected can be listened to; everything else on demand, and the page says how")
  func players() async throws {
    try await withRun { folder in
      let size = try await RunFolder(folder, fixtures: DubbingSettings().fixtures).writePage()
      #expect(size == (try Data(contentsOf: folder.appending(path: "index.html")).count))
      var sections = try sections(of: folder)
      #expect(Set(sections.filter { $0.value.contains("<video") }.keys) == ["red", "missed"])
      #expect(Set(sections.filter { $0.value.contains("<audio") }.keys) == ["red", "missed"])
      // What takes no encoder is there of every stream.
      #expect(sections.values.allSatisfy { $0.contains("data-part=\"sequence\"") })
      #expect(try text(of: folder).contains("data-part=\"on-demand\""))

      _ = try await RunFolder(folder, fixtures: DubbingSettings().fixtures).writePage(playsAll: true)
      sections = try self.sections(of: folder)
      #expect(sections.values.allSatisfy { $0.contains("<video") && $0.contains(">dub</span>") })
      #expect(try !text(of: folder).contains("data-part=\"on-demand\""))
    }
  }

  @Test("Fixtures are looked for where the command was told, for the players too")
  func fixtures() async throws {
    try await withRun { folder in
      let own = folder.appending(path: "films")
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: DubbingSettings().fixtures.appending(path: "counting-brief"), to: own.appending(path: "talk"))
      let description = own.appending(path: "talk/fixture.json")
      let renamed = try String(contentsOf: description, encoding: .utf8).replacing("counting-brief", with: "talk")
      try Data(renamed.utf8).write(to: description)
      var report = try RunReport(contentsOf: folder.appending(path: "report.json"))
      for index in report.streams.indices { report.streams[index].fixture = "talk" }
      try report.json().write(to: folder.appending(path: "report.json"))
      _ = try await RunFolder(folder, fixtures: own).writePage()
      #expect(try text(of: folder).contains(">original</span><audio"))
    }
  }

  @Test("Of a fixture in two languages the page plays the one that is dubbed, whatever the other's channels")
  func language() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "two-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var fixture = HealthyRun.fixture
    fixture.folder = folder
    try await MediaTool.make([
      "-f", "lavfi", "-i", "sine=f=440:r=16000:d=2", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=5.1:d=2", "-map", "0",
      "-map", "1", "-c:a", "aac", "-disposition", "default", fixture.media.path,
    ])
    let heard = folder.appending(path: "heard.mp4")
    try await PageMedia.original(of: fixture).write(to: heard)
    let samples = try await AudioDecoder.decode(heard.path, sampleRate: 8000).samples
    #expect(samples.contains { abs($0) > 0.05 }, "the second track is silent")
  }

  private func text(of folder: URL) throws -> String {
    try String(contentsOf: folder.appending(path: "index.html"), encoding: .utf8)
  }
}

// What `make e2e` ends with, as a process of its own.
@Suite("The dubbing-report command", .kind(.programs), .inTurn)
struct ReportCommandTests {
  private func run(
    _ arguments: [String], environment: [Environment.Key: String] = [:], onTerminal: Bool = false
  ) async throws -> (status: Int, output: String, errors: String) {
    let path = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "dubbing-report").path
    let terminal = ["python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]
    let words = (onTerminal ? terminal : []) + [path] + arguments
    let result = try await Subprocess.run(
      .name("env"), arguments: Arguments(words), environment: .inherit.updating(environment), input: .none,
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
    guard case .exited(let code) = result.terminationStatus else {
      Issue.record("dubbing-report \(arguments) ended with \(result.terminationStatus)")
      return (-1, "", "")
    }
    return (Int(code), result.standardOutput, result.standardError)
  }

  private func report(_ day: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Reports/\(day)", withExtension: "json")).path
  }

  @Test("Each command's help has an example and JSON", arguments: ["summary", "page", "diff", "history", "merge"])
  func help(command: String) async throws {
    let help = try await run([command, "--help"])
    #expect(help.status == 0 && help.output.contains("--json"))
    // The summary is what is printed without a command's name.
    #expect(help.output.contains("EXAMPLE: dubbing-report \(command == "summary" ? ".build" : command)"), "\(help)")
  }

  @Test("The command's own help has examples")
  func rootHelp() async throws {
    let help = try await run(["--help"])
    #expect(help.status == 0 && help.output.contains("EXAMPLE: dubbing-report diff "), "\(help)")
  }

  @Test("Completions name the commands", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) async throws {
    let script = try await run(["--generate-completion-script", shell])
    #expect(script.status == 0 && script.output.contains("history") && script.output.contains("mixed-versions"))
  }

  @Test("A folder without a report is named, with what to name instead")
  func nothingThere() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "none-\(UUID().uuidString)").path
    let said = try await run(["diff", folder, try report("monday")])
    #expect(said.status == 64 && said.errors.contains("there is no \(folder)/report.json: name the folder"), "\(said)")
  }

  @Test("A summary is coloured on a terminal only")
  func colours() async throws {
    let monday = try report("monday")
    let piped = try await run(["summary", monday], environment: ["TERM": "xterm"])
    #expect(piped.status == 0 && piped.output.contains("✔ ") && !piped.output.contains("\u{1B}"), "\(piped)")
    let shown = try await run(
      ["summary", monday], environment: ["TERM": "xterm", "NO_COLOR": ""], onTerminal: true)
    #expect(shown.status == 0 && shown.output.contains("\u{1B}[32m✔"), "\(shown)")
    let refused = try await run(
      ["summary", monday], environment: ["TERM": "xterm", "NO_COLOR": "1"], onTerminal: true)
    #expect(refused.status == 0 && !refused.output.contains("\u{1B}"), "\(refused)")
  }

  @Test(
    "A page that is made says where it is and how big, in a line or as JSON; without a report it says what it looked for"
  )
  func page() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let missing = try await run(["page", folder.path, "--json"])
    #expect(missing.status != 0 && missing.output.isEmpty && missing.errors.contains("report.json"), "\(missing)")
    try FileManager.default.copyItem(atPath: try report("monday"), toPath: folder.appending(path: "report.json").path)
    let file = folder.appending(path: "index.html")
    let told = try await run(["page", folder.path, "--json"])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(told.output.utf8)) as? [String: Any])
    let size = try Data(contentsOf: file).count
    #expect(told.status == 0 && size > 10_000 && object.count == 2)
    #expect(object["bytes"] as? Int == size)
    let path = try #require(object["file"] as? String)
    #expect(URL(filePath: path).resolvingSymlinksInPath() == file.resolvingSymlinksInPath())
    let said = try await run(["page", "--all", folder.path])
    #expect(said.status == 0 && said.output.hasPrefix("e2e: \(path), ") && said.output.hasSuffix(" MB\n"), "\(said)")
  }

  @Test("Differences are told in words or as JSON, and what is worse ends with 1")
  func diff() async throws {
    let (monday, tuesday) = (try report("monday"), try report("tuesday"))
    let worse = try await run(["diff", monday, tuesday])
    #expect(worse.status == 1 && worse.output.contains("✘ outcome"))
    let better = try await run(["diff", tuesday, monday, "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(better.output.utf8)) as? [String: Any]
    #expect(better.status == 0 && (object?["changes"] as? [Any])?.count == 6)
  }

  @Test("A folder of reports has a history; one without is said")
  func history() async throws {
    let folder = URL(filePath: try report("monday")).deletingLastPathComponent().path
    let nothing = try await run(["history", folder])
    #expect(nothing.status != 0 && nothing.errors.contains("there is no report.json in"))
    let all = try await run(["history", "--json"] + ["monday", "tuesday", "wednesday"].map(report))
    let object = try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [String: Any]
    #expect(all.status == 0 && (object?["runs"] as? [Any])?.count == 3)
  }
}
