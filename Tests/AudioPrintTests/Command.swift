import Foundation
import Subprocess
import Testing

/// What the `audioprint` command said as a process of its own.
struct Answer {
  var exitCode: Int
  var output: String
  var errors: String
}

/// The command and the tests' resources are built into one folder.
func pathOfCommand() throws -> String {
  let path = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("audioprint").path
  try #require(FileManager.default.isExecutableFile(atPath: path), "there is no audioprint at \(path)")
  return path
}

/// - Parameter tools: a folder whose programs go before those of the same name.
func audioprint(_ arguments: [String], tools: URL? = nil) async throws -> Answer {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  let result = try await run(
    .path(.init(try pathOfCommand())), arguments: Arguments(arguments),
    environment: tools.map { .inherit.updating(["PATH": "\($0.path):\(path)"]) } ?? .inherit, input: .none,
    output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
  guard case .exited(let code) = result.terminationStatus else {
    Issue.record("audioprint \(arguments) ended with \(result.terminationStatus)")
    return Answer(exitCode: -1, output: "", errors: "")
  }
  return Answer(exitCode: Int(code), output: result.standardOutput, errors: result.standardError)
}

func audioprint(_ arguments: String...) async throws -> Answer { try await audioprint(arguments) }
