import Foundation
import Subprocess
import Testing

@testable import SocketIOLite

#if canImport(System)
  @preconcurrency import System
#else
  @preconcurrency import SystemPackage
#endif

/// A Python program that tests talk to; it ends with the closure that uses it, and with this process.
enum Peer {
  /// The port of the suite's peer.
  @TaskLocal static var port = 0

  static var url: String { "http://127.0.0.1:\(port)" }

  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  private static let python = tests.deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: ".build/peers-venv/bin/python").path

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The path of one of the programs; throws if what runs them is not installed.
  private static func path(_ script: String) throws -> String {
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw Failure(description: "the peers of these tests are not installed (\(python) is missing); next: make setup")
    }
    return tests.appending(path: "Peers/\(script)").path
  }

  private static var options: PlatformOptions {
    var options = PlatformOptions()
    options.teardownSequence = [.send(signal: .kill, allowedDurationToNextStep: .milliseconds(100))]
    return options
  }

  /// Runs a program to its end and returns what it printed; throws with its error output if it fails.
  static func output(_ script: String, _ arguments: [String]) async throws -> String {
    let result = try await Subprocess.run(
      .path(FilePath(python)), arguments: Arguments([path(script)] + arguments), platformOptions: options,
      output: .string(limit: 65_536), error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess else {
      throw Failure(description: "\(script) failed (\(result.terminationStatus)): \(result.standardError)")
    }
    return result.standardOutput
  }

  /// Runs a server for as long as `body` takes, which gets its port.
  static func run<R: Sendable>(
    _ script: String, _ arguments: [String] = [], _ body: @Sendable (Int) async throws -> R
  ) async throws -> R {
    let path = try path(script)
    let result = try await Subprocess.run(
      .path(FilePath(python)), arguments: Arguments([path] + arguments), platformOptions: options,
      input: .inputWriter, output: .sequence, error: .string(limit: 65_536)
    ) { execution -> Result<R, any Error> in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let line = try await lines.next()?.trimmingCharacters(in: .whitespacesAndNewlines)
      guard let line, let port = Int(line) else {
        return .failure(Failure(description: "\(script) printed no port but “\(line ?? "nothing")”"))
      }
      let result: Result<R, any Error>
      do {
        result = .success(try await body(port))
      } catch {
        result = .failure(error)
      }
      // Killed rather than asked: a test may have stopped it.
      try execution.send(signal: .kill)
      return result
    }
    if case .failure(let failure as Failure) = result.closureResult {
      throw Failure(description: "\(failure); it wrote: \(result.standardError)")
    }
    return try result.closureResult.get()
  }
}

struct PeerTrait: SuiteTrait, TestScoping {
  var script: String
  var arguments: [String]

  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void)
    async throws
  {
    try await Peer.run(script, arguments) { port in
      try await Peer.$port.withValue(port) { try await function() }
    }
  }
}

extension Trait where Self == PeerTrait {
  /// Starts the program of Peers once for the suite; `Peer.url` is where it listens.
  static func peer(_ script: String, _ arguments: String...) -> Self { PeerTrait(script: script, arguments: arguments) }
}

extension SocketIOConfiguration {
  /// For a machine that runs all tests at once: an answer over loopback may then take many seconds.
  static func patient(reconnection: Reconnection? = .init()) -> SocketIOConfiguration {
    SocketIOConfiguration(connectTimeout: .seconds(60), ackTimeout: .seconds(60), reconnection: reconnection)
  }
}
