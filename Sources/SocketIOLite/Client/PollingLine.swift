import NIOCore
import NIOHTTP1
import NIOSSL

/// One HTTP connection that is kept for request after request. Lives on one event loop; one request at a time.
package final class PollingLine {
  package struct Answer {
    var status: HTTPResponseStatus
    package var body: ByteBuffer
    /// Where a redirect leads.
    var location: String?
  }

  /// A connection that was idle for longer is not used again: some servers close theirs after two seconds (gunicorn), others after
  /// five (Node, uvicorn), and what is sent while they do is lost without anybody knowing whether it was read.
  private let freshness: TimeAmount

  private let request: ClientRequest
  private let eventLoop: any EventLoop
  private let maxBodyBytes: Int
  private let tcpState: (any Channel) -> TCPState?
  private var exchange: PollingExchangeHandler?
  private var isClosed = false

  /// `tcpState` is asked before a connection is used again, and when it ends without an answer.
  package init(
    _ request: ClientRequest, on eventLoop: any EventLoop, freshness: TimeAmount = .seconds(1),
    tcpState: @escaping (any Channel) -> TCPState? = TCPState.of
  ) {
    self.request = request
    self.eventLoop = eventLoop
    self.freshness = freshness
    self.tcpState = tcpState
    // Base64 makes four bytes of three; several packets may share a body.
    maxBodyBytes = request.limits.maxMessageBytes / 3 * 4 + 65_536
  }

  /// How long a connection is kept whose answer has these headers: half of what the server announces, if that is less than usual.
  package static func keepingTime(_ headers: HTTPHeaders, atMost most: TimeAmount) -> TimeAmount {
    let announced = headers[canonicalForm: "keep-alive"].lazy
      .map { $0.lowercased().split(separator: "=", maxSplits: 1) }
      .first { $0.count == 2 && $0[0] == "timeout" }
    guard let announced, let seconds = Double(announced[1]), seconds >= 0 else { return most }
    return min(most, .nanoseconds(Int64(min(seconds, 1_000_000) * 0.5e9)))
  }

  /// Sends a request and calls back with the whole answer, or with why there is none; not at all after `close`.
  ///
  /// A server may end a connection that it kept just when the next request goes out on it. That request is sent once more, on a new
  /// connection, if nobody can have read it. What may have been read is sent again only if that does no harm (`isRepeatable`): the
  /// events that a POST brings would come twice. Source: RFC 9112 §9.3.1.
  package func send(
    _ method: HTTPMethod, _ target: String, body: ByteBuffer? = nil, isRepeatable: Bool,
    answered: @escaping (Result<Answer, SocketIOError>) -> Void
  ) {
    var headers = request.headers(contentLength: body?.readableBytes ?? 0)
    if body != nil { headers.replaceOrAdd(name: "Content-Type", value: "text/plain;charset=UTF-8") }
    let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
    let complete = { [weak self] (result: Result<Answer, SocketIOError>) in
      guard let self, !self.isClosed else { return }
      answered(result)
    }
    guard let exchange, exchange.prepareForReuse() else { return sendAnew(head, body, complete) }
    let isSent = exchange.send(head, body, isRepeatable: isRepeatable) { [weak self] result in
      if case .failure = result, let self, !self.isClosed, exchange.mayRepeat {
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
    let new = PollingExchangeHandler(
      request, maxBodyBytes: maxBodyBytes, freshness: freshness, tcpState: tcpState)
    exchange = new
    let bound = NIOLoopBound(new, eventLoop: eventLoop)
    let limits = request.decoderLimits
    let boundComplete = NIOLoopBound(complete, eventLoop: eventLoop)
    let request = request
    request.dialer.dial(on: eventLoop) { channel in
      // A connection whose other end is closed says how much was taken of what was sent last, until it is closed here, too.
      try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
      try channel.pipeline.syncOperations.addHTTPClientHandlers(decoderLimitConfiguration: limits)
      try channel.pipeline.syncOperations.addHandler(bound.value)
    }
    .whenComplete { result in
      switch result {
      case .success(let channel):
        guard !bound.value.isAbandoned else { return channel.close(promise: nil) }
        if !bound.value.send(head, body, boundComplete.value) {
          boundComplete.value(.failure(bound.value.unanswered(head)))
        }
      case .failure(let error): boundComplete.value(.failure(request.failure(error, reading: head.uri)))
      }
    }
  }

  /// Ends the connection; nobody is called back any more.
  package func close() {
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
  private let tcpState: (any Channel) -> TCPState?
  private var context: ChannelHandlerContext?
  private var requestHead: HTTPRequestHead?
  private let freshness: TimeAmount
  /// How long the connection may be idle and still be used again.
  private var keepingTime: TimeAmount
  /// What was known when it was found fit to be used again.
  private var before: TCPState?
  private var isReused = false
  private var complete: ((Result<PollingLine.Answer, SocketIOError>) -> Void)?
  private var head: HTTPResponseHead?
  private var body = ByteBuffer()
  private var earlyFailure: SocketIOError?
  private(set) var isAbandoned = false
  private var isClosing = false
  /// Whether the last request does no harm if it comes twice.
  private var isRepeatable = false
  /// Whether the last request got no byte of an answer because the connection ended.
  private var isUnanswered = false
  /// Whether nobody can have read anything of the last request: the other side's kernel refused it.
  private var isUnread = false
  /// Set between the other side's end and what becomes of the request that crossed it.
  private var verdictDeadline: Scheduled<Void>?
  /// A refusal takes as long as a packet does to the other side and back, or, if that is lost, until it is sent again.
  private static let verdictTime = TimeAmount.seconds(1)
  private var lastUsed = NIODeadline.now()

  init(
    _ request: ClientRequest, maxBodyBytes: Int, freshness: TimeAmount, tcpState: @escaping (any Channel) -> TCPState?
  ) {
    self.request = request
    self.maxBodyBytes = maxBodyBytes
    self.freshness = freshness
    keepingTime = freshness
    self.tcpState = tcpState
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Whether the connection may be used again: neither idle for too long nor closed, which may not have been read yet.
  func prepareForReuse() -> Bool {
    guard let context, context.channel.isActive, NIODeadline.now() - lastUsed < keepingTime else { return false }
    before = tcpState(context.channel)
    isReused = true
    // An answer may have come long before it was read.
    return before.map { $0.isEstablished && $0.idle < keepingTime } ?? true
  }

  /// Whether the last request, which failed, may be sent once more.
  var mayRepeat: Bool { isUnread || (isRepeatable && isUnanswered) }

  /// False if the connection is not there any more.
  func send(
    _ head: HTTPRequestHead, _ body: ByteBuffer?, isRepeatable: Bool = false,
    _ complete: @escaping (Result<PollingLine.Answer, SocketIOError>) -> Void
  ) -> Bool {
    guard let context, context.channel.isActive, !isClosing, self.complete == nil else { return false }
    self.complete = complete
    self.isRepeatable = isRepeatable
    self.head = nil
    self.body = ByteBuffer()
    requestHead = head
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

  /// Why there is no answer.
  func unanswered(_ head: HTTPRequestHead?) -> SocketIOError {
    if let earlyFailure { return earlyFailure }
    let (method, target) = (head?.method ?? .GET, head?.uri ?? "")
    var error = request.unexpected(
      isReused
        ? "closed a connection that it had kept alive, without an answer to the next request on it"
        : "closed the connection without an answer", target, method, evidence: [])
    if method == .POST {
      error.next =
        "it may have acted on the request, which is therefore not sent again; let the server keep connections for longer"
    }
    return error
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      keepingTime = PollingLine.keepingTime(head.headers, atMost: freshness)
      request.cookies.take(head.headers["Set-Cookie"])
    case .body(var part):
      guard body.readableBytes + part.readableBytes <= maxBodyBytes else {
        fail(
          context,
          SocketIOError(
            .limitExceeded, "the answer to a poll is longer than \(maxBodyBytes) bytes",
            evidence: [requestHead?.uri ?? ""]))
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
    // A server that closes TLS without saying so has said everything else; the end comes next.
    if case .uncleanShutdown? = error as? NIOSSLError { return }
    isUnanswered = head == nil && error is IOError
    let failure = request.failure(error, reading: requestHead?.uri ?? "")
    guard isUnanswered, isReused else { return fail(context, failure) }
    var unanswered = unanswered(requestHead)
    unanswered.evidence += ["\(error)"]
    fail(context, unanswered)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
    let isInDoubt = complete != nil && head == nil && !isRepeatable && before?.takenBytes ?? 0 > 0
    guard isInDoubt else { return endAndClose(context) }
    verdictDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.verdictTime) {
      self.endAndClose(context)
    }
    judge(context)
  }

  /// A channel whose other side has ended is told of a reset by this, while its socket can still be asked.
  func channelReadComplete(context: ChannelHandlerContext) {
    judge(context)
    context.fireChannelReadComplete()
  }

  /// What goes to a connection that the other side closed, its kernel refuses with a reset. If it takes it instead, somebody may
  /// read it: the other side has only said that it sends no more. A reset that comes before the end tells nothing.
  private func judge(_ context: ChannelHandlerContext) {
    guard verdictDeadline != nil, let state = tcpState(context.channel), let before else { return }
    let isTaken = state.takenBytes != before.takenBytes
    guard isTaken || state.isOver else { return }
    isUnread = !isTaken
    endAndClose(context)
  }

  private func endAndClose(_ context: ChannelHandlerContext) {
    end()
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { end() }

  private func end() {
    isClosing = true
    isUnanswered = head == nil
    finish(.failure(unanswered(requestHead)))
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
    verdictDeadline?.cancel()
    verdictDeadline = nil
    complete?(result)
  }
}
