import ComposeTesting
import Foundation
import SocketIOLite
import Synchronization
import Testing

private let wait: Duration = .seconds(60)

@Suite("Sending while the connection comes and goes", .kind(.programs), .peer("server.py"))
struct SendingTests {
  func client(delay: Duration = .milliseconds(20)) -> SocketIOClient {
    SocketIOClient(
      url: Peer.url,
      configuration: .patient(reconnection: .init(delay: delay, maxDelay: delay, jitter: 0)))
  }

  /// Has the server drop the connection, and waits until that is noticed.
  func drop(_ client: SocketIOClient) async throws {
    try await client.emit("drop")
    try await eventually("the loss is noticed") { !client.isConnected }
  }

  @Test("Every state is told, in order, from connecting over a lost connection to the end")
  func states() async throws {
    let client = client()
    let states = client.states()
    try await client.withConnection { client in
      try await client.emit("drop")
      for await state in client.states() {
        if case .reconnecting = state { break }
      }
      try await eventually("the client is connected again") { client.isConnected }
    }
    var seen: [SocketIOState] = []
    for await state in states {
      seen.append(state)
      if state == .disconnected(.clientDisconnect) { break }
    }
    // A loaded machine may need a second attempt.
    seen.removeAll { if case .reconnecting(2..., _) = $0 { true } else { false } }
    #expect(
      seen == [
        .disconnected(nil), .connecting, .connected, .reconnecting(attempt: 1, after: .transportClose), .connected,
        .disconnected(.clientDisconnect),
      ])
    #expect(client.state == .disconnected(.clientDisconnect))
  }

  @Test("What is emitted while the connection is made again is sent then, in the order of the calls")
  func line() async throws {
    // The connection is not made again before all are in line: what that needs is not given.
    let (given, give) = AsyncStream.makeStream(of: Void.self)
    give.yield()
    var configuration = SocketIOConfiguration.patient(
      reconnection: .init(delay: .milliseconds(20), maxDelay: .milliseconds(20), jitter: 0))
    configuration.auth = { () async throws -> [String: String] in
      for await _ in given { break }
      return ["token": "good"]
    }
    try await SocketIOClient(url: Peer.url, configuration: configuration).withConnection { client in
      try await drop(client)
      let answer = try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask { try await client.emit("note", "line", index) }
          try await eventually("call \(index) is in line") { client.waitingCallCount == index + 1 }
        }
        async let answer = client.emitWithAck("notes", "line")
        try await eventually("the question is in line") { client.waitingCallCount == 21 }
        give.finish()
        try await group.waitForAll()
        return try await answer
      }
      #expect(try answer.decode([Int].self) == Array(0..<20))
      #expect(client.waitingCallCount == 0)
    }
  }

  @Test(
    "Who waits in line leaves it by cancellation, by its timeout, and with an error when there will be no connection")
  func leaving() async throws {
    let client = client(delay: .seconds(600))
    let last = try await client.withConnection { client in
      try await drop(client)
      let cancelled = Task { try await client.emit("note", "never", 1) }
      try await eventually("it waits") { client.waitingCallCount == 1 }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      #expect(client.waitingCallCount == 0)
      let late = await #expect(throws: SocketIOError.self) {
        try await client.emitWithAck("notes", "never", timeout: .milliseconds(50))
      }
      #expect(late?.code == .ackTimedOut)
      let isSent = try client.emitVolatile("note", "never", 2)
      #expect(!isSent)
      let last = Task { try await client.emit("note", "never", 3) }
      try await eventually("it waits") { client.waitingCallCount == 1 }
      return last
    }
    let error = await #expect(throws: SocketIOError.self) { try await last.value }
    #expect(error?.code == .notConnected)
    try await self.client().withConnection { client in
      let answer = try await client.emitWithAck("notes", "never")
      #expect(answer.payloadText == "[[]]")
    }
  }

  @Test("A volatile event is sent when there is a connection that takes it")
  func volatile() async throws {
    let client = client()
    let heard = client.events(named: "heard")
    let isSent = try client.emitVolatile("say", "heard")
    #expect(!isSent)
    try await client.withConnection { client in
      let isSent = try client.emitVolatile("say", "heard", 7)
      #expect(isSent)
      #expect(try await heard.next(timeout: wait).decode(Int.self) == 7)
      let isSentToo = try client.emitVolatile("say", arguments: ["heard", 8])
      #expect(isSentToo)
      #expect(try await heard.next(timeout: wait).decode(Int.self) == 8)
    }
  }

  @Test(
    "An event with retries is sent until it is answered, before the next such event, and fails when they are used up")
  func retries() async throws {
    try await client().withConnection { client in
      let first = try await client.emitWithRetries("flaky", "first", 3, retries: 100, timeout: .milliseconds(200))
      #expect(try first.decode(Int.self) >= 3)
      let error = await #expect(throws: SocketIOError.self) {
        try await client.emitWithRetries("flaky", "second", 1_000, retries: 2, timeout: .milliseconds(20))
      }
      #expect(error?.code == .ackTimedOut)
      let attempts = try await client.emitWithAck("notes", "second")
      #expect(try attempts.decode([String].self).count == 3)
    }
  }

  @Test("An event with retries is sent again when the connection was lost before its answer")
  func retriesAfterLoss() async throws {
    try await client().withConnection { client in
      let answer = Task {
        try await client.emitWithRetries("flaky", "lost", 2, retries: 100, timeout: .seconds(600))
      }
      try await eventually("the first attempt arrived") {
        try await client.emitWithAck("notes", "lost").decode([String].self).count == 1
      }
      try await client.emit("drop")
      #expect(try await answer.value.decode(Int.self) == 2)
    }
  }

  @Test("Turns are given in the order of asking, and a cancelled asker gives its place up")
  func turns() async throws {
    let turns = SendTurns()
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    let (leave, left) = AsyncStream.makeStream(of: Void.self)
    let holder = Task {
      try await turns.withTurn {
        enter.yield()
        for await _ in leave {}
      }
    }
    for await _ in entered { break }
    let cancelled = Task { try await turns.withTurn { Issue.record("a cancelled asker got its turn") } }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    let next = Task { try await turns.withTurn { "next" } }
    left.finish()
    try await holder.value
    #expect(try await next.value == "next")
  }

  @Test("Turns never overlap, whoever comes, goes and gives up meanwhile")
  func turnsDoNotOverlap() async throws {
    let turns = SendTurns()
    let inside = Inside()
    await withTaskGroup(of: Void.self) { group in
      // Who had a turn asks for the next one while others wait or have theirs.
      for index in 0..<20 {
        group.addTask {
          for round in 0..<10 {
            let turn = Task {
              try await turns.withTurn {
                inside.enter()
                for _ in 0..<3 { await Task.yield() }
                inside.leave()
                if (index + round) % 7 == 0 { throw CancellationError() }
              }
            }
            if (index + round) % 5 == 0 { turn.cancel() }
            _ = await turn.result
          }
        }
      }
    }
    let (now, most, total) = inside.seen
    #expect(now == 0 && most == 1 && total >= 160)
    #expect(try await turns.withTurn { "free" } == "free")
  }
}

/// How many have their turn at once.
private final class Inside: Sendable {
  private let state = Mutex((now: 0, most: 0, total: 0))

  var seen: (now: Int, most: Int, total: Int) { state.withLock { $0 } }

  func enter() {
    state.withLock { state in
      state.now += 1
      state.most = max(state.most, state.now)
      state.total += 1
    }
  }

  func leave() { state.withLock { $0.now -= 1 } }
}
