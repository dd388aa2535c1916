import NIOCore
import NIOHTTP1
import NIOSSL

/// One HTTP connection that is kept for request after request. Lives on one event loop; one request at a time.
final class PollingLine {
  struct Answer {
    var status: HTTPResponseStatus
    var body: ByteBuffer
    /// Where a redirect leads.
    var location: String?
  }

  /// A connection that was idle for longer is not used again: some servers close theirs after two seconds (gunicorn), others after
  /// five (Node, uvicorn), and what is sent while they do is lost without anybody knowing whether it was read.
  private static let freshness: TimeAmount = .seconds(1)

  private let request: ClientRequest
  private let eventLoop: any EventLoop
  private let maxBodyBytes: Int
  private var exchange: PollingExchangeHandler?
  private var isClosed = false

  init(_ request: ClientRequest, on eventLoop: any EventLoop) {
    self.request = request
    self.eventLoop = eventLoop
    // Base64 makes four bytes of three; several packets may share a body.
    maxBodyBytes = request.limits.maxMessageBytes / 3 * 4 + 65_536
  }

  /// Sends a request and calls back with the whole answer, or with why there is none; not at all after `close`.
  func send(
    _ method: HTTPMethod, _ target: String, body: ByteBuffer? = nil,
    answered: @escaping (Result<Answer, SocketIOError>) -> Void
  ) {
    var headers = request.headers(contentLength: body?.readableBytes ?? 0)
    if body != nil { headers.replaceOrAdd(name: "Content-Type", value: "text/plain;charset=UTF-8") }
    let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
    let complete = { [weak self] (result: Result<Answer, SocketIOError>) in
      guard let self, !self.isClosed else { return }
      answered(result)
    }
    guard let exchange, exchange.isFresh(for: Self.freshness) else { return sendAnew(head, body, complete) }
    let isSent = exchange.send(head, body) { [weak self] result in
      // A kept connection may end while a poll goes out on it. Nothing was answered, so that it may be asked again; what a POST
      // brings might come twice.
      if case .failure = result, method == .GET, exchange.isUnanswered, let self, !self.isClosed {
        return self.sendAnew(head, body, complete)
      }
      complete(result)
    }
    if !isSent { sendAnew(head, body, complete) }
  }

  /// Sends a request on a new connection.
  private func sendAnew(
    _ head: HTTPRequestHead, _ body: ByteBuffer?, _ complete: @escaping (Result<Answer, SocketIOError>) -> Void
  ) {
    exchange?.close()
    let new = PollingExchangeHandler(request, maxBodyBytes: maxBodyBytes)
    exchange = new
    let bound = NIOLoopBound(new, eventLoop: eventLoop)
    let limits = request.decoderLimits
    let boundComplete = NIOLoopBound(complete, eventLoop: eventLoop)
    let request = request
    request.dialer.dial(on: eventLoop) { channel in
      try channel.pipeline.syncOperations.addHTTPClientHandlers(decoderLimitConfiguration: limits)
      try channel.pipeline.syncOperations.addHandler(bound.value)
    }
    .whenComplete { result in
      switch result {
      case .success(let channel):
        guard !bound.value.isAbandoned else { return channel.close(promise: nil) }
        if !bound.value.send(head, body, boundComplete.value) {
          boundComplete.value(.failure(bound.value.closedEarly(head.uri)))
        }
      case .failure(let error): boundComplete.value(.failure(request.failure(error, reading: head.uri)))
      }
    }
  }

  /// Ends the connection; nobody is called back any more.
  func close() {
    isClosed = true
    exchange?.close()
  }
}

/// Writes a request and gathers its answer.
private final class PollingExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: ClientRequest
  private let maxBodyBytes: Int
  private var context: ChannelHandlerContext?
  private var target = ""
  private var complete: ((Result<PollingLine.Answer, SocketIOError>) -> Void)?
  private var head: HTTPResponseHead?
  private var body = ByteBuffer()
  private var earlyFailure: SocketIOError?
  private(set) var isAbandoned = false
  private var isClosing = false
  /// Whether the last request got no byte of an answer because the connection ended.
  private(set) var isUnanswered = false
  private var lastUsed = NIODeadline.now()

  init(_ request: ClientRequest, maxBodyBytes: Int) {
    self.request = request
    self.maxBodyBytes = maxBodyBytes
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Whether the connection was used not longer ago than this.
  func isFresh(for time: TimeAmount) -> Bool { complete != nil || NIODeadline.now() - lastUsed < time }

  /// False if the connection is not there any more.
  func send(
    _ head: HTTPRequestHead, _ body: ByteBuffer?,
    _ complete: @escaping (Result<PollingLine.Answer, SocketIOError>) -> Void
  ) -> Bool {
    guard let context, context.channel.isActive, !isClosing, self.complete == nil else { return false }
    self.complete = complete
    self.head = nil
    self.body = ByteBuffer()
    target = head.uri
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    return true
  }

  func close() {
    isAbandoned = true
    isClosing = true
    context?.close(promise: nil)
  }

  func closedEarly(_ target: String) -> SocketIOError {
    earlyFailure ?? request.unexpected("closed the connection without an answer", target, evidence: [])
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      request.cookies.take(head.headers["Set-Cookie"])
    case .body(var part):
      guard body.readableBytes + part.readableBytes <= maxBodyBytes else {
        fail(
          context,
          SocketIOError(.limitExceeded, "the answer to a poll is longer than \(maxBodyBytes) bytes", evidence: [target])
        )
        return
      }
      if body.readableBytes == 0 { body = part } else { body.writeBuffer(&part) }
    case .end:
      guard let head else { return }
      if !head.isKeepAlive { isClosing = true }
      let answer = PollingLine.Answer(
        status: head.status, body: body, location: head.headers.first(name: "Location"))
      body = ByteBuffer()
      lastUsed = .now()
      let isLast = isClosing
      // First the answer: closing says at once that nothing more comes, which would be taken for this request's end.
      finish(.success(answer))
      if isLast { context.close(promise: nil) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A server that closes TLS without saying so has said everything else.
    if case .uncleanShutdown? = error as? NIOSSLError { return context.close(promise: nil) }
    isUnanswered = head == nil && error is IOError
    fail(context, request.failure(error, reading: target))
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosing = true
    isUnanswered = head == nil
    finish(.failure(closedEarly(target)))
  }

  private func fail(_ context: ChannelHandlerContext, _ error: SocketIOError) {
    if complete == nil { earlyFailure = error }
    isClosing = true
    finish(.failure(error))
    context.close(promise: nil)
  }

  private func finish(_ result: Result<PollingLine.Answer, SocketIOError>) {
    let complete = complete
    self.complete = nil
    complete?(result)
  }
}
