import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Opens a TCP connection and upgrades it to WebSocket; what goes wrong comes back as what the server said.
enum WebSocketConnector {
  struct Request: Sendable {
    var endpoint: SocketIOEndpoint
    var extraHeaders: [(name: String, value: String)]
    /// What the server set at earlier connections goes out, what it sets now comes in.
    var cookies: CookieJar
    var timeout: TimeAmount
  }

  /// A connection in the making, which may be given up.
  struct Attempt: Sendable {
    var connection: EventLoopFuture<ClientConnection>
    var cancel: @Sendable () -> Void
  }

  /// Connects and joins the namespace; the attempt's future fails if the handshake does.
  static func connect(
    _ request: Request, on eventLoop: any EventLoop, wishes: ClientConnectionHandler.Wishes
  ) -> Attempt {
    let joined = eventLoop.makePromise(of: Void.self)
    let ended = eventLoop.makePromise(of: SocketIOError.self)
    let connected = eventLoop.makePromise(of: ClientConnection.self)
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(request.timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Frames are copied out, so one buffer serves all reads and stays in the cache. It grows only where much is received.
      .channelOption(.maxMessagesPerRead, value: 4)
      .channelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 4 << 10, maximum: 256 << 10)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try addHandlers(to: channel, request, wishes, joined: joined, ended: ended, connected: connected)
        }
      }
    let dial = bootstrap.connect(host: request.endpoint.host, port: request.endpoint.port)
    dial.whenFailure { error in
      let failure = cannotConnect(request, error)
      joined.fail(failure)
      connected.fail(failure)
      ended.succeed(failure)
    }
    let deadline = eventLoop.scheduleTask(in: request.timeout) {
      let seconds = Double(request.timeout.nanoseconds) / 1e9
      let address = "\(request.endpoint.authority)\(request.endpoint.target)"
      let failure = SocketIOError(
        .connectTimedOut, "\(address) did not finish the Socket.IO handshake within \(seconds) s",
        next: "is that port a Socket.IO server, and the path right?")
      joined.fail(failure)
      connected.fail(failure)
      dial.whenSuccess { $0.close(promise: nil) }
    }
    // A connection counts as made when its namespace is joined.
    joined.futureResult.whenFailure { connected.fail($0) }
    let result = connected.futureResult.and(joined.futureResult).map(\.0)
    result.whenComplete { _ in deadline.cancel() }
    result.whenFailure { error in
      joined.fail(error)
      ended.succeed(error as? SocketIOError ?? SocketIOError(.cannotConnect, "\(error)"))
      dial.whenSuccess { $0.close(promise: nil) }
    }
    return Attempt(connection: result) {
      connected.fail(CancellationError())
      joined.fail(CancellationError())
    }
  }

  static func addHandlers(
    to channel: any Channel, _ request: Request, _ wishes: ClientConnectionHandler.Wishes,
    joined: EventLoopPromise<Void>, ended: EventLoopPromise<SocketIOError>,
    connected: EventLoopPromise<ClientConnection>
  ) throws {
    let handshake = UpgradeRequestHandler(request: request, failed: connected)
    let boundHandshake = NIOLoopBound(handshake, eventLoop: channel.eventLoop)
    let upgrader = WebSocketUpgrader(cookies: request.cookies) { channel in
      let handler = ClientConnectionHandler(wishes: wishes, joined: joined, ended: ended)
      try channel.pipeline.syncOperations.addHandler(handler)
      let connection = ClientConnection(
        channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop), ended: ended.futureResult)
      connected.succeed(connection)
    }
    try channel.pipeline.syncOperations.addHTTPClientHandlers(
      leftOverBytesStrategy: .forwardBytes,
      withClientUpgrade: (
        upgraders: [upgrader],
        completionHandler: { context in
          context.pipeline.syncOperations.removeHandler(boundHandshake.value, promise: nil)
        }
      ))
    try channel.pipeline.syncOperations.addHandler(handshake)
  }

  private static func cannotConnect(_ request: Request, _ error: any Error) -> SocketIOError {
    SocketIOError(
      .cannotConnect, "cannot connect to \(request.endpoint.host) port \(request.endpoint.port)",
      evidence: ["\(error)"], next: "is the server running and listening on that address?")
  }
}

/// NIO's upgrade to WebSocket without its frame decoder, in whose place `WebSocketFrameReader` is.
private final class WebSocketUpgrader: NIOHTTPClientProtocolUpgrader, Sendable {
  private let handshake = NIOWebSocketClientUpgrader(automaticErrorHandling: false) { channel, _ in
    channel.eventLoop.makeSucceededVoidFuture()
  }
  private let cookies: CookieJar
  private let addHandlers: @Sendable (any Channel) throws -> Void

  init(cookies: CookieJar, addHandlers: @escaping @Sendable (any Channel) throws -> Void) {
    self.cookies = cookies
    self.addHandlers = addHandlers
  }

  var supportedProtocol: String { handshake.supportedProtocol }
  var requiredUpgradeHeaders: [String] { handshake.requiredUpgradeHeaders }

  func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
    handshake.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
  }

  func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
    handshake.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
  }

  func upgrade(context: ChannelHandlerContext, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<Void> {
    let channel = context.channel
    cookies.take(upgradeResponse.headers["Set-Cookie"])
    return context.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(WebSocketFrameEncoder())
      try addHandlers(channel)
    }
  }
}

/// Sends the upgrade request and, if the answer is anything else than an upgrade, keeps the beginning of it for the error.
final class UpgradeRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: WebSocketConnector.Request
  private let failed: EventLoopPromise<ClientConnection>
  private var status: HTTPResponseStatus?
  private var body = ByteBuffer()

  init(request: WebSocketConnector.Request, failed: EventLoopPromise<ClientConnection>) {
    self.request = request
    self.failed = failed
  }

  func channelActive(context: ChannelHandlerContext) {
    var headers = HTTPHeaders([("Host", request.endpoint.authority), ("Content-Length", "0")])
    for header in request.extraHeaders { headers.add(name: header.name, value: header.value) }
    // Who sends cookies of their own decides alone.
    if !headers.contains(name: "Cookie"), let cookies = request.cookies.header {
      headers.add(name: "Cookie", value: cookies)
    }
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: request.endpoint.target, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): status = head.status
    case .body(var part):
      if let start = part.readSlice(length: min(part.readableBytes, max(0, 4096 - body.readableBytes))) {
        body.writeImmutableBuffer(start)
      }
      if body.readableBytes >= 4096 { fail(context) }
    case .end: fail(context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failed.fail(unexpected("does not answer like a WebSocket server", evidence: ["\(error)"]))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { fail(context) }

  private func fail(_ context: ChannelHandlerContext) {
    if let status {
      var error = unexpected(
        "answered HTTP \(status.code) \(status.reasonPhrase) instead of upgrading to WebSocket",
        evidence: [quoted(body, limit: 300)])
      error.httpStatus = Int(status.code)
      if String(decoding: body.readableBytesView, as: UTF8.self).contains("Unsupported protocol version") {
        error.code = .unsupportedVersion
        error.next = "the server does not speak Engine.IO 4; use a Socket.IO server of version 3 or newer"
      }
      failed.fail(error)
    } else {
      failed.fail(unexpected("closed the connection without answering the upgrade request", evidence: []))
    }
    context.close(promise: nil)
  }

  private func unexpected(_ what: String, evidence: [String]) -> SocketIOError {
    SocketIOError(
      .unexpectedResponse, "\(request.endpoint.authority) \(what)",
      evidence: ["GET \(request.endpoint.target)"] + evidence,
      next: "is that port a Socket.IO server, and the path right?")
  }
}
