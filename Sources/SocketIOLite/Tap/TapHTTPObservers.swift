import NIOCore
import NIOHTTP1

/// What a tap wants to know of the HTTP that passes through it. All calls come on the connection's event loop.
protocol TapHTTPDelegate: AnyObject {
  func tapSawRequest(_ head: HTTPRequestHead)
  func tapSawRequestBody(_ part: ByteBuffer)
  func tapSawRequestEnd()
  func tapSawResponse(_ head: HTTPResponseHead)
  func tapSawResponseBody(_ part: ByteBuffer)
  func tapSawResponseEnd()
  func tapCouldNotRead(_ direction: TapDirection, _ error: any Error)
}

final class TapRequestObserver: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private weak var delegate: (any TapHTTPDelegate)?
  init(_ delegate: any TapHTTPDelegate) { self.delegate = delegate }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): delegate?.tapSawRequest(head)
    case .body(let part): delegate?.tapSawRequestBody(part)
    case .end: delegate?.tapSawRequestEnd()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { delegate?.tapCouldNotRead(.toServer, error) }
}

final class TapResponseObserver: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private weak var delegate: (any TapHTTPDelegate)?
  private var context: ChannelHandlerContext?
  init(_ delegate: any TapHTTPDelegate) { self.delegate = delegate }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Tells the response decoder which request an answer belongs to: a HEAD's has no body. The relay in front swallows it.
  func announce(_ head: HTTPRequestHead) {
    context?.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): delegate?.tapSawResponse(head)
    case .body(let part): delegate?.tapSawResponseBody(part)
    case .end: delegate?.tapSawResponseEnd()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { delegate?.tapCouldNotRead(.toClient, error) }
}

/// The end of a tapped connection that faces one of the two sides: raw bytes in and out, read only while the other side takes them.
final class TapRelayHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = Any
  typealias OutboundOut = ByteBuffer

  let direction: TapDirection
  private let connection: TapConnection
  private var context: ChannelHandlerContext?
  private var wantsRead = false

  /// `direction` is that of the bytes which arrive here.
  init(_ direction: TapDirection, _ connection: TapConnection) {
    self.direction = direction
    self.connection = connection
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    connection.detached(direction)
  }

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func send(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }

  /// Hands a copy to the decoders behind.
  func observe(_ bytes: ByteBuffer) { context?.fireChannelRead(wrapInboundOut(bytes)) }

  /// Puts another decoder behind this in the place of one.
  func exchange(
    _ used: ByteToMessageHandler<HTTPRequestDecoder>, for new: ByteToMessageHandler<HTTPRequestDecoder>
  ) {
    guard let operations = context?.pipeline.syncOperations else { return }
    // A decoder leaves a turn of the loop later, before anything more is read.
    operations.removeHandler(used).assumeIsolated().whenComplete { _ in
      // It can fail only where the pipeline is gone.
      try? operations.addHandler(new, position: .after(self))
    }
  }

  /// Closes once everything written is out.
  func close(_ mode: CloseMode) {
    guard let context else { return }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(mode: mode, promise: nil) }
  }

  func resumeReading() {
    guard wantsRead, let context, connection.mayRead(direction) else { return }
    wantsRead = false
    context.read()
  }

  func read(context: ChannelHandlerContext) {
    if connection.mayRead(direction) { context.read() } else { wantsRead = true }
  }

  /// What comes from behind are announcements to the decoders, not bytes for the wire.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) { promise?.succeed() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.received(unwrapInboundIn(data), direction)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { connection.becameWritable(direction) }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .some(.inputClosed) = event as? ChannelEvent else { return }
    // An answer without a length ends here: the decoders must hear of it before the client does.
    if direction == .toClient { context.fireUserInboundEventTriggered(event) }
    connection.inputClosed(direction)
  }

  func channelInactive(context: ChannelHandlerContext) {
    context.fireChannelInactive()
    connection.closed(direction)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { connection.failed(direction, error) }
}
