import ComposeTesting
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import SocketIOLite
import Synchronization
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

private let wait: Duration = .seconds(60)

@Suite("Polling where a request and the end of a kept connection meet", .kind(.programs), .inTurn)
struct KeptConnectionTests {
  /// A line to a server. `onReuse` gets what is known of the connection that is about to be used again, and says what to believe.
  struct Line: Sendable {
    /// Not the loops of a tap, which must go on while one of these is held up.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop: any EventLoop
    private let line: NIOLoopBound<PollingLine>

    init(
      to port: Int, freshness: TimeAmount = .seconds(60),
      onReuse: @escaping @Sendable (any Channel, TCPState?) -> TCPState? = { $1 }
    ) async throws {
      let loop = Self.group.next()
      let dialer = try Dialer(
        endpoint: try SocketIOEndpoint.parse("http://127.0.0.1:\(port)"), tls: .system, proxy: nil,
        timeout: .seconds(60))
      let request = ClientRequest(
        dialer: dialer, transports: [.polling], extraHeaders: [], cookies: CookieJar(), limits: .init())
      self.loop = loop
      line = try await loop.submit {
        let line = PollingLine(request, on: loop, freshness: freshness) { channel in
          onReuse(channel, TCPState.of(channel))
        }
        return NIOLoopBound(line, eventLoop: loop)
      }.get()
    }

    func send(_ body: String?, isRepeatable: Bool = false) async throws -> String {
      String(buffer: try await begin(body, isRepeatable: isRepeatable).get().body)
    }

    func begin(_ body: String?, isRepeatable: Bool = false) -> EventLoopFuture<PollingLine.Answer> {
      let answer = loop.makePromise(of: PollingLine.Answer.self)
      loop.execute { [line] in
        line.value.send(
          body == nil ? .GET : .POST, "/x", body: body.map { ByteBuffer(string: $0) }, isRepeatable: isRepeatable
        ) { answer.completeWith($0.mapError { $0 as any Error }) }
      }
      return answer.futureResult
    }

    func close() { loop.execute { [line] in line.value.close() } }
  }

  /// Lets the first connection be used once, and does otherwise with the request `b` on it.
  private static func serving(_ deed: RawServer.Deed) -> @Sendable (RawServer.Request) -> RawServer.Deed {
    { $0.body == "b" && $0.connection == 1 ? deed : .answer(RawServer.ok("\($0.connection)\($0.body)")) }
  }

  private static let all = serving(.answer(RawServer.ok("1b")))

  /// What is known of a connection once its other side's end has come. The loop is held up meanwhile, as a starved machine does it.
  private static func ended(_ channel: any Channel) -> TCPState? {
    RawServer.holdUp { TCPState.of(channel)?.isEstablished != true }
    return TCPState.of(channel)
  }

  @Test(
    "Closed before the request goes out, but not noticed yet: it goes on a new connection", arguments: ["b", nil],
    [false, true])
  func closedBefore(body: String?, byReset: Bool) async throws {
    try await RawServer.with(Self.all) { server in
      let line = try await Line(to: server.port) { channel, _ in
        server.closeConnections(byReset: byReset)
        return Self.ended(channel)
      }
      #expect(try await line.send("a") == "1a")
      #expect(try await line.send(body) == "2\(body ?? "")")
      #expect(server.bodies == ["a", body ?? ""])
      line.close()
    }
  }

  @Test(
    "Closed while the request goes out, so that nobody can have read it: it is sent once more", arguments: ["b", nil])
  func crossing(body: String?) async throws {
    try await RawServer.with(Self.all) { server in
      let line = try await Line(to: server.port) { channel, state in
        guard state?.isEstablished == true else { return state }
        server.closeConnections()
        _ = Self.ended(channel)
        return state
      }
      #expect(try await line.send("a") == "1a")
      #expect(try await line.send(body) == "2\(body ?? "")")
      #expect(server.bodies == ["a", body ?? ""])
      line.close()
    }
  }

  @Test("Closed by half, so that the request goes through: it may be read, now or later", arguments: [true, false])
  func halfClosed(isTaken: Bool) async throws {
    try await RawServer.with(Self.serving(.waiting)) { server in
      let before = Mutex<TCPState?>(nil)
      let line = try await Line(to: server.port) { channel, state in
        guard let first = before.withLock({ $0 }) else {
          before.withLock { $0 = state }
          server.closeOutputs()
          _ = Self.ended(channel)
          return state
        }
        // Whether the end is read before or behind the word that the request was taken, is a matter of luck.
        guard isTaken else { return TCPState(isEstablished: false, takenBytes: first.takenBytes, idle: .zero) }
        RawServer.holdUp { TCPState.of(channel)?.takenBytes != first.takenBytes }
        return TCPState.of(channel)
      }
      _ = try await line.send("a")
      let error = await #expect(throws: SocketIOError.self) { try await line.send("b") }
      #expect(error?.next?.contains("not sent again") == true, "\(error?.description ?? "")")
      RawServer.holdUp { server.bodies.count == 2 }
      #expect(server.bodies == ["a", "b"])
      line.close()
    }
  }

  @Test("Where the kernel tells nothing, only what may come twice is sent once more")
  func unknown() async throws {
    try await RawServer.with(Self.all) { server in
      for isRepeatable in [false, true] {
        let line = try await Line(to: server.port) { _, _ in
          server.closeConnections()
          return nil
        }
        _ = try await line.send("a")
        if isRepeatable {
          _ = try await line.send("b", isRepeatable: true)
        } else {
          await #expect(throws: SocketIOError.self) { try await line.send("b") }
        }
        line.close()
      }
      #expect(server.bodies == ["a", "a", "b"])
    }
  }

  @Test("Read, and then closed without an answer: what could be done twice is not sent again, and the error says so")
  func closedAfter() async throws {
    try await RawServer.with(Self.serving(.close())) { server in
      let line = try await Line(to: server.port)
      _ = try await line.send("a")
      let error = await #expect(throws: SocketIOError.self) { try await line.send("b") }
      #expect(error?.code == .unexpectedResponse && error?.message.contains("kept alive") == true)
      #expect(error?.next?.contains("not sent again") == true && error?.evidence.first == "POST /x")
      #expect(server.bodies == ["a", "b"])
      line.close()
    }
    try await RawServer.with(Self.serving(.close())) { server in
      let line = try await Line(to: server.port)
      _ = try await line.send("a")
      #expect(try await line.send("b", isRepeatable: true) == "2b")
      #expect(server.bodies == ["a", "b", "b"])
      line.close()
    }
  }

  @Test("Reset with the request in the kernel's hands: nobody knows how much was read of it", arguments: [false, true])
  func reset(isRepeatable: Bool) async throws {
    let deed: @Sendable (RawServer.Request) -> RawServer.Deed = {
      $0.connection == 1 ? .answerAndReadNoMore(RawServer.ok("1")) : .answer(RawServer.ok("2"))
    }
    try await RawServer.with(deed) { server in
      let line = try await Line(to: server.port)
      _ = try await line.send("a")
      let answer = line.begin("b", isRepeatable: isRepeatable)
      try await server.untilUnread()
      server.closeConnections()
      if isRepeatable {
        #expect(String(buffer: try await answer.get().body) == "2")
      } else {
        let error = await #expect(throws: SocketIOError.self) { _ = try await answer.get() }
        #expect(error?.next?.contains("not sent again") == true, "\(error?.description ?? "")")
      }
      #expect(server.bodies == (isRepeatable ? ["a", "b"] : ["a"]))
      line.close()
    }
  }

  @Test("Closed in the middle of the answer: nothing is sent again")
  func halfAnAnswer() async throws {
    for half in [
      "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal",
    ] {
      try await RawServer.with(Self.serving(.close(after: half))) { server in
        let line = try await Line(to: server.port)
        _ = try await line.send("a")
        await #expect(throws: SocketIOError.self) { try await line.send("b", isRepeatable: true) }
        #expect(server.bodies == ["a", "b"])
        line.close()
      }
    }
  }

  @Test("Closed on the first request of a connection: nothing is sent again")
  func firstRequest() async throws {
    try await RawServer.with { _ in
      .close()
    } _: { server in
      let line = try await Line(to: server.port)
      let error = await #expect(throws: SocketIOError.self) { try await line.send("a", isRepeatable: true) }
      #expect(error?.message.contains("closed the connection without an answer") == true)
      #expect(server.bodies == ["a"])
      line.close()
    }
  }

  @Test("A connection is not used again that was idle for longer than usual, or than half of what the server announced")
  func idle() async throws {
    try await RawServer.with(Self.all) { server in
      let line = try await Line(to: server.port, freshness: .seconds(60)) { _, state in
        state.map { TCPState(isEstablished: $0.isEstablished, takenBytes: $0.takenBytes, idle: .seconds(60)) }
      }
      #expect(try await line.send("a") == "1a")
      #expect(try await line.send("b") == "2b")
      line.close()
    }
    try await RawServer.with {
      .answer(RawServer.ok("\($0.connection)", "Keep-Alive: timeout=0, max=9\r\n"))
    } _: { server in
      let line = try await Line(to: server.port)
      #expect(try await [line.send("a"), line.send("b")] == ["1", "2"])
      line.close()
    }
    for (header, time) in [
      ("timeout=5", 1), ("max=100, timeout=1", 0.5), ("Timeout=0.5", 0.25), ("timeout=0", 0), ("timeout=x", 1),
      ("max=7", 1), ("timeout", 1), ("timeout=-3", 1), ("timeout=1e300", 1),
    ] {
      let kept = PollingLine.keepingTime(HTTPHeaders([("Keep-Alive", header)]), atMost: .seconds(1))
      #expect(kept == .nanoseconds(Int64(time * 1e9)), "\(header)")
    }
    #expect(PollingLine.keepingTime(HTTPHeaders(), atMost: .seconds(1)) == .seconds(1))
  }

  @Test("An answer that says that it is its connection's last is believed, although the server leaves that open")
  func lastLeftOpen() async throws {
    try await RawServer.with {
      .answer(RawServer.ok("\($0.connection)", "Connection: close\r\n"))
    } _: { server in
      let line = try await Line(to: server.port)
      #expect(try await [line.send("a"), line.send("b")] == ["1", "2"])
      line.close()
    }
  }

  @Test("Through a tap, too, what nobody can have read is sent once more")
  func throughTap() async throws {
    try await RawServer.with(Self.all) { server in
      try await SocketIOTap.withTap(upstream: "http://127.0.0.1:\(server.port)") { tap in
        let line = try await Line(to: tap.port) { channel, state in
          guard state?.isEstablished == true else { return state }
          server.closeConnections()
          // The tap closes its end, too.
          _ = Self.ended(channel)
          return state
        }
        #expect(try await line.send("a") == "1a")
        #expect(try await line.send("b") == "2b")
        #expect(server.bodies == ["a", "b"])
        line.close()
      }
    }
  }

  /// Only real sockets close by half: without them the rest of the connection closes as well, and tells the tap what it must know before.
  @Test(
    "Through a tap with rules, an answer without a length ends where the server closes by half", .timeLimit(.minutes(2))
  )
  func closedByHalfThroughTap() async throws {
    try await RawServer.with { _ in
      .closeOutput(after: "HTTP/1.0 200 OK\r\n\r\n42[\"a\",1]\u{1E}42[\"b\",2]")
    } _: { server in
      let rule = FaultRule("r", .drop, event: "a")
      try await SocketIOTap.withTap(upstream: "http://127.0.0.1:\(server.port)", rules: [rule]) { tap in
        let url = try #require(URL(string: "http://127.0.0.1:\(tap.port)/socket.io/?EIO=4&transport=polling&sid=s"))
        let (body, _) = try await URLSession.shared.data(from: url)
        #expect(String(decoding: body, as: UTF8.self) == #"42["b",2]"#)
        #expect(tap.records().map(\.event.name) == ["a", "b"])
      }
    }
  }

  /// A server that takes a client in; what comes behind that is answered by `deed`.
  private static func session(
    _ deed: @escaping @Sendable (RawServer.Request) -> RawServer.Deed
  ) -> @Sendable (RawServer.Request) -> RawServer.Deed {
    { request in
      switch (request.method, request.number) {
      case ("GET", 1):
        .answer(RawServer.ok(#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9999}"#))
      case ("GET", 2): .answer(RawServer.ok(#"40{"sid":"t"}"#))
      case ("GET", _): .waiting
      default: request.body.hasPrefix("40") ? .answer(RawServer.ok()) : deed(request)
      }
    }
  }

  private func client(_ server: RawServer) -> SocketIOClient {
    SocketIOClient(
      url: "http://127.0.0.1:\(server.port)", configuration: .patient(reconnection: nil, transports: [.polling]))
  }

  @Test("A client's event that the server may have acted on is not sent twice; who sends it learns that")
  func event() async throws {
    try await RawServer.with(Self.session { _ in .close() }) { server in
      let client = client(server)
      let never = client.events(named: "never")
      let error = await #expect(throws: SocketIOError.self) {
        try await client.withConnection { client in
          try await client.emit("say")
          _ = try await never.next(timeout: wait)
        }
      }
      #expect(error?.code == .disconnected && error?.reason == .transportError)
      #expect(error?.description.contains("not sent again") == true, "\(error?.description ?? "")")
      #expect(server.bodies.filter { $0.hasPrefix("42") } == [#"42["say"]"#])
    }
  }

  @Test("The end of a session is said again, because it ends the session only once")
  func farewell() async throws {
    try await RawServer.with(Self.session { $0.body == "1" ? .close() : .answer(RawServer.ok()) }) { server in
      try await client(server).withConnection { _ in }
      let posts = server.requests.filter { $0.method == "POST" }
      let said = posts.filter { $0.body == "1" }
      // On a machine that stood still meanwhile it begins on a new connection, and then nobody says it again.
      let isReused = server.requests.filter { $0.connection == said.first?.connection }.count > 1
      #expect(said.count == (isReused ? 2 : 1), "\(posts)")
    }
  }
}
