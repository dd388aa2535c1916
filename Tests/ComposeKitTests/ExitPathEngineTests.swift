import ComposeKit
import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("Nothing is left, however a run ends", .serialized)
struct ExitPathEngineTests {
  typealias Fixture = EngineFixture

  private struct BodyFailed: Error {}

  @Test("The body throws")
  func bodyThrows() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      await #expect(throws: BodyFailed.self) {
        try await withComposeStack(fixture.project, options: Fixture.options()) { _ in throw BodyFailed() }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("The task is cancelled", arguments: [ServiceProgress.Phase.starting, .healthy])
  func cancelled(at phase: ServiceProgress.Phase) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let (steps, input) = AsyncStream<ServiceProgress.Phase>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: CancellationError.self) {
            try await withComposeStack(fixture.project, options: Fixture.options(), progress: { input.yield($0.phase) }) { _ in
              try await Task.sleep(for: .seconds(100))
            }
          }
        }
        for await step in steps where step == phase { break }
        #expect(try await !fixture.leftovers().isEmpty)
        group.cancelAll()
        try await group.waitForAll()
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A service that ignores SIGTERM is killed after the stop timeout")
  func ignoresTermination() async throws {
    let yaml = "services:\n" + Fixture.service("deaf", "trap '' TERM; while true; do sleep 1; done")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.stopTimeout = .seconds(2)
      let began = Mutex(ContinuousClock.now)
      try await withComposeStack(fixture.project, options: options) { _ in began.withLock { $0 = .now } }
      let took = began.withLock { ContinuousClock.now - $0 }
      #expect(took >= .seconds(2))
      #expect(took < .seconds(12))
      try await fixture.expectNothingLeft()
    }
  }

  @Test("What a dead owner left is swept at the next start; others' projects are not touched")
  func sweep() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      // A process of this machine that has ended, in the form of a run id.
      let dead = try await Subprocess.run(.path("/bin/true"), output: .discarded).processIdentifier.value
      let alive = try await withComposeStack(fixture.project, options: Fixture.options()) { $0.projectName }
      let id = Array(try #require(alive.split(separator: "-").last))
      let digits = String(dead, radix: 36)
      let abandoned = String(id[0...10]) + String(repeating: "0", count: 5 - digits.count) + digits + "1"
      let kept = "k" + abandoned.dropFirst()
      let foreign = "r00000" + abandoned.dropFirst(6)
      for runID in [abandoned, kept, foreign] {
        try await Fixture.docker([
          "volume", "create", "--label", "com.docker.compose.project=\(fixture.name)-\(runID)",
          "\(fixture.name)-\(runID)_data",
        ])
      }
      // In a process of its own: this one has swept already.
      let owner = try await Owner.run("body", fixture) { owner in
        try await owner.waitFor("at body")
        #expect(try await fixture.leftovers().filter { $0.hasPrefix("volume") }.sorted() == [
          "volume of \(fixture.name)-\(kept)", "volume of \(fixture.name)-\(foreign)",
        ])
        owner.send(SIGTERM)
      }
      #expect(owner == .signaled(SIGTERM))
      for runID in [kept, foreign] { try await Fixture.docker(["volume", "rm", "\(fixture.name)-\(runID)_data"]) }
      try await fixture.expectNothingLeft()
    }
  }

  struct Ending: Sendable, CustomTestStringConvertible {
    var phase: String
    var signals: [Int32]
    var testDescription: String { "signals \(signals) at \(phase)" }
  }

  @Test(
    "The owner is ended by a signal",
    arguments: [
      Ending(phase: "body", signals: [SIGINT, SIGINT]), Ending(phase: "starting", signals: [SIGINT]),
      Ending(phase: "body", signals: [SIGTERM]), Ending(phase: "body", signals: [SIGKILL]),
      Ending(phase: "starting", signals: [SIGKILL]), Ending(phase: "process", signals: [SIGKILL]),
      Ending(phase: "process", signals: [SIGTERM]),
    ])
  func ownerIsEnded(_ ending: Ending) async throws {
    let yaml = Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n"
    try await Fixture.with(yaml) { fixture in
      let pids = Mutex<(owner: Int32, child: Int32?)>((0, nil))
      let status = try await Owner.run(ending.phase, fixture) { owner in
        if ending.phase == "process" {
          let line = try await owner.waitFor("child")
          let child = Int32(try #require(line.split(separator: " ").last))
          pids.withLock { $0.child = child }
        }
        try await owner.waitFor("at \(ending.phase == "process" ? "body" : ending.phase)")
        #expect(try await !fixture.leftovers().isEmpty)
        pids.withLock { $0.owner = owner.pid }
        for signal in ending.signals { owner.send(signal) }
      }
      // A signal that was handled still ends the process as that signal does.
      #expect(status == .signaled(try #require(ending.signals.first)))
      #expect(try await fixture.leftovers(after: .seconds(15)) == [])
      let (owner, child) = pids.withLock { $0 }
      let watchdogEnded = await Fixture.eventually(within: .seconds(15)) { !Owner.hasWatchdog(of: owner) }
      #expect(watchdogEnded)
      if let child {
        let childEnded = await Fixture.eventually(within: .seconds(15)) { kill(child, 0) != 0 }
        #expect(childEnded)
      }
    }
  }
}

/// A process of its own that owns a project; see Tests/Support/ComposeOwner.
private struct Owner: Sendable {
  let pid: Int32
  private let lines: AsyncStream<String>

  func send(_ signal: Int32) { kill(pid, signal) }

  /// Waits for a line that begins with the text, for a minute at most.
  @discardableResult
  func waitFor(_ text: String) async throws -> String {
    try await withThrowingTaskGroup(of: String?.self) { group in
      group.addTask {
        for await line in lines where line.hasPrefix(text) { return line }
        return nil
      }
      group.addTask {
        try await Task.sleep(for: .seconds(60))
        return nil
      }
      defer { group.cancelAll() }
      return try #require(try await group.next() ?? nil, "the owner did not say \"\(text)\"")
    }
  }

  static func run(
    _ phase: String, _ fixture: EngineFixture, _ body: @escaping @Sendable (Owner) async throws -> Void
  ) async throws -> TerminationStatus {
    let file = fixture.folder.appending(path: "compose.yml").path()
    let (lines, input) = AsyncStream<String>.makeStream()
    var platform = PlatformOptions()
    platform.createSession = true
    return try await Subprocess.run(
      .path(FilePath(try executable)), arguments: [phase, fixture.name, file], platformOptions: platform, input: .none,
      output: .sequence, error: .discarded
    ) { execution in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await line in execution.standardOutput.strings() { input.yield(line) }
          input.finish()
        }
        try await body(Owner(pid: execution.processIdentifier.value, lines: lines))
        try await group.waitForAll()
      }
    }.terminationStatus
  }

  /// The owner is built beside the test bundle, whose path the test runner gets as an argument, or beside the runner.
  private static var executable: String {
    get throws {
      var folders = CommandLine.arguments.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
      if let testFolder { folders.append(testFolder) }
      let paths = folders.map { $0.appending(path: "ComposeOwner").path() }
      return try #require(
        paths.first { FileManager.default.isExecutableFile(atPath: $0) }, "ComposeOwner is in none of \(paths)")
    }
  }

  private static let testFolder: URL? = {
    #if os(Linux)
      return try? URL(fileURLWithPath: FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        .deletingLastPathComponent()
    #else
      return Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
    #endif
  }()

  static func hasWatchdog(of pid: Int32) -> Bool {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { process in
      guard Int(process) != nil, let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
      let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.contains("composekit-watchdog") && words.contains("\(pid)")
    }
  }
}
