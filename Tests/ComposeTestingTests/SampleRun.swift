import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A run of sample suites in a process of its own: the only way to see that a test fails as it should.
struct SampleRun {
  var exitCode: Int32
  var output: String

  /// Runs this same test program with another filter.
  static func run(_ filter: String, environment: [String: String], attachments: String? = nil) async throws -> SampleRun
  {
    var arguments = Array(CommandLine.arguments.dropFirst())
    for option in ["--filter", "--skip", "--attachments-path", "--xunit-output", "--event-stream-output-path"] {
      while let index = arguments.firstIndex(of: option) {
        arguments.removeSubrange(index..<min(index + 2, arguments.count))
      }
    }
    if !arguments.contains("--testing-library") { arguments += ["--testing-library", "swift-testing"] }
    arguments += ["--filter", filter]
    if let attachments { arguments += ["--attachments-path", attachments] }
    var variables: [Environment.Key: String?] = ["COMPOSETESTING_SAMPLES": "1"]
    for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
      .path(FilePath(try executable)), arguments: Arguments(arguments), environment: .inherit.updating(variables),
      output: .string(limit: 1 << 22), error: .combinedWithOutput)
    guard case .exited(let code) = result.terminationStatus else {
      throw SampleRunError(status: "\(result.terminationStatus)", output: result.standardOutput)
    }
    return SampleRun(exitCode: code, output: result.standardOutput)
  }

  private static var executable: String {
    get throws {
      #if os(Linux)
        return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      #else
        return CommandLine.arguments[0]
      #endif
    }
  }

  private struct SampleRunError: Error {
    var status: String
    var output: String
  }
}
