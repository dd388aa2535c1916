import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite(
  "Every way of transports against python-socketio of Debian and the newest", .kind(.programs), .bothPeers("server.py"))
struct InteropTests {
  static let ways: [[SocketIOTransport]] = [[.webSocket], [.polling], [.polling, .webSocket]]

  struct Counted: Decodable { var index: Int, text: String }

  func client(_ python: Peer.Python, _ transports: [SocketIOTransport]) -> SocketIOClient {
    SocketIOClient(url: Peer.url(python), configuration: .patient(reconnection: nil, transports: transports))
  }

  func transport(of client: SocketIOClient) async throws -> String {
    try await client.emitWithAck("transport").decode(String.self)
  }

  @Test(
    "Answers, events in order, attachments both ways, large messages, and a question of the server",
    arguments: Peer.Python.allCases, ways)
  func everything(python: Peer.Python, transports: [SocketIOTransport]) async throws {
    let client = client(python, transports)
    let counted = client.events(named: "counted", capacity: 2_000)
    let blobs = client.events(named: "blobs")
    let questions = client.events(named: "question")
    try await client.withConnection { client in
      let reply = try await client.emitWithAck("echo", "héllo \u{1F600}\u{1E}", ["k": Data([1, 2, 3])], Data())
      #expect(try reply.decode(String.self) == "héllo \u{1F600}\u{1E}")
      #expect(try reply.decode([String: Data].self, at: 1) == ["k": Data([1, 2, 3])])
      #expect(try reply.decode(Data.self, at: 2) == Data())
      try await client.emit("count", 10, 30)
      #expect(try await counted.collect(10, timeout: wait).map { try $0.decode(Counted.self).index } == Array(0..<10))
      try await client.emit("binary")
      let blob = try await blobs.next(timeout: wait)
      #expect(blob.attachments == [Array("one".utf8), [0, 255], [], Array("last".utf8)])
      // What one answer to a poll, or a few frames, bring; python-engineio under aiohttp reads no long POST as a whole.
      try await client.emit("count", 2, 400_000)
      let large = try await counted.collect(2, timeout: wait).map { try $0.decode(Counted.self).text.utf8.count }
      #expect(large == [400_000, 400_000])
      if transports == [.polling, .webSocket] {
        try await eventually("the session moved to WebSocket") { try await transport(of: client) == "websocket" }
      } else {
        #expect(try await transport(of: client) == transports.first?.rawValue)
      }
      let size = transports == [.polling] ? 3_000 : 300_000
      let lengths = try await client.emitWithAck("lengths", Data(count: size), "text")
      #expect(lengths.payloadText == "[[\(size),\"text\"]]")
      try await client.emit("ask", "6 × 7")
      try await client.acknowledge(try await questions.next(timeout: wait), 42)
    }
  }

  @Test(
    "Nothing is lost or overtaken while the session moves from polling to WebSocket", arguments: Peer.Python.allCases)
  func upgrade(python: Peer.Python) async throws {
    let client = client(python, [.polling, .webSocket])
    let counted = client.events(named: "counted", capacity: 2_000)
    try await client.withConnection { client in
      let key = "upgrade-\(UUID().uuidString)"
      var sent = 0
      // More is sent and received until the move was seen, and a little after it.
      var sentAfterwards = 0
      while sentAfterwards < 5 {
        if try await transport(of: client) == "websocket" { sentAfterwards += 1 }
        try await client.emit("note", key, sent)
        try await client.emit("count", 3, 10)
        sent += 1
      }
      let notes = try await client.emitWithAck("notes", key)
      #expect(try notes.decode([Int].self) == Array(0..<sent))
      let indexes = try await counted.collect(sent * 3, timeout: wait).map { try $0.decode(Counted.self).index }
      #expect(indexes == (0..<sent).flatMap { _ in 0..<3 })
    }
  }

  @Test(
    "An event whose parts go partly by polling and partly by WebSocket arrives whole", arguments: Peer.Python.allCases)
  func partlySent(python: Peer.Python) async throws {
    // More attachments than one request brings: whenever the session moves, some event is under way in parts.
    let parts = (0..<40).map { Data([UInt8($0)]) }
    for _ in 0..<5 {
      let client = client(python, [.polling, .webSocket])
      let lengths = try await client.withConnection { client in
        var answers: [Int] = []
        var sentAfterwards = 0
        while sentAfterwards < 3 {
          if try await transport(of: client) == "websocket" { sentAfterwards += 1 }
          async let first = client.emitWithAck("echo", parts)
          async let second = client.emitWithAck("echo", parts)
          for answer in try await [first, second] {
            #expect(try answer.decode([Data].self) == parts)
            answers.append(answer.attachments.count)
          }
        }
        return answers
      }
      #expect(lengths.allSatisfy { $0 == 40 })
    }
  }

  @Test("Many events share one request by polling, and a packet beyond maxPayload is refused without harm")
  func batches() async throws {
    try await Peer.run("server.py", ["--max-payload", "20000"]) { port in
      let client = SocketIOClient(
        url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil, transports: [.polling]))
      try await client.withConnection { client in
        let before = try await client.emitWithAck("posts").decode(Int.self)
        for index in 0..<100 {
          let isSent = try client.emitVolatile("note", "batch", index)
          #expect(isSent)
        }
        // Two of these do not fit in one body.
        for index in 100..<104 {
          _ = try client.emitVolatile("note", "batch", index, String(repeating: "x", count: 15_000))
        }
        let notes = try await client.emitWithAck("notes", "batch")
        #expect(try notes.decode([Int].self) == Array(0..<100))
        let posts = try await client.emitWithAck("posts").decode(Int.self) - before
        #expect((11..<60).contains(posts), "\(posts) requests for 106 packets")
        let error = await #expect(throws: SocketIOError.self) {
          try await client.emit("note", "batch", String(repeating: "x", count: 20_000))
        }
        #expect(error?.code == .limitExceeded && error?.message.contains("20000") == true)
        let binary = await #expect(throws: SocketIOError.self) {
          try await client.emitWithAck("lengths", Data(count: 15_000))
        }
        #expect(binary?.code == .limitExceeded)
        #expect(try await client.emitWithAck("echo", 1).decode(Int.self) == 1)
      }
    }
  }

  @Test("A lost polling session is made again", arguments: Peer.Python.allCases)
  func reconnection(python: Peer.Python) async throws {
    let quick = SocketIOConfiguration.Reconnection(delay: .milliseconds(20), maxDelay: .milliseconds(200))
    let client = SocketIOClient(
      url: Peer.url(python), configuration: .patient(reconnection: quick, transports: [.polling]))
    let events = client.events(named: "counted")
    try await client.withConnection { client in
      // Not awaited: the end of the session may be here before the answer to this request.
      _ = try client.emitVolatile("drop")
      let gap = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(gap?.code == .disconnected)
      try await eventually("the client is connected again") { client.isConnected }
      try await client.emit("count", 1, 1)
      _ = try await events.next(timeout: wait)
    }
  }

  @Test("A polling server that stops answering is noticed by its missing pings")
  func frozen() async throws {
    try await Peer.run("server.py", ["--ping-interval", "1", "--ping-timeout", "2"]) { port in
      let client = SocketIOClient(
        url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil, transports: [.polling]))
      let events = client.events(named: "nothing")
      try await client.withConnection { client in
        _ = try client.emitVolatile("freeze")
        let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
        #expect(error?.reason == .pingTimeout)
      }
    }
  }

  @Test("IPv6, a path of its own, query and headers reach the server by every transport")
  func addresses() async throws {
    struct Who: Decodable { var query: String, header: String? }
    try await Peer.run("server.py", ["--host", "::1", "--path", "/of/my-own/"]) { port in
      for transports in Self.ways {
        var configuration = SocketIOConfiguration.patient(reconnection: nil, transports: transports)
        configuration.path = "/of/my-own/"
        configuration.query = [("room", "a b&c")]
        configuration.extraHeaders = [("X-Test", "yes")]
        try await SocketIOClient(url: "http://[::1]:\(port)?from=url", configuration: configuration).withConnection {
          let who = try await $0.emitWithAck("whoami").decode(Who.self)
          #expect(who.header == "yes" && who.query.contains("from=url") && who.query.contains("b%26c"), "\(who)")
        }
      }
    }
  }
}
