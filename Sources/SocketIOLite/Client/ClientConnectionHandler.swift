import Foundation
import NIOCore
import NIOWebSocket

/// The rim of a connection: WebSocket frames to the two state machines, and their answers back. Lives on one event loop.
final class ClientConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  struct Wishes: Sendable {
    var namespace: String
    var auth: ByteBuffer?
    var limits: SocketIOLimits
    /// Called on the event loop with the events of one burst of reads, in order.
    var deliver: @Sendable ([SocketIOEvent]) -> Void
  }

  private struct WaitingAck {
    var event: String
    var promise: EventLoopPromise<SocketIOEvent>
    var timer: Scheduled<Void>
  }

  private let wishes: Wishes
  /// Succeeds when the namespace is joined.
  private let joined: EventLoopPromise<Void>
  /// Succeeds with what ended the connection.
  private let ended: EventLoopPromise<SocketIOError>
  private var engine = EngineIOSession()
  private var socket: SocketIOSession
  private var reader: WebSocketFrameReader
  private var assembler: WebSocketMessageAssembler
  private var context: ChannelHandlerContext?
  private var acks: [Int: WaitingAck] = [:]
  private var failure: SocketIOError?
  private var lastHeard = NIODeadline.now()
  private var liveness: Scheduled<Void>?
  private var needsFlush = false
  /// Events of one burst of reads: queued together, so that a waiting consumer is woken once and not for each.
  private var burst: [SocketIOEvent] = []
  private var random = SystemRandomNumberGenerator()

  init(wishes: Wishes, joined: EventLoopPromise<Void>, ended: EventLoopPromise<SocketIOError>) {
    self.wishes = wishes
    self.joined = joined
    self.ended = ended
    socket = SocketIOSession(limits: wishes.limits)
    reader = WebSocketFrameReader(maxPayloadBytes: wishes.limits.maxMessageBytes)
    assembler = WebSocketMessageAssembler(maxMessageBytes: wishes.limits.maxMessageBytes)
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var input = unwrapInboundIn(data)
    socket.arrival = .init()
    do throws(SocketIOError) {
      while failure == nil, let frame = try reader.next(&input) { try receive(frame) }
    } catch {
      var failure = error
      failure.reason = .parseError
      fail(failure)
    }
  }

  private func receive(_ frame: WebSocketFrameReader.Frame) throws(SocketIOError) {
    switch frame.opcode {
    case 0, 1, 2:
      guard let message = try assembler.receive(frame) else { return }
      try receive(message)
    case 8: fail(SocketIOError(.disconnected, "the server closed the connection", reason: .transportClose))
    case 9: write(.pong, frame.payload)
    case 10: break
    default:
      throw SocketIOError(
        .malformedPacket, "a WebSocket frame has the unknown opcode \(frame.opcode)", evidence: [quoted(frame.payload)])
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    lastHeard = .now()
    deliverBurst()
    if needsFlush {
      needsFlush = false
      context.flush()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(SocketIOError(.disconnected, "the connection failed", reason: .transportError, evidence: ["\(error)"]))
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed without a word", reason: .transportClose))
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed", reason: .transportClose))
    self.context = nil
  }

  // MARK: Messages

  private func receive(_ message: WebSocketMessageAssembler.Message) throws(SocketIOError) {
    let action: EngineIOSession.Action
    switch message {
    case .text(let text): action = try engine.receive(text: text)
    case .binary(let bytes): action = try engine.receive(binary: bytes)
    }
    switch action {
    case .nothing: break
    case .text(let text): act(try socket.receive(text: text))
    case .binary(let bytes): act(try socket.receive(binary: bytes))
    case .reply(let text): write(.text, text)
    case .closed:
      fail(SocketIOError(.disconnected, "the server ended the session", reason: .transportClose))
    case .opened:
      watchLiveness()
      var connect = SocketIOPacket(kind: .connect, namespace: wishes.namespace)
      if let auth = wishes.auth { connect.data = auth }
      write(.text, EngineIOPacket(kind: .message, data: connect.encoded()).encoded())
    }
  }

  private func act(_ action: SocketIOSession.Action) {
    switch action {
    case .event(let event): burst.append(event)
    case .acknowledged(let id, let answer):
      // Who gets an answer finds the events that came before it in the queues.
      deliverBurst()
      // Unknown ids are late or repeated answers; whoever waited has been told already.
      guard let waiting = acks.removeValue(forKey: id) else { return }
      waiting.timer.cancel()
      waiting.promise.succeed(answer)
    case .connected(let namespace):
      if namespace == wishes.namespace { joined.succeed() }
    case .rejected(let namespace, let error):
      if namespace == wishes.namespace { fail(error) }
    case .left(let namespace):
      guard namespace == wishes.namespace else { return }
      fail(SocketIOError(.disconnected, "the server disconnected namespace \(namespace)", reason: .serverDisconnect))
    case .nothing: break
    }
  }

  private func deliverBurst() {
    guard !burst.isEmpty else { return }
    wishes.deliver(burst)
    burst.removeAll(keepingCapacity: true)
  }

  // MARK: Sending

  /// Sends an event; the promise is kept when the last byte went to the system, which is what slows a fast sender down.
  func send(
    _ encoded: SocketIOJSON.Encoded, written: EventLoopPromise<Void>?, id answeredID: Int? = nil,
    waiting: (event: String, answer: EventLoopPromise<SocketIOEvent>, timeout: TimeAmount)? = nil
  ) {
    guard let context, failure == nil, socket.isJoined(wishes.namespace) else {
      let error = failure ?? SocketIOError(.notConnected, "there is no connection to send on")
      written?.fail(error)
      waiting?.answer.fail(error)
      return
    }
    var id = answeredID
    if let waiting {
      let new = socket.makeAckID()
      id = new
      let timer = context.eventLoop.assumeIsolated().scheduleTask(in: waiting.timeout) {
        self.expireAck(new, waiting.timeout)
      }
      acks[new] = WaitingAck(event: waiting.event, promise: waiting.answer, timer: timer)
    }
    let binary = !encoded.attachments.isEmpty
    let kind: SocketIOPacket.Kind = answeredID == nil ? (binary ? .binaryEvent : .event) : (binary ? .binaryAck : .ack)
    let packet = SocketIOPacket(
      kind: kind, namespace: wishes.namespace, id: id, attachmentCount: encoded.attachments.count, data: encoded.array)
    var text = ByteBufferAllocator().buffer(capacity: encoded.array.readableBytes + wishes.namespace.utf8.count + 26)
    text.writeInteger(EngineIOPacket.Kind.message.rawValue)
    packet.encode(into: &text)
    write(.text, text, promise: binary ? nil : written)
    for (index, attachment) in encoded.attachments.enumerated() {
      write(.binary, attachment, promise: index == encoded.attachments.count - 1 ? written : nil)
    }
    needsFlush = false
    context.flush()
  }

  /// How many acknowledgements are waited for.
  var waitingAckCount: Int { acks.count }

  /// Fails a waiting acknowledgement whose task was cancelled.
  func cancelAck(of promise: EventLoopPromise<SocketIOEvent>) {
    guard let (id, waiting) = acks.first(where: { $0.value.promise.futureResult === promise.futureResult }) else {
      return
    }
    acks[id] = nil
    waiting.timer.cancel()
    waiting.promise.fail(CancellationError())
  }

  /// Leaves the namespace and closes; `ended` says when.
  func disconnect() {
    guard let context, failure == nil else { return }
    let leave = SocketIOPacket(kind: .disconnect, namespace: wishes.namespace)
    write(.text, EngineIOPacket(kind: .message, data: leave.encoded()).encoded())
    fail(SocketIOError(.disconnected, "this side disconnected", reason: .clientDisconnect))
    context.flush()
  }

  private func expireAck(_ id: Int, _ timeout: TimeAmount) {
    guard let waiting = acks.removeValue(forKey: id) else { return }
    let seconds = Double(timeout.nanoseconds) / 1e9
    waiting.promise.fail(
      SocketIOError(
        .ackTimedOut, "no acknowledgement of “\(waiting.event)” (id \(id)) came within \(seconds) s",
        next: "does the server's handler return a value? Only then it acknowledges"))
  }

  private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    needsFlush = true
    let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(using: &random), data: data)
    context.write(wrapOutboundOut(frame), promise: promise)
  }

  // MARK: End

  /// Ends this connection, once: everyone who waits for something on it learns why.
  private func fail(_ error: SocketIOError) {
    guard failure == nil else { return }
    deliverBurst()
    failure = error
    liveness?.cancel()
    let waiting = acks.values
    acks = [:]
    for ack in waiting {
      ack.timer.cancel()
      ack.promise.fail(error)
    }
    joined.fail(error)
    if let context, context.channel.isActive {
      var code = ByteBuffer()
      code.write(webSocketErrorCode: error.reason == .parseError ? .protocolError : .normalClosure)
      let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(using: &random), data: code)
      let channel = context.channel
      // What was written before goes out first; a peer that does not read is given a second.
      let deadline = context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
      context.writeAndFlush(wrapOutboundOut(frame)).whenComplete { _ in
        deadline.cancel()
        channel.close(promise: nil)
      }
    }
    ended.succeed(error)
  }

  /// One timer for the connection's life: it looks when something was last heard and sleeps for what is left.
  private func watchLiveness() {
    guard let context else { return }
    let silence = NIODeadline.now() - lastHeard
    let left = engine.patience - silence
    guard left > .zero else {
      let seconds = Double(engine.patience.nanoseconds) / 1e9
      return fail(
        SocketIOError(.disconnected, "the server has been silent for \(seconds) s", reason: .pingTimeout))
    }
    liveness = context.eventLoop.assumeIsolated().scheduleTask(in: left) { self.watchLiveness() }
  }
}

extension SocketIOError {
  init(_ code: Code, _ message: String, reason: DisconnectReason, evidence: [String] = []) {
    self.init(code, message, evidence: evidence)
    self.reason = reason
  }
}
