import NIOCore
import NIOEmbedded
import NIOHTTP1
import SocketIOLite
import Testing

/// A tap without sockets: the test is its client, its upstream and its clock.
final class TapHarness {
  final class Dialer: TapDialer {
    let loop: EmbeddedEventLoop
    var servers: [EmbeddedChannel] = []
    /// What the tap posts by itself, with how to say what became of it.
    var posts: [(request: String, done: (String?) -> Void)] = []
    init(_ loop: EmbeddedEventLoop) { self.loop = loop }

    func connect(
      until deadline: NIODeadline, isWanted: @escaping () -> Bool, add: @escaping (any Channel) throws -> Void,
      done: @escaping (Result<String, SocketIOError>) -> Void
    ) {
      let channel = EmbeddedChannel(loop: loop)
      do {
        try add(channel)
        try channel.connect(to: .init(unixDomainSocketPath: "/upstream")).wait()
      } catch {
        return done(.failure(SocketIOError(.tapFailed, "\(error)")))
      }
      servers.append(channel)
      done(.success("upstream:3000"))
    }

    func post(_ request: ByteBuffer, done: @escaping (String?) -> Void) {
      posts.append((String(decoding: request.readableBytesView, as: UTF8.self), done))
    }
  }

  /// One connection: what the test sends and gets as its client, and as its server.
  final class Line {
    let client: EmbeddedChannel
    let dialer: Dialer
    private var server: EmbeddedChannel?

    init(_ client: EmbeddedChannel, _ dialer: Dialer) {
      self.client = client
      self.dialer = dialer
    }

    /// The upstream's end, which there is once the client has sent something.
    var upstream: EmbeddedChannel {
      get throws {
        if server == nil { server = dialer.servers.removeFirst() }
        return try #require(server)
      }
    }

    func ask(_ bytes: ByteBuffer) throws -> ByteBuffer {
      try client.writeInbound(bytes)
      if server == nil { server = dialer.servers.removeFirst() }
      return try server.map(TapHarness.sent) ?? ByteBuffer()
    }
    /// Sends a request; what the upstream got.
    func ask(_ text: String) throws -> String { String(buffer: try ask(ByteBuffer(string: text))) }
    /// Sends an answer; what the client got.
    func answer(_ bytes: ByteBuffer) throws -> ByteBuffer {
      try upstream.writeInbound(bytes)
      return try got
    }
    func answer(_ text: String) throws -> String { String(buffer: try answer(ByteBuffer(string: text))) }
    /// What the client got meanwhile.
    var got: ByteBuffer { get throws { try TapHarness.sent(client) } }
    var gotText: String { get throws { String(buffer: try got) } }
  }

  let loop = EmbeddedEventLoop()
  let recorder = TapRecorder(maxBytes: 1_000_000)
  let faults = FaultEngine()
  let dialer: Dialer
  let sessions: TapSessions
  private var lines = 0

  init(_ rules: [FaultRule] = [], rewritesHost: Bool = false, limits: SocketIOLimits = .init()) {
    faults.set(rules)
    dialer = Dialer(loop)
    sessions = TapSessions(
      TapConnection.Environment(
        recorder: recorder, faults: faults, limits: limits, connectTimeout: .seconds(1), tls: .system,
        rewritesHost: rewritesHost, upstream: { nil }), loop, dialer)
  }

  func line() throws -> Line {
    lines += 1
    let channel = EmbeddedChannel(loop: loop)
    try TapConnection(id: lines, sessions: sessions).addClientHandlers(channel)
    try channel.connect(to: .init(unixDomainSocketPath: "/tap")).wait()
    return Line(channel, dialer)
  }

  static func sent(_ channel: EmbeddedChannel) throws -> ByteBuffer {
    var all = ByteBuffer()
    while let bytes = try channel.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(bytes) }
    return all
  }

  var names: [String] {
    recorder.records.map { "\($0.event.name)\($0.event.payloadText)\($0.event.attachments.map(\.count))" }
  }

  // MARK: HTTP by hand

  static func poll(_ sid: String? = "s") -> String {
    "GET /socket.io/?EIO=4&transport=polling\(sid.map { "&sid=\($0)" } ?? "") HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n\r\n"
  }
  static func post(_ body: String, _ sid: String = "s") -> String {
    "POST /socket.io/?EIO=4&transport=polling&sid=\(sid) HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
  static func ok(_ body: String, _ headers: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
  static let open =
    #"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
  static func upgrade(_ sid: String? = "s") -> String {
    "GET /socket.io/?EIO=4&transport=websocket\(sid.map { "&sid=\($0)" } ?? "") HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
      + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
  }
  static let switching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
}
