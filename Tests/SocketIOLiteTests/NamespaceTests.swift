import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Several namespaces on one connection", .kind(.programs), .bothPeers("server.py"))
struct NamespaceTests {
  struct Why: Decodable { var code: String, retry: Bool }

  func client(_ python: Peer.Python = .newest, transports: [SocketIOTransport] = [.webSocket]) -> SocketIOClient {
    let quick = SocketIOConfiguration.Reconnection(delay: .milliseconds(20), maxDelay: .milliseconds(200))
    return SocketIOClient(
      url: Peer.url(python), configuration: .patient(reconnection: quick, transports: transports))
  }

  @Test(
    "Each has its own events, answers, id and auth; leaving one keeps the rest", arguments: Peer.Python.allCases,
    InteropTests.ways)
  func joining(python: Peer.Python, transports: [SocketIOTransport]) async throws {
    struct Who: Decodable { var auth: [String: String]? }
    let client = client(python, transports: transports)
    let sts = client.namespace("/sts", auth: { ["token": "sts"] })
    let mine = client.events(named: "heard")
    let theirs = sts.events(named: "heard")
    #expect(client.namespace("sts") === sts)
    try await client.withConnection { client in
      #expect(sts.id == nil && !sts.isConnected)
      try await client.join(sts)
      try await client.join(sts)
      #expect(sts.id != nil && client.id != nil && sts.id != client.id)
      #expect(try await sts.emitWithAck("whoami").decode(Who.self).auth == ["token": "sts"])
      try await sts.emit("say", "heard", "in sts")
      try await client.emit("say", "heard", "in root")
      #expect(try await theirs.next(timeout: wait).decode(String.self) == "in sts")
      let event = try await mine.next(timeout: wait)
      #expect(try event.decode(String.self) == "in root")
      #expect(event.namespace == "/")
      let key = UUID().uuidString
      let asking = Task { try await sts.emitWithAck("flaky", key, 1_000, timeout: .seconds(600)) }
      try await eventually("the question arrived") {
        try await sts.emitWithAck("notes", key).decode([String].self).count == 1
      }
      client.leave(sts)
      let unanswered = await #expect(throws: SocketIOError.self) { try await asking.value }
      #expect(unanswered?.reason == .clientDisconnect)
      let ended = await #expect(throws: SocketIOError.self) { try await theirs.next(timeout: wait) }
      #expect(ended?.reason == .clientDisconnect)
      let unsent = await #expect(throws: SocketIOError.self) { try await sts.emit("echo") }
      #expect(unsent?.code == .notConnected)
      #expect(try await client.emitWithAck("echo", 2).decode(Int.self) == 2)
      try await client.join(sts)
      try await sts.emit("say", "heard", "again")
      #expect(try await theirs.next(timeout: wait).decode(String.self) == "again")
    }
  }

  @Test("A refused namespace is an error with the server's message and data, and nothing else is harmed")
  func refusal() async throws {
    let client = client()
    let refused = client.namespace("/sts", auth: { ["token": "bad"] })
    let unknown = client.namespace("/nowhere")
    try await client.withConnection { client in
      let error = await #expect(throws: SocketIOError.self) { try await client.join(refused) }
      #expect(error?.code == .connectRejected && error?.serverMessage == "bad token")
      let why = try error?.decodeServerData(Why.self)
      #expect(why?.code == "UNAUTHORIZED")
      let nowhere = await #expect(throws: SocketIOError.self) { try await client.join(unknown) }
      #expect(nowhere?.code == .connectRejected && nowhere?.message.contains("/nowhere") == true)
      #expect(try await client.emitWithAck("echo", 2).decode(Int.self) == 2)
    }
    let early = await #expect(throws: SocketIOError.self) { try await client.join(refused) }
    #expect(early?.code == .notConnected)
  }

  @Test("The server may leave one namespace, this client's own too; the last one takes the connection along")
  func kicked() async throws {
    let client = client()
    let sts = client.namespace("/sts")
    let events = sts.events(named: "nothing")
    try await client.withConnection { client in
      try await client.join(sts)
      try await sts.emit("kick")
      let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(error?.reason == .serverDisconnect)
      #expect(try await client.emitWithAck("echo", 2).decode(Int.self) == 2)
      try await client.join(sts)
      try await client.emit("kick")
      try await eventually("the first namespace is gone") { client.state == .disconnected(.serverDisconnect) }
      #expect(try await sts.emitWithAck("echo", 3).decode(Int.self) == 3)
      try await sts.emit("kick")
      try await eventually("the second namespace is gone") { sts.state == .disconnected(.serverDisconnect) }
    }
  }

  @Test("A lost connection is made again with all of its namespaces, and auth is asked for each time")
  func reconnection() async throws {
    let counter = Counter()
    let client = client()
    let sts = client.namespace("/sts", auth: { ["time": await counter.next()] })
    let events = sts.events(named: "counted")
    try await client.withConnection { client in
      try await client.join(sts)
      let first = sts.id
      try await sts.emit("drop")
      let gap = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(gap?.reason == .transportClose)
      try await eventually("the namespace is joined again") { sts.isConnected && client.isConnected }
      #expect(sts.id != first)
      try await sts.emit("count", 1, 1)
      _ = try await events.next(timeout: wait)
      #expect(await counter.value >= 2)
    }
    #expect(!sts.isConnected)
  }

  private actor Counter {
    private(set) var value = 0
    func next() -> Int {
      value += 1
      return value
    }
  }

  @Test("A long-lived connection stays until it is ended, ends attempts to connect again, and may be begun anew")
  func longLived() async throws {
    let client = client()
    try await client.connect()
    await #expect(throws: SocketIOError.self) { try await client.connect() }
    #expect(try await client.emitWithAck("echo", 1).decode(Int.self) == 1)
    await client.disconnect()
    #expect(client.state == .disconnected(.clientDisconnect))
    await client.disconnect()
    let error = await #expect(throws: SocketIOError.self) { try await client.emit("echo") }
    #expect(error?.code == .notConnected)

    let slow = SocketIOClient(
      url: client.url, configuration: .patient(reconnection: .init(delay: .seconds(600), maxDelay: .seconds(600))))
    try await slow.connect()
    try await slow.emit("drop")
    try await eventually("the loss is noticed") { !slow.isConnected }
    await slow.disconnect()
    #expect(!slow.isConnected)
    try await slow.connect()
    #expect(try await slow.emitWithAck("echo", 2).decode(Int.self) == 2)
    await slow.disconnect()
  }

  @Test("A client that nobody holds any more disconnects")
  func released() async throws {
    let queue = try await {
      let client = client()
      let events = client.events(named: "nothing")
      try await client.connect()
      return events
    }()
    let error = await #expect(throws: SocketIOError.self) { try await queue.next(timeout: wait) }
    #expect(error?.reason == .clientDisconnect)
  }
}
