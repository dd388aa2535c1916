import ComposeTesting
import Foundation
import SocketIOLite
import Subprocess
import Testing

#if canImport(System)
  @preconcurrency import System
#else
  @preconcurrency import SystemPackage
#endif

/// A Python program that tests talk to; it ends with the closure that uses it, and with this process.
enum Peer {
  /// Which python-socketio: see scripts/peers.sh.
  enum Python: String, Sendable, CaseIterable {
    case newest = "peers-venv"
    case debian = "peers-debian"
  }

  /// The port of the suite's peer.
  @TaskLocal static var port = 0
  /// The ports of the suite's peers, where it has one of each Python.
  @TaskLocal static var ports: [Python: Int] = [:]

  static var url: String { "http://127.0.0.1:\(port)" }

  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  static let build = tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build")

  static func url(_ python: Python) -> String { "http://127.0.0.1:\(ports[python] ?? 0)" }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The path of one of the programs; throws if what runs them is not installed.
  private static func path(_ script: String, _ version: Python) throws -> (python: String, script: String) {
    let python = build.appending(path: "\(version.rawValue)/bin/python").path
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw Failure(description: "the peers of these tests are not installed (\(python) is missing); next: make setup")
    }
    return (python, tests.appending(path: "Peers/\(script)").path)
  }

  static var options: PlatformOptions {
    var options = PlatformOptions()
    options.teardownSequence = [.send(signal: .kill, allowedDurationToNextStep: .milliseconds(100))]
    return options
  }

  /// Runs a program to its end and returns what it printed; throws with its error output if it fails.
  static func output(_ script: String, _ arguments: [String], python: Python = .newest) async throws -> String {
    let (program, path) = try path(script, python)
    let result = try await Subprocess.run(
      .path(FilePath(program)), arguments: Arguments([path] + arguments), platformOptions: options,
      output: .string(limit: 65_536), error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess else {
      throw Failure(description: "\(script) failed (\(result.terminationStatus)): \(result.standardError)")
    }
    return result.standardOutput
  }

  /// Runs a server for as long as `body` takes, which gets its port.
  static func run<R: Sendable>(
    _ script: String, _ arguments: [String] = [], python: Python = .newest, _ body: @Sendable (Int) async throws -> R
  ) async throws -> R {
    let (program, path) = try path(script, python)
    let result = try await Subprocess.run(
      .path(FilePath(program)), arguments: Arguments([path] + arguments), platformOptions: options,
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
    try await TurnTrait.places.withPlace { _ in
      try await Peer.run(script, arguments) { port in
        try await Peer.$port.withValue(port) { try await function() }
      }
    }
  }
}

/// Starts the program once with each Python; `Peer.url(_:)` is where they listen.
struct BothPeersTrait: SuiteTrait, TestScoping {
  var script: String

  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void)
    async throws
  {
    try await TurnTrait.places.withPlace { _ in
      try await Peer.run(script, python: .newest) { newest in
        try await Peer.run(script, python: .debian) { debian in
          try await Peer.$ports.withValue([.newest: newest, .debian: debian]) { try await function() }
        }
      }
    }
  }
}

extension Trait where Self == BothPeersTrait {
  static func bothPeers(_ script: String) -> Self { BothPeersTrait(script: script) }
}

/// A folder for a test's files, gone after it.
func withTemporaryFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
  let folder = FileManager.default.temporaryDirectory.appending(path: "sio-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder)
}

extension Peer {
  /// Makes a self-signed certificate for these names ("DNS:localhost", "IP:127.0.0.1"); returns its and its key's path.
  static func certificate(for names: String, in folder: URL) async throws -> (certificate: String, key: String) {
    let certificate = folder.appending(path: "certificate.pem").path
    let key = folder.appending(path: "key.pem").path
    let result = try await Subprocess.run(
      .name("openssl"),
      arguments: [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=socketio-test", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out", certificate,
      ], platformOptions: options, output: .discarded, error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess else {
      throw Failure(description: "openssl made no certificate: \(result.standardError)")
    }
    return (certificate, key)
  }
}

extension Trait where Self == PeerTrait {
  /// Starts the program of Peers once for the suite; `Peer.url` is where it listens.
  static func peer(_ script: String, _ arguments: String...) -> Self { PeerTrait(script: script, arguments: arguments) }
}

extension SocketIOConfiguration {
  /// For a machine that runs all tests at once: an answer over loopback may then take many seconds.
  static func patient(
    reconnection: Reconnection? = .init(), transports: [SocketIOTransport] = [.webSocket], tls: SocketIOTLS = .system,
    proxy: SocketIOProxy = .environment
  ) -> SocketIOConfiguration {
    SocketIOConfiguration(
      connectTimeout: .seconds(60), ackTimeout: .seconds(60), reconnection: reconnection, transports: transports,
      tls: tls, proxy: proxy)
  }
}
