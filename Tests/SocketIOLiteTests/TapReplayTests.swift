import ComposeTesting
import Foundation
import SocketIOLite
import Subprocess
import Testing

private let wait: Duration = .seconds(60)

@Suite("A recording that is played again", .kind(.programs), .peer("server.py"))
struct TapReplayTests {
  /// What `body` has a client say to the peer through a tap, as the lines of a tap's file.
  static func recorded(
    transports: [SocketIOTransport] = [.webSocket], auth: [String: String]? = nil,
    _ body: @Sendable (SocketIOClient) async throws -> Void
  ) async throws -> String {
    try await SocketIOTap.withTap(upstream: Peer.url, options: .init(connectTimeout: wait)) { tap in
      var configuration = SocketIOConfiguration.patient(reconnection: nil, transports: transports)
      if let auth { configuration.auth = { auth } }
      let client = SocketIOClient(url: tap.url, configuration: configuration)
      try await client.withConnection { try await body($0) }
      try await eventually("the end is recorded") { tap.records().contains { $0.kind == .disconnect } }
      return tap.records().map { $0.jsonLine(shorteningTo: nil, showingSecrets: true) + "\n" }.joined()
    }
  }

  /// Events, an attachment, questions both ways and a second namespace.
  static func conversation(_ client: SocketIOClient) async throws {
    let (back, counted) = (client.events(named: "blob-back"), client.events(named: "counted"))
    let (questions, answered) = (client.events(named: "question"), client.events(named: "answered"))
    try await client.emit("blob", 7, Data([1, 2, 3]))
    _ = try await back.next(timeout: wait)
    try await client.emit("count", 3, 10)
    _ = try await counted.collect(3, timeout: wait)
    _ = try await client.emitWithAck("echo", "a", 1.5)
    try await client.emit("ask", "how?")
    try await client.acknowledge(try await questions.next(timeout: wait), "so")
    _ = try await answered.next(timeout: wait)
    let sts = client.namespace("/sts")
    try await client.join(sts)
    _ = try await sts.emitWithAck("echo", "sts")
  }

  @Test(
    "What a client said is said again, and the server's events and answers are counted and compared",
    arguments: [[SocketIOTransport.webSocket], [.polling]])
  func same(transports: [SocketIOTransport]) async throws {
    let script = try TapScript(try await Self.recorded(transports: transports) { try await Self.conversation($0) })
    let outcome = await TapReplay(script, to: Peer.url, timing: .fast, timeout: wait).run()
    #expect(outcome.problems == [] && outcome.sessions == 1 && outcome.isComplete)
    let counts = Dictionary(
      uniqueKeysWithValues: outcome.counts.map { ($0.what, [$0.recorded, $0.replayed, $0.same]) })
    #expect(
      counts == [
        "blob-back": [1, 1, 1], "counted": [3, 3, 3], "question": [1, 1, 1], "answered": [1, 1, 1],
        "answers to echo": [1, 1, 1], "answers to /sts echo": [1, 1, 1],
      ])
  }

  @Test("With the recorded timing it takes as long as it took then, and without as long as the answers take")
  func timing() async throws {
    let script = try TapScript(
      try await Self.recorded { client in
        _ = try await client.emitWithAck("echo", 1)
        try await Task.sleep(for: .milliseconds(300))
        _ = try await client.emitWithAck("echo", 2)
      })
    let slow = await TapReplay(script, to: Peer.url, timing: .recorded, timeout: wait).run()
    #expect(slow.isComplete && slow.seconds >= 0.3)
    // Of the two only the first can be said with certainty on a busy machine.
    let fast = await TapReplay(script, to: Peer.url, timing: .fast, timeout: wait).run()
    #expect(fast.isComplete && fast.counts == slow.counts)
  }

  @Test("A server that says less, or something else, is told apart from one that says the same")
  func changed() async throws {
    let script = try TapScript(try await Self.recorded { try await Self.conversation($0) })
    let rules = [
      FaultRule("less", .drop, event: "counted", occurrence: .nth(2)),
      FaultRule(
        "other", .replace { .init(payload: Array("[8]".utf8), attachments: $0.attachments) }, event: "blob-back"),
    ]
    try await SocketIOTap.withTap(upstream: Peer.url, rules: rules, options: .init(connectTimeout: wait)) { tap in
      // The answer to the last question is behind all that it waits for, but what is lost.
      let outcome = await TapReplay(
        script, to: tap.url, timing: .fast, timeout: wait, restTimeout: .milliseconds(300)
      ).run()
      let counts = Dictionary(
        uniqueKeysWithValues: outcome.counts.map { ($0.what, [$0.recorded, $0.replayed, $0.same]) })
      #expect(counts["counted"] == [3, 2, 1] && counts["blob-back"] == [1, 1, 0] && counts["question"] == [1, 1, 1])
      #expect(!outcome.isComplete)
    }
  }

  @Test("Sessions are played each by a client of its own, with its auth")
  func sessions() async throws {
    let lines = try await Self.recorded(auth: ["token": "good"]) { client in
      _ = try await client.emitWithAck("whoami")
    }
    let other = try await Self.recorded { _ = try await $0.emitWithAck("echo", 1) }
    let outcome = await TapReplay(try TapScript(lines + other), to: Peer.url, timing: .fast, timeout: wait).run()
    #expect(outcome.isComplete && outcome.sessions == 2)
    // The peer answers with the auth that it got.
    #expect(outcome.counts.allSatisfy { $0.same == 1 }, "\(outcome)")
    let refused = lines.replacing("\"good\"", with: "\"bad\"")
    let no = await TapReplay(try TapScript(refused), to: Peer.url, timing: .fast, timeout: wait).run()
    #expect(!no.isComplete && no.problems.first?.contains("bad token") == true, "\(no.problems)")
  }

  @Test("What cannot be played is refused, with its line and how to record it otherwise")
  func refused() async throws {
    func record(_ payload: String, _ attachments: [Data] = []) throws -> TapRecord {
      let arguments: [any Encodable & Sendable] = [["token": payload]] + attachments
      return TapRecord(direction: .toServer, event: try SocketIOEvent(name: "a", arguments: arguments))
    }
    let long = try record(String(repeating: "x", count: 500))
    for (line, said) in [
      (long.jsonLine(showingSecrets: true), "--full"), (long.jsonLine(shorteningTo: nil), "--show-secrets"),
      (try record("x", [Data([1])]).jsonLine(showingSecrets: true), "--full"), ("{}", "--full"), ("", "--full"),
    ] {
      let error = #expect(throws: SocketIOError.self) { try TapScript(line + "\n") }
      #expect(error?.code == .decodingFailed && error?.next?.contains(said) == true, "\(error?.description ?? "")")
    }
  }

  @Test("The command prints a table or JSON, in colour only on a terminal, and fails if the server says less")
  func command() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending(path: "worker.jsonl").path
      try Data(try await Self.recorded { try await Self.conversation($0) }.utf8).write(to: URL(filePath: file))
      let table = try await Peer.finished("siotap", ["replay", file, "--to", Peer.url, "--fast"])
      #expect(table.status == 0, "\(table)")
      #expect(table.output.split(separator: "\n").first?.hasSuffix("recorded  replayed  the same") == true)
      #expect(table.output.contains("counted") && !table.output.contains("\u{1B}"))
      let json = try await Peer.finished("siotap", ["replay", file, "--to", Peer.url, "--fast", "--json"])
      let outcome = try JSONDecoder().decode(TapReplay.Outcome.self, from: Data(json.output.utf8))
      #expect(outcome.isComplete && json.status == 0)
      // Nobody listens at port 1.
      let nobody = try await Peer.finished(
        "siotap", ["replay", file, "--to", "http://127.0.0.1:1", "--fast", "--timeout", "1"])
      #expect(nobody.status == 1 && nobody.errors.contains("cannot connect"), "\(nobody)")
      let help = try await Peer.finished("siotap", ["replay", "--help"])
      #expect(help.output.contains("siotap replay worker.jsonl --to"))
      let records = try await Peer.finished("siotap", ["--help"])
      #expect(records.output.contains("siotap --upstream http://localhost:3000"))
    }
  }
}
