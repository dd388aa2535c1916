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

@Suite("Nothing is left when the process that owns a project is ended", .serialized)
struct OwnerEngineTests {
  typealias Fixture = EngineFixture

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
      Ending(phase: "process", signals: [SIGTERM]), Ending(phase: "building", signals: [SIGKILL]),
      Ending(phase: "building", signals: [SIGINT]), Ending(phase: "removing", signals: [SIGKILL]),
      Ending(phase: "removing", signals: [SIGTERM]),
    ])
  func ownerIsEnded(_ ending: Ending) async throws {
    let isBuilding = ending.phase == "building"
    let yaml = Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n"
    try await Fixture.with(isBuilding ? "services: {web: {build: .}}\n" : yaml) { fixture in
      if isBuilding {
        try "FROM e2e-base:bookworm\nRUN echo \(fixture.name); sleep 60\n".write(
          to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      }
      let pids = Mutex<(owner: Int32, child: Int32?)>((0, nil))
      let status = try await Owner.run(ending.phase, fixture) { owner in
        if ending.phase == "process" {
          let line = try await owner.waitFor("child")
          let child = Int32(try #require(line.split(separator: " ").last))
          pids.withLock { $0.child = child }
        }
        try await owner.waitFor("at \(ending.phase == "process" ? "body" : ending.phase)")
        if !isBuilding { #expect(try await !fixture.leftovers().isEmpty) }
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

extension OwnerEngineTests {
  @Test("A program that handles signals itself: the signal ends it untrapped, and the watchdog cleans up")
  func signalsNotTrapped() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let said = Mutex("")
      let status = try await Subprocess.run(
        .path(FilePath(try Owner.executable)),
        arguments: ["body", fixture.name, fixture.folder.appending(path: "compose.yml").path()],
        environment: .inherit.updating(["COMPOSEKIT_SIGNALS": "0"]), input: .none, output: .sequence,
        error: .combinedWithOutput
      ) { execution in
        for try await line in execution.standardOutput.strings() {
          said.withLock { $0 += line + "\n" }
          if line.hasPrefix("at body") { kill(execution.processIdentifier.value, SIGTERM) }
        }
      }.terminationStatus
      #expect(status == .signaled(SIGTERM))
      #expect(said.withLock { $0 }.contains("at body"))
      #expect(!said.withLock { $0 }.contains("taking down"))
      #expect(try await fixture.leftovers(after: .seconds(15)) == [])
    }
  }

  @Test(
    "Without an engine a run ends with one clear message",
    arguments: [
      ("DOCKER_HOST", "unix:///nowhere/docker.sock", "the docker engine does not run, or cannot be reached"),
      ("PATH", "/nowhere", "docker is not installed, or not in PATH"),
      ("COMPOSE_COMMAND", "no-such-compose", "COMPOSE_COMMAND=no-such-compose does not work"),
    ])
  func noEngine(_ variable: String, _ value: String, _ message: String) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let result = try await Subprocess.run(
        .path(FilePath(try Owner.executable)),
        arguments: ["body", fixture.name, fixture.folder.appending(path: "compose.yml").path()],
        environment: .inherit.updating([Environment.Key(stringLiteral: variable): value]),
        output: .string(limit: 1 << 16), error: .combinedWithOutput)
      #expect(!result.terminationStatus.isSuccess)
      #expect(result.standardOutput.contains(message), "\(result.standardOutput)")
      #expect(result.standardOutput.contains("  next "), "\(result.standardOutput)")
    }
  }
}

/// A process of its own that owns a project; see Tests/Support/ComposeOwner.
struct Owner: Sendable {
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
    _ phase: String, _ fixture: EngineFixture, environment: [Environment.Key: String] = [:],
    _ body: @escaping @Sendable (Owner) async throws -> Void
  ) async throws -> TerminationStatus {
    let file = fixture.folder.appending(path: "compose.yml").path()
    let (lines, input) = AsyncStream<String>.makeStream()
    var platform = PlatformOptions()
    platform.createSession = true
    return try await Subprocess.run(
      .path(FilePath(try executable)), arguments: [phase, fixture.name, file],
      environment: .inherit.updating(environment.mapValues { $0 }), platformOptions: platform, input: .none,
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
  static var executable: String {
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
      guard Int(process) != nil, let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else {
        return false
      }
      let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.contains("composekit-watchdog") && words.contains("\(pid)")
    }
  }
}
