import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)
/// For a join that is given up; every other has `wait`, which no machine is too slow for.
private let short: Duration = .milliseconds(200)

@Suite("Joining that is answered late, otherwise, or given up", .kind(.programs), .peer("joins.py"))
struct JoiningTests {
  func client() -> SocketIOClient { SocketIOClient(url: Peer.url, configuration: .patient(reconnection: nil)) }

  @Test("A namespace whose answer comes after the join timed out is left again at once, and can be joined later")
  func lateAnswer() async throws {
    let client = client()
    let heard = client.events(named: "heard")
    let late = client.namespace("/late")
    let news = late.allEvents()
    try await client.withConnection { client in
      let error = await #expect(throws: SocketIOError.self) { try await client.join(late, timeout: short) }
      #expect(error?.code == .connectTimedOut)
      #expect(try await heard.next(timeout: wait).decode(String.self) == "40/late")
      try await client.emit("answer")
      #expect(try await heard.next(timeout: wait).decode(String.self) == "41/late")
      #expect(!late.isConnected && late.id == nil)
      async let joined: Void = client.join(late)
      #expect(try await heard.next(timeout: wait).decode(String.self) == "40/late")
      try await client.emit("answer")
      try await joined
      try await client.emit("event")
      #expect(try await news.next(timeout: wait).name == "news")
    }
  }

  @Test("Who asks again before the late answer is joined by it, and not left")
  func askedAgain() async throws {
    let client = client()
    let heard = client.events(named: "heard")
    let late = client.namespace("/late")
    let news = late.allEvents()
    try await client.withConnection { client in
      _ = await #expect(throws: SocketIOError.self) { try await client.join(late, timeout: short) }
      _ = try await heard.next(timeout: wait)
      async let joined: Void = client.join(late)
      // Not before: an answer that comes first is left again, and what is asked for then is answered anew.
      let session = try #require(try client.namespace("/").link.connection()).session
      try await eventually("it is asked again") {
        try await session.eventLoop.submit { session.handler.value.isJoining("/late") }.get()
      }
      try await client.emit("answer")
      try await joined
      try await client.emit("event")
      #expect(try await news.next(timeout: wait).name == "news")
      #expect(late.isConnected)
    }
  }

  @Test("Leaving during a join ends the join, and its answer is left at once")
  func leaving() async throws {
    let client = client()
    let heard = client.events(named: "heard")
    let late = client.namespace("/late")
    try await client.withConnection { client in
      let joining = Task { try await client.join(late) }
      #expect(try await heard.next(timeout: wait).decode(String.self) == "40/late")
      client.leave(late)
      let error = await #expect(throws: SocketIOError.self) { try await joining.value }
      #expect(error?.reason == .clientDisconnect)
      try await client.emit("answer")
      #expect(try await heard.next(timeout: wait).decode(String.self) == "41/late")
      #expect(!late.isConnected)
    }
  }

  @Test("Leaving while auth is still being worked out ends the join before anything is sent")
  func leavingBeforeAuth() async throws {
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let client = client()
    let all = client.allEvents()
    let slow = client.namespace("/slow") {
      enter.yield()
      for await _ in released {}
      return ["token": "t"]
    }
    try await client.withConnection { client in
      let joining = Task { try await client.join(slow) }
      for await _ in entered { break }
      client.leave(slow)
      release.finish()
      let error = await #expect(throws: SocketIOError.self) { try await joining.value }
      #expect(error?.reason == .clientDisconnect)
      #expect(!slow.isConnected)
      // The next thing that the server hears of is another namespace.
      try await client.join(client.namespace("/other"))
      #expect(try await all.next(timeout: wait).decode(String.self) == "40/other")
    }
  }

  @Test("DISCONNECT instead of the answer fails the join at once, and the connection stays")
  func otherAnswer() async throws {
    let client = client()
    let leaves = client.namespace("/leaves")
    try await client.withConnection { client in
      let error = await #expect(throws: SocketIOError.self) { try await client.join(leaves) }
      #expect(error?.reason == .serverDisconnect, "\(error?.description ?? "")")
      try await client.join(client.namespace("/other"))
    }
  }

  @Test("Disconnecting while a connection is being made ends the attempt")
  func disconnecting() async throws {
    var configuration = SocketIOConfiguration.patient(reconnection: nil)
    configuration.namespace = "/late"
    let client = SocketIOClient(url: Peer.url, configuration: configuration)
    let connecting = Task { try await client.connect() }
    try await eventually("it is connecting") { client.state == .connecting }
    await client.disconnect()
    await #expect(throws: (any Error).self) { try await connecting.value }
    #expect(client.state == .disconnected(nil) || client.state == .disconnected(.clientDisconnect))
  }
}
