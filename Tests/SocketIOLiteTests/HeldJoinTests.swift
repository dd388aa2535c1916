import ComposeTesting
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

/// An `auth` that tells when it was asked, and answers when it is let go.
private struct HeldAuth: Sendable {
  struct Refusal: Error {}

  private let entered = AsyncStream.makeStream(of: Void.self)
  private let released = AsyncStream.makeStream(of: Void.self)

  func value(throwing: Bool = false) async throws -> [String: String] {
    entered.continuation.yield()
    // Whoever calls this may be cancelled: it answers only when it is let go.
    let released = released.stream
    await Task { for await _ in released {} }.value
    if throwing { throw Refusal() }
    return ["token": "t"]
  }

  func untilAsked() async { for await _ in entered.stream { break } }
  func release() { released.continuation.finish() }
}

@Suite("A join that has begun keeps the connection open, until it is given up", .kind(.programs), .peer("joins.py"))
struct HeldJoinTests {
  /// A client that is connected, and its connection.
  private func connected() async throws -> (SocketIOClient, ClientSession) {
    let client = SocketIOClient(url: Peer.url, configuration: .patient(reconnection: nil))
    try await client.connect()
    return (client, try #require(try client.namespace("/").link.connection()).session)
  }

  /// Whether it is up still, once all that was asked of it before is done.
  private func isUp(_ session: ClientSession) async throws -> Bool {
    try await session.eventLoop.submit { session.handler.value.failure == nil }.get()
  }

  private func closes(_ session: ClientSession) async throws {
    try await eventually("the connection closes") { !session.outlet.isOpen }
    #expect(await session.end().reason == .clientDisconnect)
  }

  private func session(of namespace: SocketIONamespace) throws -> ClientSession {
    try #require(try namespace.link.connection()).session
  }

  /// A join that waits for its auth, on a connection whose only other namespace has just been left.
  private struct Held {
    var auth: HeldAuth
    var client: SocketIOClient
    var session: ClientSession
    var namespace: SocketIONamespace
    var joining: Task<Void, any Error>
  }

  private func held(_ name: String = "/asd", throwing: Bool = false) async throws -> Held {
    let (client, session) = try await connected()
    let auth = HeldAuth()
    let namespace = client.namespace(name) { try await auth.value(throwing: throwing) }
    let joining = Task { try await client.join(namespace) }
    await auth.untilAsked()
    client.leave(client.namespace("/"))
    #expect(try await isUp(session))
    return Held(auth: auth, client: client, session: session, namespace: namespace, joining: joining)
  }

  @Test("The only other namespace is left while auth is worked out: the join goes on, by the same connection")
  func leavingTheOther() async throws {
    let held = try await held()
    held.auth.release()
    try await held.joining.value
    #expect(try self.session(of: held.namespace).outlet === held.session.outlet)
    held.client.leave(held.namespace)
    try await closes(held.session)
    await held.client.disconnect()
  }

  @Test("Auth that throws then closes the connection, for which nothing is left")
  func throwing() async throws {
    let held = try await held(throwing: true)
    held.auth.release()
    await #expect(throws: HeldAuth.Refusal.self) { try await held.joining.value }
    try await closes(held.session)
    await held.client.disconnect()
  }

  @Test("Leaving what is being joined closes the connection at once, although auth is not there yet")
  func leavingBoth() async throws {
    let held = try await held()
    held.client.leave(held.namespace)
    try await closes(held.session)
    held.auth.release()
    let error = await #expect(throws: SocketIOError.self) { try await held.joining.value }
    #expect(error?.reason == .clientDisconnect)
    await held.client.disconnect()
  }

  @Test("Of two joins at once, each keeps the connection open until it ends")
  func two() async throws {
    let (first, second) = (HeldAuth(), HeldAuth())
    let (client, session) = try await connected()
    let asd = client.namespace("/asd") { try await first.value() }
    let other = client.namespace("/other") { try await second.value(throwing: true) }
    let joining = Task { try await client.join(asd) }
    let failing = Task { try await client.join(other) }
    await first.untilAsked()
    await second.untilAsked()
    client.leave(client.namespace("/"))
    second.release()
    await #expect(throws: HeldAuth.Refusal.self) { try await failing.value }
    #expect(try await isUp(session))
    client.leave(asd)
    #expect(try await !isUp(session))
    first.release()
    await #expect(throws: SocketIOError.self) { try await joining.value }
    await client.disconnect()
  }

  @Test("A join that is left and begun again is kept by its second beginning, whatever becomes of the first")
  func again() async throws {
    let (first, second) = (HeldAuth(), HeldAuth())
    let (asked, ask) = AsyncStream.makeStream(of: HeldAuth.self)
    ask.yield(first)
    ask.yield(second)
    let (client, session) = try await connected()
    let asd = client.namespace("/asd") { () async throws -> [String: String] in
      for await auth in asked { return try await auth.value() }
      throw HeldAuth.Refusal()
    }
    let joining = Task { try await client.join(asd) }
    await first.untilAsked()
    client.leave(asd)
    let joiningAgain = Task { try await client.join(asd) }
    await second.untilAsked()
    client.leave(client.namespace("/"))
    first.release()
    await #expect(throws: SocketIOError.self) { try await joining.value }
    #expect(try await isUp(session))
    second.release()
    try await joiningAgain.value
    #expect(try self.session(of: asd).outlet === session.outlet)
    client.leave(asd)
    try await closes(session)
    await client.disconnect()
  }

  @Test(
    "A join that the server refuses, or leaves, closes the connection if nothing else is left",
    arguments: ["/no", "/leaves"])
  func refused(name: String) async throws {
    let held = try await held(name)
    held.auth.release()
    let error = await #expect(throws: SocketIOError.self) { try await held.joining.value }
    #expect(error?.code == .connectRejected || error?.reason == .serverDisconnect, "\(error?.description ?? "")")
    try await closes(held.session)
    await held.client.disconnect()
  }

  @Test("The server leaves the only joined namespace while another is being joined: that one is joined all the same")
  func leftByServer() async throws {
    let auth = HeldAuth()
    let (client, session) = try await connected()
    let asd = client.namespace("/asd") { try await auth.value() }
    let joining = Task { try await client.join(asd) }
    await auth.untilAsked()
    try await client.emit("leave")
    try await eventually("the server left it") { client.state == .disconnected(.serverDisconnect) }
    #expect(try await isUp(session))
    auth.release()
    try await joining.value
    #expect(try self.session(of: asd).outlet === session.outlet)
    await client.disconnect()
  }

  @Test("What waits for the connection is joined although the namespace that it is made for was left meanwhile")
  func leavingTheFirst() async throws {
    let auth = HeldAuth()
    var configuration = SocketIOConfiguration.patient(reconnection: nil)
    configuration.auth = { try await auth.value() }
    let client = SocketIOClient(url: Peer.url, configuration: configuration)
    let asd = client.namespace("/asd") { ["token": "t"] }
    let connecting = Task { try await client.connect() }
    await auth.untilAsked()
    let joining = Task { try await client.join(asd) }
    try await eventually("it waits") { asd.state == .connecting }
    client.leave(client.namespace("/"))
    auth.release()
    try await joining.value
    try await connecting.value
    #expect(asd.isConnected && !client.isConnected)
    client.leave(asd)
    await client.disconnect()
  }

  @Test("Connecting again, once the client's own namespace was left, joins it on the connection that others keep")
  func connectingAgain() async throws {
    let (client, session) = try await connected()
    let asd = client.namespace("/asd")
    try await client.join(asd)
    client.leave(client.namespace("/"))
    try await client.connect()
    #expect(client.isConnected && asd.isConnected)
    #expect(try self.session(of: client.namespace("/")).outlet === session.outlet)
    await client.disconnect()
    #expect(!client.isConnected && !asd.isConnected)
  }

  /// Auth that never answers holds nobody up: whoever disconnects meanwhile is told in `ends`.
  private func disconnects(_ client: SocketIOClient) async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let disconnecting = Task {
      await client.disconnect()
      end.yield()
    }
    defer { disconnecting.cancel() }
    let timer = Task {
      try await Task.sleep(for: wait)
      end.finish()
    }
    defer { timer.cancel() }
    var isOver = false
    for await _ in ends {
      isOver = true
      break
    }
    #expect(isOver, "disconnect waits for auth")
  }

  @Test("Disconnecting does not wait for auth, neither that of the first attempt nor that of a later one")
  func disconnecting() async throws {
    let (first, later) = (HeldAuth(), HeldAuth())
    let (asked, ask) = AsyncStream.makeStream(of: HeldAuth.self)
    var configuration = SocketIOConfiguration.patient(reconnection: .init(delay: .milliseconds(1), jitter: 0))
    configuration.auth = { () async throws -> [String: String] in
      for await auth in asked { return try await auth.value() }
      throw HeldAuth.Refusal()
    }
    let client = SocketIOClient(url: Peer.url, configuration: configuration)
    ask.yield(first)
    let connecting = Task { try await client.connect() }
    await first.untilAsked()
    try await disconnects(client)
    first.release()
    let error = await #expect(throws: SocketIOError.self) { try await connecting.value }
    #expect(error?.reason == .clientDisconnect)

    let free = HeldAuth()
    free.release()
    ask.yield(free)
    try await client.connect()
    ask.yield(later)
    try await client.emit("close", 1001, "bye")
    await later.untilAsked()
    try await disconnects(client)
    #expect(!client.isConnected)
    later.release()
  }

  @Test("Auth that gives nothing in time is an error that says so, of connecting as of joining")
  func silentAuth() async throws {
    let (auth, other) = (HeldAuth(), HeldAuth())
    var configuration = SocketIOConfiguration.patient(reconnection: nil)
    configuration.connectTimeout = .milliseconds(500)
    configuration.auth = { try await auth.value() }
    let silent = SocketIOClient(url: Peer.url, configuration: configuration)
    // Lets go of whoever waits for it after all.
    let late = Task {
      try await Task.sleep(for: wait)
      auth.release()
    }
    defer { late.cancel() }
    let error = await #expect(throws: SocketIOError.self) { try await silent.connect() }
    #expect(error?.code == .connectTimedOut && error?.message.contains("auth") == true, "\(error?.description ?? "")")
    configuration.auth = nil
    configuration.connectTimeout = wait
    let client = SocketIOClient(url: Peer.url, configuration: configuration)
    try await client.withConnection { client in
      let asd = client.namespace("/asd") { try await other.value() }
      let joining = Task { try await client.join(asd) }
      await other.untilAsked()
      joining.cancel()
      await #expect(throws: CancellationError.self) { try await joining.value }
      #expect(client.isConnected)
    }
    auth.release()
    other.release()
  }
}
