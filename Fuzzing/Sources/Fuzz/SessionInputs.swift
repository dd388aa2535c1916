import Driver
import NIOCore
import NIOEmbedded

@testable import SocketIOLite

/// A tap between a client and an upstream that the input plays, by polling and by WebSocket, over several connections.
extension Inputs {
  /// An input's first byte says which rules there are and how bytes are cut; then come steps, between 0x1D, with a letter each:
  ///
  ///     g, G    the server answers a poll on the first or second connection      p, P    the client posts a body there
  ///     s, b    the server sends a text or binary message by WebSocket           c, d    the client does
  ///     u       the session is upgraded       t    time passes       x    a connection ends
  ///
  /// A poll whose body starts with `-` is not answered yet. Without rules either side gets what the other sent, byte for byte,
  /// whatever it is; with rules the tap never has two POSTs of its own under way.
  static func sessions(_ bytes: Bytes) {
    guard let first = bytes.first else { return }
    let play = TapPlay(rules: first & 7, chunk: Int(first >> 3) + 1)
    for step in bytes.dropFirst().split(separator: 0x1D).prefix(12) {
      guard let letter = step.first else { continue }
      play.run(letter, ByteBuffer(bytes: step.dropFirst()))
    }
    play.end()
  }
}

private final class TapPlay {
  private final class Dialer: TapDialer {
    let loop: EmbeddedEventLoop
    var servers: [EmbeddedChannel] = []
    var posts: [(String?) -> Void] = []
    init(_ loop: EmbeddedEventLoop) { self.loop = loop }

    func connect(
      until deadline: NIODeadline, isWanted: @escaping () -> Bool, add: @escaping (any Channel) throws -> Void,
      done: @escaping (Result<String, SocketIOError>) -> Void
    ) {
      let channel = EmbeddedChannel(loop: loop)
      guard (try? add(channel)) != nil, (try? channel.connect(to: .init(unixDomainSocketPath: "/u")).wait()) != nil
      else {
        return
      }
      servers.append(channel)
      done(.success("u:1"))
    }

    func post(_ request: ByteBuffer, done: @escaping (String?) -> Void) {
      posts.append(done)
      demand(posts.count == 1, "two POSTs of the tap's own at a time")
    }
  }

  private struct Line {
    var client: EmbeddedChannel
    var server: EmbeddedChannel?
    /// Polls that the server has and did not answer.
    var polls = 0
  }

  private let loop = EmbeddedEventLoop()
  private let dialer: Dialer
  private let tap: TapSessions
  private let isTransparent: Bool
  private let chunk: Int
  private var lines: [Line] = []
  private var socket: Line?
  private var sentToServer = ByteBuffer(), gotAtServer = ByteBuffer()
  private var sentToClient = ByteBuffer(), gotAtClient = ByteBuffer()

  init(rules: UInt8, chunk: Int) {
    self.chunk = chunk
    let faults = FaultEngine()
    let all: [FaultRule] = [
      .init("drop", .drop, event: "a"), .init("late", .delay(.seconds(1)), event: "b"),
      .init("overtaken", .delay(.seconds(2), keepingOrder: false), event: "c"), .init("twice", .duplicate, event: "d"),
      .init("swap", .reorder(atMost: .seconds(3)), event: "e"),
      .init("other", .replace { .init(payload: Array($0.payload.reversed()), attachments: [[1]]) }, event: "f"),
      .init("cut", .disconnect, event: "g"),
    ]
    isTransparent = rules == 0
    faults.set(
      rules == 0 ? [] : rules == 1 ? [.init("idle", .drop, event: "\u{1D}")] : rules == 7 ? all : [all[Int(rules)]])
    dialer = Dialer(loop)
    tap = TapSessions(
      .init(
        recorder: TapRecorder(maxBytes: 20_000, maxMemoryBytes: 10_000), faults: faults, limits: Inputs.limits,
        connectTimeout: .seconds(1), tls: .system, upstream: { nil }), loop, dialer)
    for _ in 0..<2 { lines.append(line()) }
  }

  private func line() -> Line {
    let channel = EmbeddedChannel(loop: loop)
    guard (try? TapConnection(id: 1, sessions: tap).addClientHandlers(channel)) != nil,
      (try? channel.connect(to: .init(unixDomainSocketPath: "/t")).wait()) != nil
    else { preconditionFailure("no handlers") }
    return Line(client: channel)
  }

  func run(_ letter: UInt8, _ body: ByteBuffer) {
    switch letter {
    case UInt8(ascii: "g"): poll(0, body, isChunked: false)
    case UInt8(ascii: "G"): poll(1, body, isChunked: true)
    case UInt8(ascii: "p"): post(0, body)
    case UInt8(ascii: "P"): post(1, body)
    case UInt8(ascii: "u"): upgrade()
    case UInt8(ascii: "s"): frame(1, body, toServer: false)
    case UInt8(ascii: "b"): frame(2, body, toServer: false)
    case UInt8(ascii: "c"): frame(1, body, toServer: true)
    case UInt8(ascii: "d"): frame(2, body, toServer: true)
    case UInt8(ascii: "t"): loop.advanceTime(by: .milliseconds(500))
    case UInt8(ascii: "x") where !isTransparent:
      lines[0].client.close(promise: nil)
      loop.run()
      lines[0] = line()
    default: break
    }
    collect()
  }

  private func ask(_ index: Int, _ request: ByteBuffer) {
    if lines[index].server == nil {
      // A request's first bytes make the tap connect.
      _ = try? lines[index].client.writeInbound(ByteBuffer())
      if !dialer.servers.isEmpty { lines[index].server = dialer.servers.removeFirst() }
    }
    send(request, to: lines[index].client, &sentToServer)
    collect()
  }

  private func poll(_ index: Int, _ body: ByteBuffer, isChunked: Bool) {
    if lines[index].polls == 0 {
      ask(index, ByteBuffer(string: "GET /s/?EIO=4&transport=polling&sid=s HTTP/1.1\r\nHost: h\r\n\r\n"))
    }
    guard body.peekByte() != UInt8(ascii: "-"), lines[index].polls > 0, let server = lines[index].server,
      server.isActive
    else { return }
    lines[index].polls -= 1
    var answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\n")
    if isChunked {
      answer.writeString("Transfer-Encoding: chunked\r\n\r\n")
      if body.readableBytes > 0 {
        answer.writeString("\(String(body.readableBytes, radix: 16))\r\n")
        answer.writeImmutableBuffer(body)
        answer.writeString("\r\n")
      }
      answer.writeString("0\r\n\r\n")
    } else {
      answer.writeString("Content-Length: \(body.readableBytes)\r\n\r\n")
      answer.writeImmutableBuffer(body)
    }
    send(answer, to: server, &sentToClient)
  }

  private func post(_ index: Int, _ body: ByteBuffer) {
    var request = ByteBuffer(
      string: "POST /s/?EIO=4&transport=polling&sid=s HTTP/1.1\r\nContent-Length: \(body.readableBytes)\r\n\r\n")
    request.writeImmutableBuffer(body)
    ask(index, request)
    guard let server = lines[index].server, server.isActive else { return }
    send(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), to: server, &sentToClient)
    collect()
    if let done = dialer.posts.popLast() { done(nil) }
  }

  private func upgrade() {
    guard socket == nil else { return }
    var line = line()
    send(
      ByteBuffer(
        string:
          "GET /s/?EIO=4&transport=websocket&sid=s HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
      to: line.client, &sentToServer)
    guard !dialer.servers.isEmpty else { return }
    line.server = dialer.servers.removeFirst()
    socket = line
    if let server = line.server {
      send(
        ByteBuffer(
          string: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        to: server, &sentToClient)
    }
    frame(1, ByteBuffer(string: "5"), toServer: true)
  }

  private func frame(_ opcode: UInt8, _ body: ByteBuffer, toServer: Bool) {
    guard let socket, let server = socket.server else { return }
    let frame = WebSocketFrameScanner.frame(opcode: opcode, body, masked: toServer)
    if toServer { send(frame, to: socket.client, &sentToServer) } else { send(frame, to: server, &sentToClient) }
  }

  private func send(_ bytes: ByteBuffer, to channel: EmbeddedChannel, _ account: inout ByteBuffer) {
    guard channel.isActive else { return }
    account.writeImmutableBuffer(bytes)
    var rest = bytes
    while rest.readableBytes > 0, let part = rest.readSlice(length: min(chunk * 16, rest.readableBytes)) {
      _ = try? channel.writeInbound(part)
      collect()
    }
  }

  private func collect() {
    for index in lines.indices {
      while let bytes = try? lines[index].client.readOutbound(as: ByteBuffer.self) {
        gotAtClient.writeImmutableBuffer(bytes)
      }
      while let bytes = try? lines[index].server?.readOutbound(as: ByteBuffer.self) {
        if bytes.readableBytesView.starts(with: "GET /s".utf8) { lines[index].polls += 1 }
        gotAtServer.writeImmutableBuffer(bytes)
      }
    }
    if let socket {
      while let bytes = try? socket.client.readOutbound(as: ByteBuffer.self) { gotAtClient.writeImmutableBuffer(bytes) }
      while let bytes = try? socket.server?.readOutbound(as: ByteBuffer.self) {
        gotAtServer.writeImmutableBuffer(bytes)
      }
    }
    for server in dialer.servers {
      while let bytes = try? server.readOutbound(as: ByteBuffer.self) { gotAtServer.writeImmutableBuffer(bytes) }
    }
  }

  func end() {
    loop.advanceTime(by: .seconds(60))
    collect()
    if isTransparent {
      demand(gotAtServer == sentToServer, "the tap changed what went to the server")
      demand(gotAtClient == sentToClient, "the tap changed what went to the client")
    }
    for line in lines + (socket.map { [$0] } ?? []) {
      line.client.close(promise: nil)
      line.server?.close(promise: nil)
    }
    loop.run()
    tap.close()
  }
}
