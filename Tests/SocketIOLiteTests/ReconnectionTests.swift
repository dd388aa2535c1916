import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("When a lost connection is not made again", .kind(.programs), .peer("server.py"))
struct ReconnectionTests {
  private actor Token {
    private(set) var asked = 0
    /// Good for the first connection only.
    func next() -> String {
      asked += 1
      return asked == 1 ? "good" : "bad"
    }
  }

  @Test("A server that refuses to take the client back is not asked a third time, and says why")
  func refused() async throws {
    let token = Token()
    var configuration = SocketIOConfiguration.patient(
      reconnection: .init(delay: .milliseconds(10), maxDelay: .milliseconds(10), jitter: 0))
    configuration.auth = { ["token": await token.next()] }
    let client = SocketIOClient(url: Peer.url, configuration: configuration)
    let events = client.events(named: "nothing")
    try await client.withConnection { client in
      try await client.emit("drop")
      let gap = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(gap?.reason == .transportClose)
      let end = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(end?.code == .connectRejected && end?.serverMessage == "bad token", "\(end?.description ?? "")")
      let unsent = await #expect(throws: SocketIOError.self) { try await client.emit("echo") }
      #expect(unsent?.code == .notConnected)
    }
    #expect(await token.asked == 2)
  }

  @Test("When its attempts are used up, who waits learns what the last one met")
  func usedUp() async throws {
    let configuration = SocketIOConfiguration.patient(
      reconnection: .init(delay: .milliseconds(10), maxDelay: .milliseconds(10), attempts: 3))
    let (client, events, states) = try await Peer.run("server.py") { port in
      let client = SocketIOClient(url: "http://127.0.0.1:\(port)", configuration: configuration)
      let events = client.events(named: "nothing")
      try await client.connect()
      return (client, events, client.states())
    }
    // The server is gone.
    _ = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
    let end = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
    #expect(end?.code == .cannotConnect, "\(end?.description ?? "")")
    var attempts: [Int] = []
    for await state in states {
      if case .reconnecting(let attempt, _) = state { attempts.append(attempt) }
      if case .disconnected = state { break }
    }
    #expect(attempts == [1, 2, 3])
    await client.disconnect()
  }
}
