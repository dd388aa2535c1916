import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Client against servers that are odd, by polling above all", .kind(.programs), .peer("odd.py"))
struct OddServerTests {
  func client(
    _ name: String, _ transports: [SocketIOTransport] = [.polling], limits: SocketIOLimits = .init(),
    reconnection: SocketIOConfiguration.Reconnection? = nil
  ) -> SocketIOClient {
    var configuration = SocketIOConfiguration.patient(reconnection: reconnection, transports: transports)
    configuration.limits = limits
    return SocketIOClient(url: Peer.url + "?case=\(name)", configuration: configuration)
  }

  @Test(
    "A handshake by polling that is none is a typed error that quotes what came",
    arguments: [
      ("error-page", SocketIOError.Code.unexpectedResponse, "This is the wrong service", 404),
      ("version-3", .unsupportedVersion, "96:0{", nil), ("not-packets", .malformedPacket, "<html>", nil),
      ("large-headers", .limitExceeded, "65536", nil), ("refused", .unsupportedVersion, "Unsupported protocol", 400),
    ] as [(String, SocketIOError.Code, String, Int?)])
  func handshake(name: String, code: SocketIOError.Code, quotes: String, status: Int?) async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client(name).withConnection { _ in } }
    #expect(error?.code == code, "\(error?.description ?? "")")
    #expect(error?.description.contains(quotes) == true, "\(error?.description ?? "")")
    #expect(error?.httpStatus == status)
  }

  @Test(
    "A polling session that breaks ends with the reason, and whoever waits learns it",
    arguments: [
      ("lost", SocketIOError.Code.disconnected, DisconnectReason.transportError, "Session ID unknown"),
      ("bad-base64", .malformedPacket, .parseError, "@@@"), ("close", .disconnected, .transportClose, "ended"),
      ("long", .limitExceeded, .parseError, "longer than"),
      ("post-refused", .disconnected, .transportError, "413"),
    ])
  func breaks(name: String, code: SocketIOError.Code, reason: DisconnectReason, quotes: String) async throws {
    let client = client(name, limits: .init(maxMessageBytes: 1_000_000))
    let events = client.events(named: "never")
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { _ in _ = try await events.next(timeout: wait) }
    }
    #expect(error?.code == code && error?.reason == reason, "\(error?.description ?? "")")
    #expect(error?.description.contains(quotes) == true, "\(error?.description ?? "")")
  }

  @Test(
    "Where WebSocket does not get through, or answers nonsense, polling goes on; pings are answered",
    arguments: [
      ("no-websocket", [SocketIOTransport.polling, .webSocket]), ("wrong-probe", [.polling, .webSocket]),
      ("polling-only", [.webSocket, .polling]), ("pinged", [.polling]),
    ])
  func staysWithPolling(name: String, transports: [SocketIOTransport]) async throws {
    let client = client(name, transports)
    let fine = client.events(named: "fine")
    let blobs = client.events(named: "blob")
    // The answer to what came by polling.
    let heard = client.events(named: "heard")
    try await client.withConnection { client in
      #expect(try await fine.next(timeout: wait).decode(String.self) == "hé")
      #expect(try await blobs.next(timeout: wait).attachments == [[0, 1, 2]])
      try await client.emit("still here")
      _ = try await heard.next(timeout: wait)
    }
  }

  @Test("What waits to be sent by polling when the session moves to the WebSocket goes there, in order")
  func moving() async throws {
    let client = client("moving", [.polling, .webSocket])
    let got = client.events(named: "got")
    let numbers = try await client.withConnection { client in
      for number in 0..<2000 { try await client.emit("n", number) }
      try await client.emit("done")
      return try await got.next(timeout: wait).decode([Int].self)
    }
    #expect(numbers == Array(0..<2000))
  }

  @Test(
    "An event of which a part went by polling when the session moves has its other parts sent by WebSocket, in order")
  func movingInParts() async throws {
    struct Parts: Decodable { var posts: [Int], socket: [Int] }
    let client = client("parts", [.polling, .webSocket])
    let got = client.events(named: "parts")
    let parts = try await client.withConnection { client in
      // Not awaited: who loses a part would wait for its way out for ever.
      let isSent = try client.emitVolatile("parts", (0..<200).map { Data([UInt8($0)]) })
      #expect(isSent)
      return try await got.next(timeout: wait).decode(Parts.self)
    }
    #expect(parts.posts.count >= 15 && !parts.socket.isEmpty)
    #expect(parts.posts + parts.socket == Array(0..<200))
  }

  @Test(
    "What a server sends behind its answer to the probe, at once or before the session moves, is not lost",
    arguments: ["eager", "eager-later"])
  func eager(name: String) async throws {
    let client = client(name, [.polling, .webSocket])
    let early = client.events(named: "early")
    let event = try await client.withConnection { _ in try await early.next(timeout: wait) }
    #expect(try event.decode(Int.self) == 7)
  }

  @Test("Who sends by polling while the connection is closed learns it at once")
  func slowPost() async throws {
    let client = client("slow-post")
    let fine = client.events(named: "fine")
    let sending = try await client.withConnection { client in
      _ = try await fine.next(timeout: wait)
      let sending = Task { try await client.emit("slow") }
      _ = try await fine.next(timeout: wait)
      return sending
    }
    let error = await #expect(throws: SocketIOError.self) { try await sending.value }
    #expect(error?.reason == .clientDisconnect)
  }

  @Test("Without a transport in the configuration there is an error that says so")
  func noTransport() async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client("x", []).withConnection { _ in } }
    #expect(error?.message.contains("transports") == true)
  }

  @Test("JSON that nests too deep closes this connection with an error", arguments: ["deep", "deep-ack"])
  func depth(name: String) async throws {
    let client = client(name, [.webSocket])
    let events = client.events(named: "deep")
    try await client.withConnection { _ in
      let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(error?.code == .limitExceeded && error?.reason == .parseError, "\(error?.description ?? "")")
    }
  }

  @Test("Depth is counted outside of strings, and allowed up to the limit")
  func depthCount() throws {
    func check(_ json: String) throws { try JSONScan.checkDepth(ByteBuffer(string: json), limit: 3) }
    try check(#"[[[1,2,3]],{"a":[1]},"[[[[[[[\"{{{{{"]"#)
    #expect(throws: SocketIOError.self) { try check("[[[[1]]]]") }
    #expect(throws: SocketIOError.self) { try check(#"["a",{"b":[{"c":1}]}]"#) }
  }

  @Test("A server that keeps sessions is asked to go on with this one, and what was missed arrives")
  func recovery() async throws {
    struct Asked: Decodable { var pid: String, offset: String, token: String }
    let quick = SocketIOConfiguration.Reconnection(delay: .milliseconds(10), maxDelay: .milliseconds(100))
    var configuration = SocketIOConfiguration.patient(reconnection: quick)
    configuration.auth = { ["token": "t"] }
    let client = SocketIOClient(url: Peer.url + "?case=recovery", configuration: configuration)
    let news = client.events(named: "news")
    let asked = client.events(named: "asked")
    try await client.withConnection { client in
      #expect(try await news.next(timeout: wait).decode(Int.self) == 1)
      #expect(try await news.next(timeout: wait).attachments == [Array("one".utf8), Array("two".utf8)])
      let gap = await #expect(throws: SocketIOError.self) { try await news.next(timeout: wait) }
      #expect(gap?.code == .disconnected)
      #expect(try await news.next(timeout: wait).decode(Int.self) == 3)
      _ = await #expect(throws: SocketIOError.self) { try await asked.next(timeout: wait) }
      let request = try await asked.next(timeout: wait).decode(Asked.self)
      #expect(request.pid == "p1" && request.offset == "o-2" && request.token == "t")
      #expect(client.isRecovered && client.id == "second")
    }
  }

  @Test("What recovery remembers: offsets once there is a pid, forgotten with another one")
  func recoveryState() throws {
    func event(_ array: String) throws -> SocketIOEvent {
      try SocketIOEvent(.init(packet: SocketIOPacket.parse(ByteBuffer(string: "2" + array)), attachments: []))
    }
    var state = ConnectionRecovery()
    try state.received([event(#"["a","o-0"]"#)])
    #expect(state.offset == nil && state.payload(auth: nil) == nil)
    state.joined(.init(sid: "s", pid: "p"))
    #expect(!state.isRecovered)
    for (array, offset) in [
      (#"["a"]"#, nil), (#"["a",1]"#, nil), (#"["a","o-1"]"#, "o-1"), (#"["a",{"x":"y"}]"#, "o-1"),
      (#"["a",[1,"no"]]"#, "o-1"), (#"["a", 1 , "o-2" ]"#, "o-2"), (#"["a","es\"caped"]"#, "o-2"),
    ] as [(String, String?)] {
      try state.received([event(array)])
      #expect(state.offset == offset, "\(array)")
    }
    try state.received([event(#"["a","o-0"]"#), event(#"["a","o-2"]"#), event(#"["a"]"#)])
    #expect(state.payload(auth: nil).map { String(buffer: $0) } == #"{"offset":"o-2","pid":"p"}"#)
    let auth = ByteBuffer(string: #"{"token":1}"#)
    #expect(state.payload(auth: auth).map { String(buffer: $0) } == #"{"offset":"o-2","pid":"p","token":1}"#)
    state.joined(.init(sid: "t", pid: "p"))
    #expect(state.isRecovered && state.offset == "o-2")
    state.joined(.init(sid: "u", pid: "q"))
    #expect(!state.isRecovered && state.offset == nil)
  }

  @Test(
    "How many packets share a body",
    arguments: [
      ([10, 10, 10], 100, 3), ([10, 10, 10], 32, 3), ([10, 10, 10], 31, 2), ([200, 1], 100, 1), ([1, 200], 100, 1),
      (Array(repeating: 1, count: 40), nil, 16), ([], 10, 0),
    ] as [([Int], Int?, Int)])
  func batch(lengths: [Int], maxPayload: Int?, count: Int) {
    #expect(PollingBatch.count(lengths, maxPayload: maxPayload) == count)
  }
}
