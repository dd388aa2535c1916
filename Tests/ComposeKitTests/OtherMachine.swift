import ComposeKit
import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A docker engine on what is another machine as far as addresses go; made by `scripts/remote-engine.sh`, and gone with its closure.
struct OtherMachine: Sendable {
  /// As in DOCKER_HOST: "tcp://10.214.7.2:2375".
  let address: String
  /// A process in its network namespace.
  let pid: String

  /// The only address of it that this host knows.
  var host: String { String(address.dropFirst("tcp://".count).prefix { $0 != ":" }) }
  var environment: [String: String] { ["DOCKER_HOST": address] }

  static func with(_ body: @escaping @Sendable (OtherMachine) async throws -> Void) async throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let result = try await Subprocess.run(
      .path(FilePath(root.appending(path: "scripts/remote-engine.sh").path())),
      arguments: ["sh", "-c", "echo \"at $DOCKER_HOST $REMOTE_ENGINE_PID\"; exec cat"], input: .inputWriter,
      output: .sequence, error: .combinedWithOutput
    ) { execution -> Result<Void, any Error> in
      var result = Result<Void, any Error>.success(())
      do {
        var lines = execution.standardOutput.strings().makeAsyncIterator()
        var words: [Substring] = []
        var said = ""
        while words.first != "at", let line = try await lines.next() {
          said += line
          words = line.split(whereSeparator: \.isWhitespace)
        }
        try #require(words.count == 3, "there is no other machine: \(said)")
        try await body(OtherMachine(address: String(words[1]), pid: String(words[2])))
      } catch {
        result = .failure(error)
      }
      // The script tidies up at the end of its input, which an error thrown from here would not let it do.
      try await execution.standardInputWriter.finish()
      return result
    }
    try result.closureResult.get()
    #expect(result.terminationStatus.isSuccess)
  }

  /// Runs a program in its network.
  @discardableResult
  func inside(_ words: String...) async throws -> String {
    let result = try await Subprocess.run(
      .name("nsenter"), arguments: Arguments(["--target", pid, "--net"] + words), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 16))
    try #require(result.terminationStatus.isSuccess, "\(words): \(result.standardError)")
    return result.standardOutput
  }

  @discardableResult
  func docker(_ arguments: [String]) async throws -> String {
    try await EngineFixture.docker(arguments, environment: environment)
  }
}
