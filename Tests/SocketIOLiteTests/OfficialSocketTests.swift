import ComposeTesting
import Foundation
import NIOEmbedded
import SocketIOLite
import Testing

private let wait = Official.wait

@Suite("Events, answers and handshakes as the official client's tests want them", .kind(.programs), .officialPeer)
struct OfficialSocketTests {
  struct Handshake: Decodable { var query: [String: String], auth: [String: String] }

  @Test("Events and answers of every kind", arguments: Official.ways)
  func events(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    let all = client.allEvents()
    let asked = client.events(named: "ack")
    try await client.withConnection { client in
      func next(_ name: String) async throws -> SocketIOEvent { try await all.first(timeout: wait) { $0.name == name } }
      try await client.emit("hi")
      _ = try await next("hi")
      // A handler that acknowledges nothing: the question is the server's.
      try await client.emit("ack")
      try await client.acknowledge(try await asked.next(timeout: wait), 5, ["test": true])
      _ = try await next("got it")
      #expect(try await !client.emitWithAck("getAckDate", ["test": true]).decode(String.self).isEmpty)
      try await client.emit("false")
      #expect(try await next("false").decode(Bool.self) == false)
      try await client.emit("getUtf8")
      for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"] {
        #expect(try await next("takeUtf8").decode(String.self) == text)
      }
      try await client.emit("getDate")
      #expect(try await !next("takeDate").decode(String.self).isEmpty)
      try await client.emit("getDateObj")
      #expect(try await next("takeDateObj").decode([String: String].self)["date"] != nil)
      #expect(try await client.emitWithAck("echo", 123).decode(Int.self) == 123)
      await #expect(throws: SocketIOError.self) { try await client.emit("disconnecting", "goodbye") }
    }
  }

  @Test(
    "What this side sends is seen as it goes out, binary too, and by nobody who has let go", arguments: Official.ways)
  func outgoing(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports) { $0.sendsBeforeConnecting = true }
    let sent = client.sentEvents()
    let asked = client.events(named: "ack")
    let early = Task { try await client.emit("my-event", "early") }
    try await eventually("it waits") { client.waitingCallCount == 1 }
    #expect(sent.drain().isEmpty)
    try await client.withConnection { client in
      try await early.value
      try await client.emit("my-event", "123")
      try await client.emit("my-event", Data([1, 2, 3]))
      // An answer is no event.
      try await client.emit("ack")
      try await client.acknowledge(try await asked.next(timeout: wait), 5)
      _ = try await client.emitWithAck("echo", 123)
      var second: EventQueue<SocketIOEvent>? = client.sentEvents()
      #expect(second != nil)
      weak let gone = second
      second = nil
      _ = try client.emitVolatile("last")
      _ = try await client.emitWithAck("echo", 4)
      #expect(gone == nil)
    }
    let events = sent.drain()
    #expect(events.map(\.name) == ["my-event", "my-event", "my-event", "ack", "echo", "last", "echo"])
    #expect(events.prefix(2).map(\.payloadText) == [#"["early"]"#, #"["123"]"#])
    #expect(events.dropFirst(2).first?.attachments == [[1, 2, 3]])
    #expect(events.map { $0.ackID == nil } == [true, true, true, true, false, true, false])
  }

  @Test("No compression is offered with an upgrade, so that no server compresses")
  func compression() throws {
    let channel = EmbeddedChannel()
    let dialer = try Dialer(
      endpoint: try SocketIOEndpoint.parse("http://h"), tls: .system, proxy: nil, timeout: .seconds(1))
    let request = ClientRequest(
      dialer: dialer, transports: [.webSocket], extraHeaders: [], cookies: CookieJar(), limits: .init())
    try WebSocketConnector.addHandlers(to: channel, request, target: "/", upgraded: { _ in }, failed: { _ in })
    try channel.connect(to: .init(unixDomainSocketPath: "/server")).wait()
    let head = String(buffer: try TapHarness.sent(channel)).lowercased()
    #expect(head.contains("sec-websocket-key") && !head.contains("sec-websocket-extensions"))
    _ = try channel.finish(acceptAlreadyClosed: true)
  }

  @Test("Binary both ways, alone, in JSON and in order", arguments: Official.ways)
  func binary(transports: [SocketIOTransport]) async throws {
    struct Mixed: Encodable, Sendable { var hello = "lol", message = Data("howdy".utf8), goodbye = "gotcha" }
    let client = Official.client(transports)
    let all = client.allEvents()
    try await client.withConnection { client in
      func next(_ name: String) async throws -> SocketIOEvent { try await all.first(timeout: wait) { $0.name == name } }
      for (asked, named) in [("doge", "doge"), ("getbin", "takebin")] {
        try await client.emit(asked)
        #expect(try await next(named).decode(Data.self) == Data("asdfasdf".utf8))
      }
      try await client.emit("buffa", Data("asdfasdf".utf8))
      _ = try await next("buffack")
      try await client.emit("jsonbuff", Mixed())
      _ = try await next("jsonbuff-ack")
      try await client.emit("abuff1", Data("abc".utf8))
      try await client.emit("abuff2", "please arrive second")
      _ = try await next("abuff2-ack")
    }
  }

  @Test("Ids are the server's, in each namespace, and go with the connection", arguments: Official.ways)
  func ids(transports: [SocketIOTransport]) async throws {
    for path in ["", "/foo"] {
      let client = Official.client(transports, path)
      try await client.withConnection { client in
        #expect(try await client.emitWithAck("getId").decode(String.self) == client.id)
        let sid = try await Official.connection(of: client.namespace(path)).sid
        #expect(sid != nil && sid != client.id)
      }
      #expect(client.id == nil)
    }
  }

  @Test("Query of the URL and of the configuration, and auth, each where it belongs", arguments: Official.ways)
  func handshake(transports: [SocketIOTransport]) async throws {
    func handshake(_ path: String, _ change: (inout SocketIOConfiguration) -> Void) async throws -> Handshake {
      let client = Official.client(transports, path, change)
      let handshakes = client.events(named: "handshake")
      return try await client.withConnection { client in
        path.hasPrefix("/abc")
          ? try await handshakes.next(timeout: wait).decode(Handshake.self)
          : try await client.emitWithAck("getHandshake").decode(Handshake.self)
      }
    }
    #expect(try await handshake("/") { $0.query = [("e", "f")] }.query["e"] == "f")
    #expect(try await handshake("/?c=d") { _ in }.query["c"] == "d")
    #expect(try await handshake("/abc") { $0.query = [("a", "b")] }.query["a"] == "b")
    let both = try await handshake("/abc?b=c&d=e") { _ in }
    #expect(both.query["b"] == "c" && both.query["d"] == "e")
    #expect(try await handshake("/abc") { $0.query = [("&a", "&=?a"), ("t", "1+1")] }.query["&a"] == "&=?a")
    #expect(try await handshake("/abc") { $0.query = [("t", "1+1")] }.query["t"] == "1+1")
    let auth = try await handshake("/abc") { $0.auth = { ["a": "b", "c": "d"] } }
    #expect(auth.auth == ["a": "b", "c": "d"] && auth.query["a"] == nil)
  }

  @Test(
    "What is sent before connecting waits where that is wanted, in order, and times out if nobody connects",
    arguments: Official.ways)
  func beforeConnecting(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports) { $0.sendsBeforeConnecting = true }
    let late = await #expect(throws: SocketIOError.self) {
      try await client.emitWithAck("event", timeout: .milliseconds(50))
    }
    #expect(late?.code == .ackTimedOut && client.waitingCallCount == 0)
    let isSent = try client.emitVolatile("getId")
    #expect(!isSent, "a volatile event does not wait")
    let first = Task { try await client.emitWithAck("echo", "first") }
    try await eventually("the first waits") { client.waitingCallCount == 1 }
    let retried = Task { try await client.emitWithRetries("echo", "retried", retries: 0, timeout: wait) }
    try await client.withConnection { client in
      // The one that waited is sent before.
      let values = [try await client.emitWithAck("echo", "second"), try await first.value, try await retried.value]
      #expect(try values.map { try $0.decode(String.self) } == ["second", "first", "retried"])
    }
    // Neither is a call lost that is made between two connections.
    let between = Task { try await client.emitWithAck("echo", "a") }
    try await eventually("it waits") { client.waitingCallCount == 1 }
    let value = try await client.withConnection { _ in try await between.value.decode(String.self) }
    #expect(value == "a")
  }

  @Test("Volatile events go when the line is free", arguments: Official.ways)
  func volatile(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    let hi = client.events(named: "hi")
    try await client.withConnection { client in
      try await eventually("it was sent") { try client.emitVolatile("hi", arguments: []) }
      _ = try await hi.next(timeout: wait)
    }
  }

  @Test(
    "Answers that do not come: in time, ever, by configuration, and because this side leaves", arguments: Official.ways)
  func timeouts(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports) { $0.ackTimeout = .milliseconds(50) }
    try await client.withConnection { client in
      for timeout in [.milliseconds(50), nil, .zero] as [Duration?] {
        let error = await #expect(throws: SocketIOError.self) {
          try await client.emitWithAck("unknown", timeout: timeout)
        }
        #expect(error?.code == .ackTimedOut)
      }
      let answer = try await client.emitWithAck("echo", 42, timeout: wait)
      #expect(try answer.decode(Int.self) == 42)
    }
    let leaving = Official.client(transports)
    let asking = try await leaving.withConnection { client in
      let asking = Task { try await client.emitWithAck("unknown", "a", timeout: .seconds(600)) }
      try await eventually("the question is under way") {
        let session = try #require(try client.namespace("/").link.connection()).session
        return try await session.eventLoop.submit { session.handler.value.waitingAckCount }.get() == 1
      }
      return asking
    }
    let error = await #expect(throws: SocketIOError.self) { try await asking.value }
    #expect(error?.reason == .clientDisconnect)
  }

  @Test(
    "Retries keep their order, count to the last, and do not run while there is no connection", arguments: Official.ways
  )
  func retries(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports) { $0.sendsBeforeConnecting = true }
    let asked = client.events(named: "ack")
    let early = Task { try await client.emitWithRetries("echo", 1, retries: 0, timeout: wait) }
    try await client.withConnection { client in
      var values = [try await early.value]
      for number in 2...4 { values.append(try await client.emitWithRetries("echo", number, retries: 3)) }
      #expect(try values.map { try $0.decode(Int.self) } == [1, 2, 3, 4])
      let error = await #expect(throws: SocketIOError.self) {
        try await client.emitWithRetries("ack", arguments: [], retries: 3, timeout: .milliseconds(50))
      }
      #expect(error?.code == .ackTimedOut)
      // Once, and three times more.
      _ = try await asked.collect(4, timeout: wait)
    }
  }

  @Test(
    "The server sees that this side left, and not a line that broke", .enabled(if: Official.tellsReasons),
    arguments: Official.ways)
  func reasons(transports: [SocketIOTransport]) async throws {
    let watcher = Official.client([.webSocket])
    try await watcher.withConnection { watcher in
      for _ in 0..<10 {
        let key = UUID().uuidString
        try await Official.client(transports, "/?key=\(key)").withConnection { client in
          _ = try client.emitVolatile("hi")
        }
        try await eventually("the server saw it go") {
          let reason = try await watcher.emitWithAck("reason", key)
          if reason.payloadText != "[null]" { #expect(reason.payloadText == #"["client namespace disconnect"]"#) }
          return reason.payloadText != "[null]"
        }
      }
    }
  }
}
