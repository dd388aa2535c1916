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

private let wait: Duration = .seconds(60)

@Suite("The siotap command", .kind(.programs), .peer("server.py"))
struct TapCommandTests {
  private struct Line: Decodable {
    var direction: String, kind: String, connection: Int, event: String?, payload: JSONValue, attachments: [JSONValue]
  }

  @Test("Shows each event in a line at once, and writes it as a JSON object, with payloads shortened")
  func recording() async throws {
    try await withTemporaryFolder { folder in
      let out = folder.appending(path: "events.jsonl").path
      let url = Peer.url
      // A port that was free a moment ago.
      let port = try await SocketIOTap.withTap(upstream: nil) { $0.port }
      let shown = try await Peer.command("siotap", ["--upstream", url, "--port", "\(port)", "--out", out]) { lines in
        var configuration = SocketIOConfiguration.patient(reconnection: nil)
        configuration.auth = { ["token": "hunter2"] }
        let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: configuration)
        try await eventually("the tap listens") { (try? await client.connect()) != nil }
        _ = try await client.emitWithAck("echo", String(repeating: "x", count: 1_000), Data([1, 2]))
        await client.disconnect()
        var shown: [String] = []
        while !shown.contains(where: { $0.contains("acknowledgement 0") }), let line = try await lines() {
          shown.append(line)
        }
        return shown
      }
      let echo = try #require(shown.first { $0.contains("echo") })
      #expect(echo.contains("→ echo [\"xxx") && echo.contains("1 attachments") && echo.utf8.count < 250, "\(echo)")
      let written = try String(contentsOfFile: out, encoding: .utf8)
      #expect(written.contains(#""token":"***""#) && shown.contains { $0.contains(#""token":"***""#) })
      #expect(!(shown + [written]).contains { $0.contains("hunter2") })
      let lines = try written.split(separator: "\n")
        .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
      #expect(lines.map(\.kind).prefix(4) == ["connect", "connect", "event", "acknowledgement"])
      let asked = try #require(lines.first { $0.event == "echo" })
      #expect(asked.direction == "toServer" && asked.connection == 1 && asked.attachments == [.integer(2)])
      #expect(asked.payload.text.contains("(1000 bytes)") && asked.payload.text.utf8.count < 300)
    }
  }

  @Test("With --json each record is an object on standard output too")
  func jsonOutput() async throws {
    let (url, port) = (Peer.url, try await SocketIOTap.withTap(upstream: nil) { $0.port })
    let line = try await Peer.command("siotap", ["--upstream", url, "--port", "\(port)", "--json", "--event", "note"]) {
      lines in
      let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil))
      try await eventually("the tap listens") { (try? await client.connect()) != nil }
      try await client.emit("note", "k", "v")
      let line = try await lines()
      await client.disconnect()
      return try #require(line)
    }
    let record = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
    #expect(record.event == "note" && record.payload == .array([.string("k"), .string("v")]))
  }

  @Test("Anomalies of the last moment are told before it ends")
  func lastAnomalies() async throws {
    let port = try await SocketIOTap.withTap(upstream: nil) { $0.port }
    let url = Peer.url
    let told = try await Peer.commandErrors("siotap", ["--upstream", url, "--port", "\(port)", "--rewrite-host"]) {
      try await eventually("the tap listens") {
        (try? await Peer.output("raw.py", ["\(port)", "no-http"])) != nil
      }
    }
    #expect(told.contains("what passes is not HTTP/1.1") && told.contains("siotap: ended"), "\(told)")
  }
}

extension Peer {
  /// Runs one of this package's commands, which `body` gets the output lines of; it is interrupted (SIGINT) afterwards.
  static func command<R: Sendable>(
    _ name: String, _ arguments: [String],
    _ body: @Sendable (_ line: () async throws -> String?) async throws -> R
  ) async throws -> R {
    let result = try await Subprocess.run(
      .path(FilePath(build.appending(path: "debug/\(name)").path)), arguments: Arguments(arguments),
      platformOptions: options, input: .inputWriter, output: .sequence, error: .string(limit: 65_536)
    ) { execution -> Result<R, any Error> in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let result: Result<R, any Error>
      do {
        result = .success(try await body { try await lines.next()?.trimmingCharacters(in: .newlines) })
      } catch {
        result = .failure(error)
      }
      try execution.send(signal: .interrupt)
      while try await lines.next() != nil {}
      return result
    }
    guard result.terminationStatus.isSuccess else {
      throw Failure(description: "\(name) failed (\(result.terminationStatus)): \(result.standardError)")
    }
    return try result.closureResult.get()
  }

  /// Runs one of this package's commands to its end.
  static func finished(_ name: String, _ arguments: [String]) async throws -> (
    status: Int, output: String, errors: String
  ) {
    let result = try await Subprocess.run(
      .path(FilePath(build.appending(path: "debug/\(name)").path)), arguments: Arguments(arguments),
      platformOptions: options, output: .string(limit: 65_536), error: .string(limit: 65_536))
    guard case .exited(let status) = result.terminationStatus else {
      throw Failure(description: "\(name) ended with \(result.terminationStatus): \(result.standardError)")
    }
    return (Int(status), result.standardOutput, result.standardError)
  }

  /// Runs one of this package's commands, interrupts it as soon as `body` is through, and returns what it wrote to standard error.
  static func commandErrors(
    _ name: String, _ arguments: [String], _ body: @Sendable () async throws -> Void
  ) async throws -> String {
    let result = try await Subprocess.run(
      .path(FilePath(build.appending(path: "debug/\(name)").path)), arguments: Arguments(arguments),
      platformOptions: options, input: .inputWriter, output: .sequence, error: .string(limit: 65_536)
    ) { execution -> Result<Void, any Error> in
      let result: Result<Void, any Error>
      do {
        result = .success(try await body())
      } catch {
        result = .failure(error)
      }
      try execution.send(signal: .interrupt)
      for try await _ in execution.standardOutput.strings() {}
      return result
    }
    try result.closureResult.get()
    return result.standardError
  }
}
