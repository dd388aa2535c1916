import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// An HTTP server of which the test says what it does with each request, and when it closes the connections that it kept.
final class RawServer: Sendable {
  struct Request: Sendable, Equatable {
    /// Counts from 1, in the order of connecting.
    var connection: Int
    /// Counts those of its method, from 1.
    var number = 0
    var method: String
    var target: String
    var body: String
  }

  enum Deed: Sendable {
    /// These bytes, and on with the next request.
    case answer(String)
    /// These bytes, and what comes next stays unread.
    case answerAndReadNoMore(String)
    /// These bytes, which may be none, and then the end.
    case close(after: String = "")
    /// These bytes, and the end of what comes; what the client sends is still read, and it is the client that closes.
    case closeOutput(after: String)
    case waiting
  }

  private struct State {
    var requests: [Request] = []
    var connections: [any Channel] = []
    var readBytes = 0
  }

  private let state = Mutex(State())
  private let loop: any EventLoop
  private let deed: @Sendable (Request) -> Deed
  private let listener: Mutex<(any Channel)?> = Mutex(nil)

  private init(_ loop: any EventLoop, _ deed: @escaping @Sendable (Request) -> Deed) {
    self.loop = loop
    self.deed = deed
  }

  /// Runs a server for as long as `body` takes, on a thread of its own.
  static func with<R: Sendable>(
    _ deed: @escaping @Sendable (Request) -> Deed, _ body: (RawServer) async throws -> R
  ) async throws -> R {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = RawServer(group.next(), deed)
    let result: Result<R, any Error>
    do {
      let channel = try await ServerBootstrap(group: group)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Connection(server, server.accept(channel)))
          }
        }
        .bind(host: "127.0.0.1", port: 0).get()
      server.listener.withLock { $0 = channel }
      result = .success(try await body(server))
    } catch {
      result = .failure(error)
    }
    server.closeConnections()
    try await group.shutdownGracefully()
    return try result.get()
  }

  var port: Int { listener.withLock { $0?.localAddress?.port } ?? 0 }
  var requests: [Request] { state.withLock(\.requests) }
  var bodies: [String] { requests.map(\.body) }

  /// Closes all that is open, by a reset if that is wanted, and is back when that is done, whichever thread but the server's own
  /// asks for it.
  func closeConnections(byReset: Bool = false) {
    let done = DispatchSemaphore(value: 0)
    loop.execute {
      for connection in self.state.withLock(\.connections) {
        // To wait no time for what was sent to be taken is what makes it a reset.
        if byReset { _ = (connection as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)) }
        connection.close(promise: nil)
      }
      done.signal()
    }
    done.wait()
  }

  /// Says on all that is open that nothing more comes, and reads on; is back when that is done.
  func closeOutputs() {
    let done = DispatchSemaphore(value: 0)
    loop.execute {
      for connection in self.state.withLock(\.connections) { connection.close(mode: .output, promise: nil) }
      done.signal()
    }
    done.wait()
  }

  /// Is back when the kernel has something that was not read.
  func untilUnread() async throws {
    try await loop.submit {
      Self.holdUp {
        let (connections, read) = self.state.withLock { ($0.connections, $0.readBytes) }
        return connections.reduce(0) { $0 + Self.receivedBytes($1) } > read
      }
    }.get()
  }

  /// Waits for what the kernel tells nobody, a minute at most: what is asked for then is not so, and the test says what it is.
  static func holdUp(until isSo: () -> Bool) {
    let deadline = NIODeadline.now() + .seconds(60)
    while !isSo(), .now() < deadline { usleep(1_000) }
  }

  /// `tcpi_bytes_received` of linux/tcp.h.
  private static func receivedBytes(_ channel: any Channel) -> Int {
    var count = 0
    guard let socket = channel as? any SocketOptionProvider else { return 0 }
    socket.unsafeGetSocketOption(level: .tcp, name: .init(rawValue: 11)).assumeIsolated()
      .whenSuccess { (info: SIMD32<UInt64>) in count = Int(info[16]) }
    return count
  }

  private func read(_ count: Int) { state.withLock { $0.readBytes += count } }

  private func accept(_ channel: any Channel) -> Int {
    state.withLock {
      $0.connections.append(channel)
      return $0.connections.count
    }
  }

  private func note(_ request: Request) -> Request {
    state.withLock {
      var request = request
      request.number = $0.requests.count { $0.method == request.method } + 1
      $0.requests.append(request)
      return request
    }
  }

  static func ok(_ body: String = "ok", _ headers: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: RawServer
    private let number: Int
    private var received = ""

    init(_ server: RawServer, _ number: Int) {
      self.server = server
      self.number = number
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      server.read(bytes.readableBytes)
      received += String(buffer: bytes)
      while let request = next() {
        switch server.deed(server.note(request)) {
        case .answer(let text): write(text, context)
        case .answerAndReadNoMore(let text):
          // A socket's channel has it.
          try? context.channel.syncOptions?.setOption(.autoRead, value: false)
          write(text, context)
        case .close(let text):
          write(text, context)
          context.close(promise: nil)
        case .closeOutput(let text):
          write(text, context)
          context.close(mode: .output, promise: nil)
        case .waiting: break
        }
      }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private func next() -> Request? {
      guard let end = received.firstRange(of: "\r\n\r\n") else { return nil }
      let lines = received[..<end.lowerBound].split(separator: "\r\n")
      let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
        .flatMap { Int($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
      let words = lines[0].split(separator: " ")
      let rest = received[end.upperBound...]
      guard rest.utf8.count >= length ?? 0, words.count == 3 else { return nil }
      let body = String(rest.prefix(length ?? 0))
      received = String(rest.dropFirst(body.count))
      return Request(connection: number, method: String(words[0]), target: String(words[1]), body: body)
    }
  }
}
