import NIOCore
import NIOHTTP1
import NIOSSL

/// One HTTP connection that is kept for request after request. Lives on one event loop; one request at a time.
final class PollingLine {
  struct Answer {
    var status: HTTPResponseStatus
    var body: ByteBuffer
  }

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
    if body != nil { headers.add(name: "Content-Type", value: "text/plain;charset=UTF-8") }
    let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
    let complete = { [weak self] (result: Result<Answer, SocketIOError>) in
      guard let self, !self.isClosed else { return }
      answered(result)
    }
    if let exchange, exchange.send(head, body, complete) { return }
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
          boundComplete.value(.failure(bound.value.closedEarly(target)))
        }
      case .failure(let error): boundComplete.value(.failure(request.failure(error, reading: target)))
      }
    }
  }

  /// Ends the connection; with `afterAnswer` only once the request under way is answered.
  func close(afterAnswer: Bool = false) {
    isClosed = true
    exchange?.close(afterAnswer: afterAnswer)
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

  init(_ request: ClientRequest, maxBodyBytes: Int) {
    self.request = request
    self.maxBodyBytes = maxBodyBytes
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

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

  func close(afterAnswer: Bool) {
    isAbandoned = true
    isClosing = true
    guard let context, !afterAnswer || complete == nil else { return }
    context.close(promise: nil)
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
      let answer = PollingLine.Answer(status: head.status, body: body)
      body = ByteBuffer()
      if isClosing { context.close(promise: nil) }
      finish(.success(answer))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A server that closes TLS without saying so has said everything else.
    if case .uncleanShutdown? = error as? NIOSSLError { return context.close(promise: nil) }
    fail(context, request.failure(error, reading: target))
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosing = true
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
