import ComposeKit
import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A compose file in a folder of its own, and a look at what is left of it in the engine.
struct EngineFixture: Sendable {
  let folder: URL
  /// A base name that no other test has.
  let name: String
  /// Variables that lead docker to another engine than the machine's.
  var environment: [String: String] = [:]

  /// The same fixture on a private engine.
  func on(_ engine: PrivateEngine) -> EngineFixture {
    var copy = self
    copy.environment = engine.environment
    return copy
  }

  var project: ComposeProject { ComposeProject(name: name, files: [folder.appending(path: "compose.yml").path()]) }

  /// Options that do not wait for containers which ignore SIGTERM, as `sleep` does as the first process of a container.
  static func options(timeout: Duration = .seconds(60)) -> UpOptions {
    UpOptions(timeout: timeout, settlingTime: .milliseconds(500), stopTimeout: .zero)
  }

  /// The same for services that end by themselves: on a busy machine a shell needs more than half a second to get as far as its
  /// `exit`, and counts as settled until then.
  static func optionsForFailing(timeout: Duration = .seconds(60)) -> UpOptions {
    var options = options(timeout: timeout)
    options.settlingTime = .seconds(10)
    return options
  }

  /// Writes the compose file, runs `body` and removes the folder.
  static func with<R>(_ yaml: String, _ body: (EngineFixture) async throws -> R) async throws -> R {
    let unique = String(UInt64.random(in: 0..<2_176_782_336), radix: 36)
    let folder = FileManager.default.temporaryDirectory.appending(path: "composekit-test-\(unique)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try yaml.write(to: folder.appending(path: "compose.yml"), atomically: true, encoding: .utf8)
    return try await body(EngineFixture(folder: folder, name: "ckt-\(unique)"))
  }

  /// A service that runs a shell command from the base image.
  static func service(_ name: String, _ script: String, _ more: String = "") -> String {
    """
      \(name):
        image: e2e-base:bookworm
        command: ["sh", "-c", "\(script)"]
        \(more)

    """
  }

  static let healthCheck =
    #"healthcheck: {test: ["CMD", "test", "-f", "/tmp/ok"], interval: 1s, timeout: 20s, retries: 60}"#

  /// A service that turns healthy after a second.
  static let healthy = "services:\n" + service("web", "sleep 1; touch /tmp/ok; exec sleep 600", healthCheck)

  /// What the engine has of every run of this fixture's project: containers, networks and volumes.
  func leftovers() async throws -> [String] {
    var found: [String] = []
    for (kind, list) in [
      ("container", ["ps", "--all"]), ("network", ["network", "ls"]), ("volume", ["volume", "ls"]),
    ] {
      let label = "com.docker.compose.project"
      let output = try await Self.docker(
        list + ["--format", "{{.Label \"\(label)\"}}", "--filter", "label=\(label)"], environment: environment)
      found += output.split(separator: "\n").filter { $0.hasPrefix("\(name)-") }.map { "\(kind) of \($0)" }
    }
    return found
  }

  /// Waits until nothing is left of the fixture's project, and says what was left at the deadline.
  ///
  /// It takes some seconds on a quiet machine. The deadline is there for what never comes, not to time the machine: beside the
  /// projects of twenty other tests, ten seconds were too few.
  func leftoversAtLast() async throws -> [String] {
    var left: [String] = []
    _ = try await Self.eventually(within: .seconds(90)) {
      left = try await leftovers() + processes()
      return left.isEmpty
    }
    return left
  }

  /// The processes that work for a run of this fixture's project.
  func processes() -> [String] { ProcessTable.mentioning(name).map { "process \($0)" } }

  /// Nothing is left of any run; a start that has failed is removed behind its error.
  func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    await waitForFailedStartsToBeRemoved()
    let left = try await leftovers()
    #expect(left == [], sourceLocation: sourceLocation)
    // An event stream that was ended may need a moment to be gone.
    let isQuiet = await Self.eventually { processes().isEmpty }
    #expect(isQuiet, "\(processes())", sourceLocation: sourceLocation)
  }

  @discardableResult
  static func docker(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
    var variables: [Environment.Key: String?] = [:]
    for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
      .name("docker"), arguments: Arguments(arguments), environment: .inherit.updating(variables),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else {
      throw ComposeError(.commandFailed, "docker \(arguments.joined(separator: " ")): \(result.standardError)")
    }
    return result.standardOutput
  }

  /// Waits for a condition, with a deadline.
  static func eventually(
    within deadline: Duration = .seconds(60), _ condition: () async throws -> Bool
  ) async rethrows -> Bool {
    let end = ContinuousClock.now + deadline
    while ContinuousClock.now < end {
      if try await condition() { return true }
      try? await Task.sleep(for: .milliseconds(50))
    }
    return try await condition()
  }
}
