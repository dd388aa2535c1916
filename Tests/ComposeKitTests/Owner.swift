import Foundation
import Subprocess
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

/// A process of its own that owns a project; see Tests/Support/ComposeOwner.
struct Owner: Sendable {
  /// How it ended, and all that it printed.
  struct Result: Sendable {
    var status: TerminationStatus
    var output: String
  }
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

  /// Runs an owner to its end.
  ///
  /// - Parameters:
  ///   - wrapper: a program and arguments that start it, e.g. as another user.
  ///   - file: its compose file; the fixture's if nil.
  static func run(
    _ phase: String, _ fixture: EngineFixture, environment: [String: String] = [:], wrapper: [String] = [],
    file: String? = nil, _ body: @escaping @Sendable (Owner) async throws -> Void = { _ in }
  ) async throws -> Result {
    let file = file ?? fixture.folder.appending(path: "compose.yml").path()
    let (lines, input) = AsyncStream<String>.makeStream()
    var platform = PlatformOptions()
    platform.createSession = true
    let words = wrapper + [try executable, phase, fixture.name, file]
    var variables: [Environment.Key: String?] = [:]
    for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
      words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0]),
      arguments: Arguments(Array(words.dropFirst())),
      environment: .inherit.updating(variables), platformOptions: platform, input: .none, output: .sequence,
      error: .combinedWithOutput
    ) { execution in
      try await withThrowingTaskGroup(of: String.self) { group in
        group.addTask {
          var output = ""
          for try await line in execution.standardOutput.strings() {
            output += line + "\n"
            input.yield(line)
          }
          input.finish()
          return output
        }
        do {
          try await body(Owner(pid: execution.processIdentifier.value, lines: lines))
        } catch {
          // Its lines end when it does.
          kill(execution.processIdentifier.value, SIGTERM)
          throw error
        }
        return try await group.next() ?? ""
      }
    }
    return Result(status: result.terminationStatus, output: result.closureResult)
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
    ProcessTable.commandLines().contains { $0.contains("composekit-watchdog") && $0.contains("\(pid)") }
  }
}

/// The processes of this host.
enum ProcessTable {
  /// The words of every process's command line (Linux; none elsewhere).
  static func commandLines() -> [[String]] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { entry in
      guard Int(entry) != nil, let data = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline"), !data.isEmpty
      else { return nil }
      return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// Those of which a word holds the text.
  static func mentioning(_ text: String) -> [String] {
    commandLines().filter { $0.contains { $0.contains(text) } }.map { $0.joined(separator: " ") }
  }
}
