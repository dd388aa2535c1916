import NIOCore
import NIOWebSocket

/// Asks whether a WebSocket reaches the server of a polling session, and moves the session to it if it does.
///
/// Source: https://github.com/socketio/engine.io-protocol#upgrade
final class WebSocketProbe {
  private let request: ClientRequest
  private let sid: String
  private let eventLoop: any EventLoop
  private let session: ClientConnectionHandler
  private weak var polling: PollingTransport?
  private var channel: (any Channel)?
  private var deadline: Scheduled<Void>?
  private var isOver = false

  init(
    _ request: ClientRequest, sid: String, on eventLoop: any EventLoop, polling: PollingTransport,
    session: ClientConnectionHandler
  ) {
    self.request = request
    self.sid = sid
    self.eventLoop = eventLoop
    self.polling = polling
    self.session = session
  }

  func start() {
    let this = NIOLoopBound(self, eventLoop: eventLoop)
    deadline = eventLoop.assumeIsolated().scheduleTask(in: request.dialer.timeout) { self.giveUp() }
    _ = WebSocketConnector.open(request, target: request.endpoint.target(.webSocket, sid: sid), on: eventLoop) {
      channel in
      let this = this.value
      guard !this.isOver else { return channel.close(promise: nil) }
      this.channel = channel
      let handler = WebSocketProbeHandler(limits: this.request.limits, probe: this)
      try channel.pipeline.syncOperations.addHandler(handler)
    } failed: { _ in
      this.value.giveUp()
    }
  }

  /// The server answered: once polling is quiet the session moves.
  fileprivate func answered(_ handler: WebSocketProbeHandler) {
    guard !isOver, let polling else { return giveUp() }
    polling.pause { [self] in
      guard !isOver, let channel, channel.isActive else { return giveUp() }
      isOver = true
      deadline?.cancel()
      handler.upgrade(to: session)
    }
  }

  /// Stays with polling, as every client does: a proxy may let HTTP through and WebSocket not.
  fileprivate func giveUp() {
    guard !isOver else { return }
    cancel()
    polling?.resume()
  }

  func cancel() {
    isOver = true
    deadline?.cancel()
    channel?.close(promise: nil)
  }
}

/// Says `2probe`, waits for `3probe`, says `5` and makes room for the session.
private final class WebSocketProbeHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  private let probe: WebSocketProbe
  private var reader: WebSocketFrameReader
  private var context: ChannelHandlerContext?
  private var isAnswered = false
  /// What came behind the answer: the session's.
  private var rest = ByteBuffer()

  init(limits: SocketIOLimits, probe: WebSocketProbe) {
    self.probe = probe
    reader = WebSocketFrameReader(maxPayloadBytes: limits.maxMessageBytes)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    write("2probe")
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var input = unwrapInboundIn(data)
    guard !isAnswered else {
      rest.writeImmutableBuffer(input)
      return
    }
    do throws(SocketIOError) {
      guard let frame = try reader.next(&input) else { return }
      guard frame.opcode == 1, frame.isFinal, String(buffer: frame.payload) == "3probe" else { return probe.giveUp() }
    } catch {
      return probe.giveUp()
    }
    isAnswered = true
    rest.writeImmutableBuffer(reader.takeUnread())
    rest.writeImmutableBuffer(input)
    probe.answered(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { probe.giveUp() }

  func channelInactive(context: ChannelHandlerContext) {
    probe.giveUp()
    context.fireChannelInactive()
  }

  func upgrade(to session: ClientConnectionHandler) {
    guard let context else { return }
    write("5")
    let pipeline = context.pipeline.syncOperations
    do {
      try pipeline.addHandler(session, position: .after(self))
    } catch {
      return context.close(promise: nil)
    }
    let rest = rest
    let channel = context.channel
    if rest.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(rest))
      context.fireChannelReadComplete()
    }
    channel.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  private func write(_ text: String) {
    guard let context else { return }
    let frame = WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: ByteBuffer(string: text))
    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }
}
