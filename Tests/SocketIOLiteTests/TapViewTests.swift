import ComposeTesting
import Foundation
import SocketIOLite
import Subprocess
import TapCLI
import Testing

#if canImport(System)
  @preconcurrency import System
#else
  @preconcurrency import SystemPackage
#endif

// Internal: a command has no public names.
@Suite("What siotap shows", .kind(.programs), .peer("server.py"))
struct TapViewTests {
  private func record(_ name: String, _ direction: TapDirection = .toServer, namespace: String = "/") throws
    -> TapRecord
  {
    TapRecord(direction: direction, event: try SocketIOEvent(name: name, namespace: namespace, arguments: []))
  }

  @Test(
    "Options choose by name, side and namespace",
    arguments: [
      ([], [true, true, true, true]),
      (["--event", "fragment:"], [true, true, false, false]),
      (["--event", "fragment:", "--event", "stream"], [true, true, true, true]),
      (["--without", "data"], [false, true, true, true]),
      (["--event", "fragment:", "--without", "data"], [false, true, false, false]),
      (["--from", "server"], [false, true, false, true]),
      (["--from", "client"], [true, false, true, false]),
      (["--namespace", "/sts"], [false, false, false, true]),
    ] as [([String], [Bool])])
  func options(arguments: [String], shown: [Bool]) throws {
    let records = [
      try record("fragment:data"), try record("fragment:processed", .toClient), try record("stream:init"),
      try record("stream:ready", .toClient, namespace: "/sts"),
    ]
    let filter = try ShownRecords.parse(arguments)
    #expect(records.map(filter.contains) == shown)
  }

  @Test("A typed word narrows the view, in capitals or not; an empty line shows all again")
  func typed() {
    let filter = TypedFilter()
    let lines = ["→ fragment:data [7]", "← fragment:processed [7]"]
    #expect(lines.map(filter.shows) == [true, true])
    filter.narrow(to: " PROCESSED ")
    #expect(lines.map(filter.shows) == [false, true])
    filter.narrow(to: "")
    #expect(lines.map(filter.shows) == [true, true])
  }

  @Test("On a terminal lines are coloured, and what is typed there narrows them while events go by")
  func terminal() async throws {
    let (url, port) = (Peer.url, try await SocketIOTap.withTap(upstream: nil) { $0.port })
    let shown = try await Peer.onTerminal("siotap", ["--upstream", url, "--port", "\(port)"]) { type, line in
      let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil))
      try await eventually("the tap listens") { (try? await client.connect()) != nil }
      func until(_ words: String) async throws -> [String] {
        var shown: [String] = []
        while let next = try await line() {
          shown.append(next)
          if next.contains(words) { return shown }
        }
        throw Peer.Failure(description: "siotap ended before it showed \(words): \(shown)")
      }
      var shown: [[String]] = []
      _ = try await client.emitWithAck("echo", "first")
      shown.append(try await until("\"first\""))
      try await type("THIRD\n")
      shown.append(try await until("showing lines with"))
      _ = try await client.emitWithAck("echo", "second")
      _ = try await client.emitWithAck("echo", "third")
      shown.append(try await until("\"third\""))
      try await type("\n")
      shown.append(try await until("showing everything"))
      await client.disconnect()
      return shown
    }
    #expect(shown[0].contains { $0.contains("\u{1B}[") && $0.contains("→ echo") }, "\(shown)")
    #expect(shown[2].allSatisfy { !$0.contains("second") }, "\(shown)")
  }

  @Test("A terminal without colours gets none")
  func dumbTerminal() async throws {
    let port = try await SocketIOTap.withTap(upstream: nil) { $0.port }
    let line = try await Peer.onTerminal("siotap", ["--upstream", Peer.url, "--port", "\(port)"], term: "dumb") {
      _, line in
      let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil))
      try await eventually("the tap listens") { (try? await client.connect()) != nil }
      _ = try await client.emitWithAck("echo", "first")
      while let next = try await line() {
        if next.contains("\"first\"") { return next }
      }
      throw Peer.Failure(description: "siotap ended before it showed the event")
    }
    #expect(!line.contains("\u{1B}"), "\(line)")
  }

  @Test("Each command's help has an example and JSON, without colour in a pipe", arguments: ["record", "replay"])
  func help(command: String) async throws {
    let help = try await Peer.finished("siotap", [command, "--help"])
    #expect(help.status == 0 && help.output.contains("--json") && !help.output.contains("\u{1B}"))
    #expect(help.output.contains("EXAMPLE: siotap \(command == "record" ? "--upstream" : command) "), "\(help)")
  }

  @Test("Completions name the commands", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) async throws {
    let script = try await Peer.finished("siotap", ["--generate-completion-script", shell])
    #expect(script.status == 0 && script.output.contains("replay") && script.output.contains("namespace"))
  }
}

extension Peer {
  /// Runs one of this package's commands on a terminal of its own, which `body` types into and reads the lines of; Ctrl-C ends it.
  fileprivate static func onTerminal<R: Sendable>(
    _ name: String, _ arguments: [String], term: String = "xterm",
    _ body: @Sendable (_ type: (String) async throws -> Void, _ line: () async throws -> String?) async throws -> R
  ) async throws -> R {
    let command = build.appending(path: "debug/\(name)").path
    let terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    let result = try await Subprocess.run(
      .path(FilePath(build.appending(path: "peers-venv/bin/python").path)),
      arguments: Arguments(["-c", terminal, command] + arguments),
      environment: .inherit.updating(["NO_COLOR": "", "TERM": term]),
      platformOptions: options, input: .inputWriter, output: .sequence, error: .string(limit: 65_536)
    ) { execution -> Result<R, any Error> in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let writer = execution.standardInputWriter
      let result: Result<R, any Error>
      do {
        result = .success(
          try await body(
            { _ = try await writer.write($0) }, { try await lines.next()?.trimmingCharacters(in: .newlines) }))
      } catch {
        result = .failure(error)
      }
      // The terminal makes an interrupt of it.
      _ = try await writer.write("\u{3}")
      while try await lines.next() != nil {}
      return result
    }
    guard result.terminationStatus.isSuccess else {
      throw Failure(description: "\(name) failed (\(result.terminationStatus)): \(result.standardError)")
    }
    return try result.closureResult.get()
  }
}
