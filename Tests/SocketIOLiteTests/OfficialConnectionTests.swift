import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

private let wait = Official.wait

@Suite("Connecting and reconnecting as the official client's tests want it", .kind(.programs), .officialPeer)
struct OfficialConnectionTests {
  @Test("Each client has a connection of its own, and none before it is asked for", arguments: Official.ways)
  func separate(transports: [SocketIOTransport]) async throws {
    let first = Official.client(transports)
    let second = Official.client(transports, "/?woot")
    #expect(first.state == .disconnected(nil) && first.id == nil)
    try await first.withConnection { first in
      try await second.withConnection { second in #expect(first.id != second.id && first.id != nil) }
    }
    let elsewhere = Official.client(transports) { $0.path = "/foo" }
    let error = await #expect(throws: SocketIOError.self) { try await elsewhere.withConnection { _ in } }
    #expect(error?.code == .unexpectedResponse)
  }

  @Test("Namespaces share one connection, which closes with the last of them", arguments: Official.ways)
  func namespaces(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports, "/foo")
    let foo = client.namespace("/foo")
    let asd = client.namespace("/asd")
    try await client.connect()
    // Joined while the only other one is being left.
    async let joined: Void = client.join(asd)
    try await eventually("it is being joined") { asd.state != .disconnected(nil) }
    let session = try #require(try foo.link.connection()).session
    let before = try await Official.connection(of: foo).0
    client.leave(foo)
    try await joined
    let after = try await Official.connection(of: asd).0
    #expect(before == after)
    #expect(asd.isConnected && !foo.isConnected)
    client.leave(asd)
    #expect(await session.end().reason == .clientDisconnect)
    await client.disconnect()
    // And again, once it was closed.
    try await client.connect()
    try await client.join(asd)
    #expect(asd.isConnected && client.isConnected)
    await client.disconnect()
  }

  @Test(
    "A broken line is made again by default, with another id, after a manual reconnection too", arguments: Official.ways
  )
  func reconnection(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    for _ in 0..<2 {
      try await client.connect()
      let id = client.id
      let states = client.states()
      try await Official.breakLine(of: client.namespace("/"))
      let attempts = await Official.attemptsAfterLoss(states)
      #expect(!attempts.isEmpty)
      #expect(client.id != nil && (client.id != id || client.isRecovered))
      await client.disconnect()
      #expect(client.state == .disconnected(.clientDisconnect) && client.id == nil)
    }
  }

  @Test("As many attempts as asked for, each time that it is asked for, each numbered", arguments: Official.ways)
  func attempts(transports: [SocketIOTransport]) async throws {
    for isNobody in [true, false] {
      let client = Official.client(transports, "/timeout_socket", isNobody: isNobody) {
        $0.reconnection?.attempts = 2
        $0.reconnection?.retriesFirst = true
        if !isNobody { $0.connectTimeout = .zero }
      }
      for _ in 0..<2 {
        let states = client.states()
        let error = await #expect(throws: SocketIOError.self) { try await client.connect() }
        #expect(error?.code == (isNobody ? .cannotConnect : .connectTimedOut), "\(error?.description ?? "")")
        #expect(await Official.attempts(states) == [1, 2])
      }
    }
  }

  @Test("Without reconnection, or with an answer, there is no second attempt", arguments: Official.ways)
  func noAttempts(transports: [SocketIOTransport]) async throws {
    let off = Official.client(transports, "/invalid", isNobody: true) { $0.reconnection = nil }
    let none = off.states()
    await #expect(throws: SocketIOError.self) { try await off.connect() }
    #expect(await Official.attempts(none) == [])
    let refused = Official.client(transports, "/no") { $0.reconnection?.retriesFirst = true }
    let states = refused.states()
    let error = await #expect(throws: SocketIOError.self) { try await refused.connect() }
    #expect(error?.code == .connectRejected && error?.serverMessage == "Auth failed (custom namespace)")
    #expect(await Official.attempts(states) == [])
    let valid = Official.client(transports, "/valid") { $0.reconnection?.retriesFirst = true }
    let well = valid.states()
    try await valid.withConnection { _ in }
    #expect(await Official.attempts(well) == [])
  }

  @Test("Disconnecting ends the attempts, and connecting begins them again", arguments: Official.ways)
  func stopping(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports, "/invalid", isNobody: true) { $0.reconnection?.retriesFirst = true }
    for _ in 0..<2 {
      let connecting = Task { try await client.connect() }
      try await eventually("an attempt was made") { if case .reconnecting = client.state { true } else { false } }
      await client.disconnect()
      let error = await #expect(throws: SocketIOError.self) { try await connecting.value }
      #expect(error?.reason == .clientDisconnect)
      #expect(client.state == .disconnected(nil) || client.state == .disconnected(.clientDisconnect))
    }
    // Before the first attempt is answered, too.
    let fresh = Official.client(transports)
    let connecting = Task { try await fresh.connect() }
    try await eventually("it is connecting") { fresh.state != .disconnected(nil) }
    await fresh.disconnect()
    _ = await connecting.result
    #expect(!fresh.isConnected)
  }

  @Test(
    "Who leaves one namespace while the line is made again stays away from it, and the rest comes back",
    arguments: Official.ways)
  func leavingMeanwhile(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports) { $0.reconnection = .init(delay: .milliseconds(200), jitter: 0) }
    let asd = client.namespace("/asd")
    try await client.withConnection { client in
      try await client.join(asd)
      let states = asd.states()
      try await Official.breakLine(of: asd)
      for await state in states { if case .reconnecting = state { break } }
      client.leave(client.namespace("/"))
      try await eventually("the rest is back") { asd.isConnected }
      #expect(!client.isConnected)
    }
  }

  @Test(
    "A namespace that is joined while the connection is made costs no attempt, and shares its end",
    arguments: Official.ways)
  func joiningMeanwhile(transports: [SocketIOTransport]) async throws {
    // A tap without an upstream holds the first attempt until the namespace waits. Then nobody is there any more.
    let tried = try await SocketIOTap.withTap(upstream: nil, options: .init(connectTimeout: wait)) { tap in
      let nobody = Official.client(transports, port: tap.port) {
        $0.reconnection = .init(delay: .milliseconds(100), attempts: 2, retriesFirst: true)
      }
      let states = nobody.states()
      let connecting = Task { try await nobody.connect() }
      try await eventually("it is trying") { nobody.state == .connecting }
      let early = nobody.namespace("/asd")
      let joining = Task { try await nobody.join(early) }
      try await eventually("it waits") { nobody.waitingJoinCount == 1 }
      return (nobody, states, connecting, joining)
    }
    let (nobody, states, connecting, joining) = tried
    let error = await #expect(throws: SocketIOError.self) { try await joining.value }
    #expect(error?.code == .cannotConnect, "\(error?.description ?? "")")
    #expect(await Official.attempts(states) == [1, 2])
    await #expect(throws: SocketIOError.self) { try await connecting.value }
    // Where there is no connection and none on its way, nobody waits.
    let late = await #expect(throws: SocketIOError.self) { try await nobody.join(nobody.namespace("/asd")) }
    #expect(late?.code == .notConnected)

    let client = Official.client(transports) { $0.reconnection = .init(delay: .milliseconds(200), jitter: 0) }
    let asd = client.namespace("/asd")
    try await client.withConnection { client in
      let states = client.states()
      try await Official.breakLine(of: client.namespace("/"))
      for await state in states { if case .reconnecting = state { break } }
      try await client.join(asd)
      #expect(asd.isConnected && client.isConnected)
    }
  }

  @Test("Who disconnects while a namespace waits for the connection ends that wait as well")
  func disconnectingMeanwhile() async throws {
    let client = Official.client([.webSocket], isNobody: true) { $0.reconnection?.retriesFirst = true }
    let asd = client.namespace("/asd")
    let connecting = Task { try await client.connect() }
    try await eventually("it is trying") { client.state != .disconnected(nil) }
    let joining = Task { try await client.join(asd) }
    try await eventually("it waits") { client.waitingJoinCount == 1 }
    await client.disconnect()
    let error = await #expect(throws: SocketIOError.self) { try await joining.value }
    #expect(error?.reason == .clientDisconnect)
    _ = await connecting.result
    #expect(asd.state == .disconnected(nil))
  }

  @Test("What is sent on a line that has been silent for too long goes by the next one, once", arguments: Official.ways)
  func throttledTimer(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    let sent = client.sentEvents()
    try await client.withConnection { client in
      let id = client.id
      let session = try #require(try client.namespace("/").link.connection()).session
      // As after a sleep of the machine, whose timers are late.
      try await session.eventLoop.submit {
        session.handler.value.silence = SilenceWatch(since: .now() - .hours(1))
      }.get()
      async let first = client.emitWithAck("echo", 1)
      async let second: Void = client.emit("hi")
      #expect(try await first.decode(Int.self) == 1)
      try await second
      // While it is being upgraded the line is heard.
      #expect(client.id != id || client.isRecovered || transports.count == 2)
    }
    #expect(Set(sent.drain().map(\.name)) == ["echo", "hi"])
  }

  @Test("A line that is heard again after all takes what waited for it")
  func lateTimer() async throws {
    let client = Official.client([.webSocket])
    try await client.withConnection { client in
      let id = client.id
      let session = try #require(try client.namespace("/").link.connection()).session
      let hi = try SocketIOJSON.encode(name: "hi", [])
      try await session.eventLoop.submit {
        session.handler.value.send(.init(encoded: hi, namespace: "/"))
        // Not a matter of how soon the server answers.
        session.handler.value.silence = SilenceWatch(since: .now() - .hours(1), grace: .minutes(1))
      }.get()
      #expect(try await client.emitWithAck("echo", 1).decode(Int.self) == 1)
      #expect(client.id == id)
    }
  }

  @Test("Waits grow with each attempt although they are spread")
  func growing() {
    let reconnection = SocketIOConfiguration.Reconnection(delay: .milliseconds(100), jitter: 0.2)
    for attempt in 0..<3 {
      #expect(reconnection.wait(attempt: attempt, random: 1) < reconnection.wait(attempt: attempt + 1, random: -1))
    }
  }

  @Test("Connecting twice, or joining twice, changes nothing", arguments: Official.ways)
  func twice(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    let asd = client.namespace("/asd")
    try await client.withConnection { client in
      try await client.join(asd)
      let ids = (client.id, asd.id)
      await #expect(throws: SocketIOError.self) { try await client.connect() }
      try await client.join(asd)
      #expect(client.id == ids.0 && asd.id == ids.1)
      #expect(client.namespace("/asd") === asd)
      client.leave(asd)
      // The official server takes what leaves and joins in one turn of its loop for a join that is left.
      _ = try await client.emitWithAck("getId")
      try await client.join(asd)
      #expect(asd.isConnected)
    }
  }

  @Test("Nobody there, and nothing said in time, are errors of the first attempt", arguments: Official.ways)
  func firstErrors(transports: [SocketIOTransport]) async throws {
    let nobody = await #expect(throws: SocketIOError.self) {
      try await Official.client(transports, isNobody: true).connect()
    }
    #expect(nobody?.code == .cannotConnect && "\(SocketIOError.Code.cannotConnect)" == "cannotConnect")
    // What the system said is there to be looked at, too.
    #expect(nobody?.underlying != nil)
    let late = await #expect(throws: SocketIOError.self) {
      try await Official.client(transports) { $0.connectTimeout = .zero }.connect()
    }
    #expect(late?.code == .connectTimedOut)
  }

  @Test(
    "A session is recovered: the same id, and what was missed", .enabled(if: OfficialPeerTrait.external != nil),
    arguments: Official.ways)
  func recovery(transports: [SocketIOTransport]) async throws {
    let client = Official.client(transports)
    let hi = client.events(named: "hi")
    try await client.withConnection { client in
      #expect(!client.isRecovered)
      try await client.emit("hi")
      _ = try await hi.next(timeout: wait)
      let id = client.id
      let states = client.states()
      try await Official.breakLine(of: client.namespace("/"))
      _ = await Official.attemptsAfterLoss(states)
      #expect(client.id == id && client.isRecovered)
    }
  }
}
