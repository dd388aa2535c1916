import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What every request of a client needs to know. A class, since a dozen closures hold it while a connection is made.
package final class ClientRequest: Sendable {
  let dialer: Dialer
  let transports: [SocketIOTransport]
  let extraHeaders: [(name: String, value: String)]
  /// What the server set at earlier connections goes out, what it sets now comes in.
  let cookies: CookieJar
  let limits: SocketIOLimits

  package init(
    dialer: Dialer, transports: [SocketIOTransport], extraHeaders: [(name: String, value: String)],
    cookies: CookieJar, limits: SocketIOLimits
  ) {
    self.dialer = dialer
    self.transports = transports
    self.extraHeaders = extraHeaders
    self.cookies = cookies
    self.limits = limits
  }

  var endpoint: SocketIOEndpoint { dialer.endpoint }

  /// Headers by which a message is framed or its connection becomes a WebSocket: the caller's own would break that.
  private static let ownHeaders: Set = [
    "content-length", "transfer-encoding", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version",
    "sec-websocket-extensions",
  ]

  /// The headers that go with every request, whatever its transport; the caller's Host takes the place of the URL's.
  func headers(contentLength: Int) -> HTTPHeaders {
    var headers = HTTPHeaders([("Host", endpoint.authority), ("Content-Length", "\(contentLength)")])
    for (name, value) in extraHeaders where !Self.ownHeaders.contains(name.lowercased()) {
      if name.lowercased() == "host" {
        headers.replaceOrAdd(name: name, value: value)
      } else {
        headers.add(name: name, value: value)
      }
    }
    if let authorization = endpoint.authorization, !headers.contains(name: "Authorization") {
      headers.add(name: "Authorization", value: authorization)
    }
    // Who sends cookies of their own decides alone.
    if !headers.contains(name: "Cookie"), let cookies = cookies.header { headers.add(name: "Cookie", value: cookies) }
    return headers
  }

  var decoderLimits: NIOHTTPDecoderLimitConfiguration {
    var configuration = NIOHTTPDecoderLimitConfiguration()
    configuration.maxHeaderListSize = limits.maxHeaderBytes
    configuration.maxHeaderFieldSize = limits.maxHeaderBytes
    return configuration
  }

  /// What went wrong while an HTTP answer was expected.
  func failure(_ error: any Error, reading target: String) -> SocketIOError {
    if let known = error as? SocketIOError { return known }
    if let tls = SocketIOError.tls(error, endpoint) { return tls }
    if let parser = error as? HTTPParserError, parser == .headerOverflow {
      return SocketIOError(
        .limitExceeded, "\(endpoint.authority) sent headers of more than \(limits.maxHeaderBytes) bytes",
        evidence: ["GET \(target)"])
    }
    var unexpected = unexpected("does not answer like a Socket.IO server", target, evidence: ["\(error)"])
    unexpected.underlying = error
    return unexpected
  }

  /// The error for an answer that is something else than what was asked for.
  func unexpected(
    _ status: HTTPResponseStatus, _ body: ByteBuffer, _ target: String, _ method: HTTPMethod = .GET, wanted: String,
    location: String?
  ) -> SocketIOError {
    var error = unexpected(
      "answered HTTP \(status.code) \(status.reasonPhrase) instead of \(wanted)", target, method,
      evidence: [quoted(body, limit: 300)])
    error.httpStatus = Int(status.code)
    if let location, (300..<400).contains(status.code) {
      error.evidence.append("Location: \(SocketIOEndpoint.shown(location))")
      error.next = "redirects are not followed; is that the address to connect to?"
    }
    if String(decoding: body.readableBytesView, as: UTF8.self).contains("Unsupported protocol version") {
      error.code = .unsupportedVersion
      error.next = "the server does not speak Engine.IO 4; use a Socket.IO server of version 3 or newer"
    }
    return error
  }

  func unexpected(
    _ what: String, _ target: String, _ method: HTTPMethod = .GET, evidence: [String]
  ) -> SocketIOError {
    SocketIOError(
      .unexpectedResponse, "\(endpoint.authority) \(what)", evidence: ["\(method) \(target)"] + evidence,
      next: "is that port a Socket.IO server, and the path right?")
  }
}

extension ClientRequest {
  /// What a client asks with. `environment` is the process's if it is nil. Throws what is wrong with the configuration.
  convenience init(
    _ url: String, _ configuration: SocketIOConfiguration, in environment: [String: String]?, cookies: CookieJar
  ) throws(SocketIOError) {
    let endpoint = try SocketIOEndpoint.parse(url, path: configuration.path, query: configuration.query)
    let proxy = try configuration.proxy.address(
      for: endpoint, in: environment ?? ProcessInfo.processInfo.environment)
    let dialer = try Dialer(
      endpoint: endpoint, tls: configuration.tls, proxy: proxy, timeout: TimeAmount(configuration.connectTimeout))
    self.init(
      dialer: dialer, transports: configuration.transports, extraHeaders: configuration.extraHeaders, cookies: cookies,
      limits: configuration.limits)
  }
}

/// Opens a connection and upgrades it to WebSocket; what goes wrong comes back as what the server said.
package enum WebSocketConnector {
  /// `upgraded` runs on the event loop once frames may pass, `failed` at most once if they never will.
  static func open(
    _ request: ClientRequest, target: String, on eventLoop: any EventLoop,
    upgraded: @escaping @Sendable (any Channel) throws -> Void, failed: @escaping @Sendable (SocketIOError) -> Void
  ) -> EventLoopFuture<any Channel> {
    let dial = request.dialer.dial(on: eventLoop) { channel in
      try addHandlers(to: channel, request, target: target, upgraded: upgraded, failed: failed)
    }
    dial.whenFailure { failed(request.failure($0, reading: target)) }
    return dial
  }

  /// What an upgrade needs on a channel, which may be one without a socket.
  package static func addHandlers(
    to channel: any Channel, _ request: ClientRequest, target: String,
    upgraded: @escaping @Sendable (any Channel) throws -> Void, failed: @escaping @Sendable (SocketIOError) -> Void
  ) throws {
    let handshake = UpgradeRequestHandler(request: request, target: target, failed: failed)
    let boundHandshake = NIOLoopBound(handshake, eventLoop: channel.eventLoop)
    let upgrader = WebSocketUpgrader(cookies: request.cookies, addHandlers: upgraded)
    try channel.pipeline.syncOperations.addHTTPClientHandlers(
      leftOverBytesStrategy: .forwardBytes, decoderLimitConfiguration: request.decoderLimits,
      withClientUpgrade: (
        upgraders: [upgrader],
        completionHandler: { context in
          context.pipeline.syncOperations.removeHandler(boundHandshake.value, promise: nil)
        }
      ))
    try channel.pipeline.syncOperations.addHandler(handshake)
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
private final class UpgradeRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: ClientRequest
  private let target: String
  private let failed: @Sendable (SocketIOError) -> Void
  private var isSent = false
  private var isDone = false
  private var head: HTTPResponseHead?
  private var body = ByteBuffer()

  init(request: ClientRequest, target: String, failed: @escaping @Sendable (SocketIOError) -> Void) {
    self.request = request
    self.target = target
    self.failed = failed
  }

  /// Behind a proxy the channel is active already.
  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { send(context) } }
  func channelActive(context: ChannelHandlerContext) { send(context) }

  private func send(_ context: ChannelHandlerContext) {
    guard !isSent else { return }
    isSent = true
    let head = HTTPRequestHead(
      version: .http1_1, method: .GET, uri: target, headers: request.headers(contentLength: 0))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body(var part):
      if let start = part.readSlice(length: min(part.readableBytes, max(0, 4096 - body.readableBytes))) {
        body.writeImmutableBuffer(start)
      }
      if body.readableBytes >= 4096 { fail(context) }
    case .end: fail(context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(context, request.failure(error, reading: target))
  }

  func channelInactive(context: ChannelHandlerContext) { fail(context) }

  private func fail(_ context: ChannelHandlerContext) {
    let error =
      if let head {
        request.unexpected(
          head.status, body, target, wanted: "upgrading to WebSocket", location: head.headers.first(name: "Location"))
      } else {
        request.unexpected("closed the connection without answering the upgrade request", target, evidence: [])
      }
    finish(context, error)
  }

  private func finish(_ context: ChannelHandlerContext, _ error: SocketIOError) {
    guard !isDone else { return }
    isDone = true
    failed(error)
    context.close(promise: nil)
  }
}
