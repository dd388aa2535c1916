import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Client against python-socketio", .kind(.programs), .peer("server.py"))
struct ClientTests {
  struct Who: Decodable {
    var auth: [String: String]?
    var query: String
    var header: String?
    var path: String
  }
  struct Counted: Codable, Sendable, Equatable {
    var index: Int
    var text: String
  }

  func client(_ configuration: SocketIOConfiguration = .patient()) -> SocketIOClient {
    SocketIOClient(url: Peer.url, configuration: configuration)
  }

  /// How many answers the connection waits for.
  func waitingAnswers(_ client: SocketIOClient) async throws -> Int {
    let session = try #require(try client.namespace("/").link.connection()).session
    return try await session.eventLoop.submit { session.handler.value.waitingAckCount }.get()
  }

  @Test("An acknowledgement brings back what was sent, of every JSON type")
  func acknowledgement() async throws {
    try await client().withConnection { client in
      let reply = try await client.emitWithAck(
        "echo", "héllo / \"quoted\" \\ \u{1F600}", 42, [1.5, -2], ["k": true], Int?.none)
      #expect(try reply.decode(String.self) == "héllo / \"quoted\" \\ \u{1F600}")
      #expect(try reply.decode(Int.self, at: 1) == 42)
      #expect(try reply.decode([Double].self, at: 2) == [1.5, -2])
      #expect(try reply.decode([String: Bool].self, at: 3) == ["k": true])
      #expect(try reply.decode(Int?.self, at: 4) == nil)
      #expect(try reply.argumentCount() == 5)
      #expect(try await waitingAnswers(client) == 0)
      let cancelled = Task { try await client.emitWithAck("never", timeout: .seconds(600)) }
      try await eventually("the question is under way") { try await waitingAnswers(client) == 1 }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      try await eventually("it is forgotten") { try await waitingAnswers(client) == 0 }
    }
  }

  @Test("Queues made before connecting get events in order, by name, by predicate and all")
  func queues() async throws {
    let client = client()
    let named = client.events(named: "counted", capacity: 5_000)
    let odd = client.events(capacity: 5_000) { (try? $0.decode(Counted.self).index % 2 == 1) ?? false }
    let all = client.allEvents(capacity: 5_000)
    try await client.withConnection { client in
      try await client.emit("count", 1_000, 20)
      let events = try await named.collect(1_000, timeout: wait)
      #expect(try events.map { try $0.decode(Counted.self).index } == Array(0..<1_000))
      let picked = try await odd.collect(500, timeout: wait).map { try $0.decode(Counted.self).index }
      #expect(picked == Array(stride(from: 1, to: 1_000, by: 2)))
      #expect(try await all.collect(1_000, timeout: wait).last?.name == "counted")
      try await client.emit("say", "unheard")
      let unheard = try await all.first(timeout: wait) { $0.name == "unheard" }
      #expect(unheard.payloadText == "[]")
    }
  }

  @Test("Binary attachments decode as Data wherever they are, and Data sent arrives as bytes")
  func binary() async throws {
    struct Blobs: Decodable {
      struct Inner: Decodable { var b: Data }
      var a: Data
      var nested: Nested
      struct Nested: Decodable {
        var first: Data
        var second: Inner
        init(from decoder: any Decoder) throws {
          var list = try decoder.unkeyedContainer()
          first = try list.decode(Data.self)
          second = try list.decode(Inner.self)
        }
      }
    }
    let client = client()
    let blobs = client.events(named: "blobs")
    try await client.withConnection { client in
      try await client.emit("binary")
      let event = try await blobs.next(timeout: wait)
      let first = try event.decode(Blobs.self)
      #expect(first.a == Data("one".utf8))
      #expect(first.nested.first == Data([0, 255]))
      #expect(first.nested.second.b.isEmpty)
      #expect(try event.decode(String.self, at: 1) == "text")
      #expect(try event.decode(Data.self, at: 2) == Data("last".utf8))
      #expect(event.attachments.count == 4)
      let reply = try await client.emitWithAck("lengths", Data(count: 3), "text", Data(count: 200_000))
      #expect(reply.payloadText == "[[3,\"text\",200000]]")
      let back = try await client.emitWithAck("echo", ["x": Data([1, 2, 3])])
      #expect(try back.decode([String: Data].self) == ["x": Data([1, 2, 3])])
    }
  }

  @Test("A server that asks for an acknowledgement gets it")
  func serverAsks() async throws {
    let client = client()
    let questions = client.events(named: "question")
    let answers = client.events(named: "answered")
    try await client.withConnection { client in
      try await client.emit("ask", "6 × 7")
      let question = try await questions.next(timeout: wait)
      #expect(try question.decode(String.self) == "6 × 7")
      try await client.acknowledge(question, ["answer": Data("42".utf8)])
      #expect(try await answers.next(timeout: wait).decode([String: Data].self) == ["answer": Data("42".utf8)])
    }
  }

  @Test("Namespace, auth, query and extra headers reach the server")
  func configuration() async throws {
    var configuration = SocketIOConfiguration.patient()
    configuration.namespace = "/sts"
    configuration.auth = { ["token": "good"] }
    configuration.extraHeaders = [("X-Test", "yes")]
    configuration.query = [("room", "a b&c")]
    let client = SocketIOClient(url: Peer.url + "?from=url", configuration: configuration)
    try await client.withConnection { client in
      let who = try await client.emitWithAck("whoami").decode(Who.self)
      #expect(who.auth == ["token": "good"])
      #expect(who.header == "yes")
      #expect(who.query.contains("from=url") && who.query.contains("b%26c"), "\(who.query)")
      #expect(who.path == "/socket.io/")
    }
  }

  @Test("A refused namespace is an error with the server's message and data")
  func refusal() async throws {
    struct Why: Decodable { var code: String, retry: Bool }
    var configuration = SocketIOConfiguration.patient()
    configuration.auth = { ["token": "bad"] }
    let refused = client(configuration)
    let error = await #expect(throws: SocketIOError.self) { try await refused.withConnection { _ in } }
    #expect(error?.code == .connectRejected)
    #expect(error?.serverMessage == "bad token")
    #expect(try error?.decodeServerData(Why.self).code == "UNAUTHORIZED")
  }

  @Test("A wait that fails says what arrived")
  func timeouts() async throws {
    let client = client()
    let events = client.events(named: "counted")
    let arrivals = client.events(named: "counted")
    try await client.withConnection { client in
      try await client.emit("count", 2, 1)
      _ = try await arrivals.collect(2, timeout: wait)
      let error = await #expect(throws: EventQueue<SocketIOEvent>.Timeout.self) {
        try await events.collect(3, timeout: .seconds(1))
      }
      #expect(error?.arrived.count == 2)
      let late = await #expect(throws: SocketIOError.self) {
        try await client.emitWithAck("never", timeout: .milliseconds(50))
      }
      #expect(late?.code == .ackTimedOut)
    }
  }

  @Test("A kicked client's consumers and acknowledgements fail at once with the reason, and it stays away")
  func kick() async throws {
    let client = client()
    let events = client.events(named: "nothing")
    try await client.withConnection { client in
      async let answer = client.emitWithAck("never", timeout: .seconds(600))
      async let event = events.next(timeout: .seconds(600))
      try await client.emit("kick")
      do {
        _ = try await event
        Issue.record("an event came")
      } catch let error as SocketIOError {
        #expect(error.reason == .serverDisconnect)
      }
      do {
        _ = try await answer
        Issue.record("an answer came")
      } catch let error as SocketIOError {
        #expect(error.reason == .serverDisconnect)
      }
      let again = await #expect(throws: SocketIOError.self) { try await client.emit("echo") }
      #expect(again?.code == .notConnected && again?.reason == .serverDisconnect)
    }
  }

  @Test("A lost connection is made again: consumers hear of the gap once, then events go on")
  func reconnection() async throws {
    let client = client(.patient(reconnection: .init(delay: .milliseconds(20), maxDelay: .milliseconds(200))))
    let events = client.events(named: "counted")
    try await client.withConnection { client in
      try await client.emit("drop")
      let gap = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(gap?.reason == .transportClose)
      try await eventually("the client is connected again") { client.isConnected }
      try await client.emit("count", 1, 1)
      #expect(try await events.next(timeout: wait).decode(Counted.self) == Counted(index: 0, text: "x"))
    }
  }

  @Test("Without reconnection a lost connection ends the queues for good")
  func noReconnection() async throws {
    let client = client(.patient(reconnection: nil))
    let events = client.events(named: "counted")
    try await client.withConnection { client in
      try await client.emit("drop")
      for _ in 0..<2 {
        let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
        #expect(error?.reason == .transportClose)
      }
    }
    try await client.withConnection { client in
      try await client.emit("count", 1, 1)
      _ = try await events.next(timeout: wait)
    }
  }

  @Test("A large message goes both ways")
  func large() async throws {
    let text = String(repeating: "abcdefgh", count: 250_000)
    try await client().withConnection { client in
      let reply = try await client.emitWithAck("echo", text)
      #expect(try reply.decode(String.self) == text)
    }
  }

  @Test("Names of the protocol itself are refused, and so is sending without a connection")
  func misuse() async throws {
    let client = client()
    await #expect(throws: SocketIOError.self) { try await client.emit("echo") }
    let error = await #expect(throws: SocketIOError.self) { try await client.emit("disconnect") }
    #expect(error?.code == .reservedEvent)
    let number = await #expect(throws: SocketIOError.self) { try await client.emit("echo", Double.infinity) }
    #expect(number?.code == .encodingFailed)
  }

  @Test("A server that pings in time is not given up, however long it says nothing else")
  func patience() async throws {
    try await Peer.run("server.py", ["--ping-interval", "0.5", "--ping-timeout", "60"]) { port in
      let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil))
      try await client.withConnection { client in
        let session = try #require(try client.namespace("/").link.connection()).session
        // As if nothing had been heard for half a minute, twice: only a ping can make it heard again.
        for _ in 0..<2 {
          try await session.eventLoop.submit {
            session.handler.value.silence = SilenceWatch(since: .now() - .seconds(30))
          }.get()
          try await eventually("a ping is heard") {
            try await session.eventLoop.submit {
              !session.handler.value.silence.isOverdue(at: .now(), patience: .seconds(30))
            }.get()
          }
        }
        let echo = try await client.emitWithAck("echo", 1)
        #expect(echo.payloadText == "[1]")
      }
    }
  }

  @Test("A server that stops answering is noticed by its missing pings")
  func frozenServer() async throws {
    try await Peer.run("server.py", ["--ping-interval", "1", "--ping-timeout", "4"]) { port in
      let client = SocketIOClient(url: "ws://127.0.0.1:\(port)", configuration: .patient(reconnection: nil))
      let events = client.events(named: "nothing")
      try await client.withConnection { client in
        // Not awaited: it is gone when it answers no more.
        _ = try client.emitVolatile("freeze")
        let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
        #expect(error?.reason == .pingTimeout)
      }
    }
  }
}

struct NeverHappened: Error, CustomStringConvertible {
  var description: String
}

/// Looks every few milliseconds until `condition` holds, for states that nothing announces.
func eventually(_ what: String, within limit: Duration = wait, _ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NeverHappened(description: "\(what): not within \(limit)") }
    try await Task.sleep(for: .milliseconds(5))
  }
}
