import NIOCore
import NIOSSL
import NIOWebSocket

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The rim of a connection: messages to the two state machines, and their answers back. Lives on one event loop.
///
/// Messages come and go by WebSocket while this is in a channel's pipeline, and by polling as long as it has `polling`.
final class ClientConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  private struct WaitingAck {
    var event: String
    var namespace: String
    var promise: EventLoopPromise<SocketIOEvent>
    var timer: Scheduled<Void>
  }

  private let wishes: Wishes
  private let eventLoop: any EventLoop
  /// Succeeds with what ended the connection.
  private let ended: EventLoopPromise<SocketIOError>
  /// Succeeds when nothing of the connection is left.
  private let closed: EventLoopPromise<Void>
  /// What callers on other threads may know of it.
  let outlet = ClientOutlet()
  /// Set until a WebSocket takes over.
  var polling: PollingTransport?
  private var joins: [String: Join] = [:]
  private var engine = EngineIOSession()
  private var socket: SocketIOSession
  private var reader: WebSocketFrameReader
  private var assembler: WebSocketMessageAssembler
  private var context: ChannelHandlerContext?
  private var acks: [Int: WaitingAck] = [:]
  private var failure: SocketIOError?
  private var silence = SilenceWatch(since: .now())
  private var liveness: Scheduled<Void>?
  private var needsFlush = false
  /// Events of one burst of reads: queued together, so that a waiting consumer is woken once and not for each.
  private var burst: [SocketIOEvent] = []
  private var random = SystemRandomNumberGenerator()

  init(
    wishes: Wishes, on eventLoop: any EventLoop, ended: EventLoopPromise<SocketIOError>, closed: EventLoopPromise<Void>
  ) {
    self.wishes = wishes
    self.eventLoop = eventLoop
    self.ended = ended
    self.closed = closed
    for join in wishes.joins { joins[join.namespace] = join }
    socket = SocketIOSession(limits: wishes.limits)
    reader = WebSocketFrameReader(maxPayloadBytes: wishes.limits.maxMessageBytes)
    assembler = WebSocketMessageAssembler(maxMessageBytes: wishes.limits.maxMessageBytes)
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    outlet.set(isOpen: failure == nil && context.channel.isWritable)
    guard let polling else { return }
    self.polling = nil
    for waiting in polling.handOver() {
      switch waiting.part {
      case .text(let text): write(.text, text, promise: waiting.promise)
      case .binary(let bytes): write(.binary, bytes, promise: waiting.promise)
      }
    }
    flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    outlet.set(isOpen: failure == nil && context.channel.isWritable)
  }

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
    silence.heard(at: .now())
    deliverBurst()
    if needsFlush { flush() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Many servers close TLS without saying so; that is a closed connection like any other.
    if case .uncleanShutdown? = error as? NIOSSLError { return channelInactive(context: context) }
    fail(SocketIOError(.disconnected, "the connection failed", reason: .transportError, evidence: ["\(error)"]))
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed without a word", reason: .transportClose))
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed", reason: .transportClose))
    self.context = nil
    closed.succeed()
  }

  // MARK: Polling

  /// The body of an answer to a poll.
  func receivePolled(_ body: ByteBuffer) {
    silence.heard(at: .now())
    socket.arrival = .init()
    do throws(SocketIOError) {
      for part in try EngineIOPayload.parse(body) where failure == nil {
        switch part {
        case .text(let text): try receive(.text(text))
        case .binary(let bytes): try receive(.binary(bytes))
        }
      }
    } catch {
      var failure = error
      failure.reason = .parseError
      fail(failure)
    }
    deliverBurst()
    if needsFlush { flush() }
  }

  private func flush() {
    needsFlush = false
    context?.flush()
    polling?.flush()
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
    case .opened(let handshake):
      polling?.opened(handshake)
      watchLiveness()
      for join in wishes.joins where joins[join.namespace] != nil { writeConnect(join) }
    }
  }

  private func act(_ action: SocketIOSession.Action) {
    switch action {
    case .event(let event): burst.append(event)
    case .acknowledged(let id, let answer):
      // Who gets an answer finds the events that came before it in the queues.
      deliverBurst()
      // Unknown ids are late or repeated answers; whoever waited has been told already.
      guard let waiting = acks[id], waiting.namespace == answer.namespace else { return }
      acks[id] = nil
      waiting.timer.cancel()
      waiting.promise.succeed(answer)
    case .connected(let namespace):
      guard let join = joins.removeValue(forKey: namespace), let membership = socket.membership(in: namespace) else {
        return
      }
      wishes.joined(namespace, membership)
      join.done.succeed(membership)
    case .rejected(let namespace, let error): joins.removeValue(forKey: namespace)?.done.fail(error)
    case .left(let namespace):
      deliverBurst()
      let error = SocketIOError(
        .disconnected, "the server disconnected namespace \(namespace)", reason: .serverDisconnect)
      guard !socket.isIdle || !joins.isEmpty else { return fail(error) }
      failAcks(in: namespace, error)
      wishes.left(namespace, error)
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
    _ encoded: SocketIOJSON.Encoded, in namespace: String, written: EventLoopPromise<Void>?, id answeredID: Int? = nil,
    waiting: (event: String, answer: EventLoopPromise<SocketIOEvent>, timeout: TimeAmount)? = nil
  ) {
    guard failure == nil, socket.isJoined(namespace), polling?.refusal(of: encoded) == nil else {
      let error =
        failure ?? polling?.refusal(of: encoded)
        ?? SocketIOError(.notConnected, "there is no connection to send on in namespace \(namespace)")
      written?.fail(error)
      waiting?.answer.fail(error)
      return
    }
    var id = answeredID
    if let waiting {
      let new = socket.makeAckID()
      id = new
      let timer = eventLoop.assumeIsolated().scheduleTask(in: waiting.timeout) {
        self.expireAck(new, waiting.timeout)
      }
      acks[new] = WaitingAck(event: waiting.event, namespace: namespace, promise: waiting.answer, timer: timer)
    }
    let binary = !encoded.attachments.isEmpty
    let kind: SocketIOPacket.Kind = answeredID == nil ? (binary ? .binaryEvent : .event) : (binary ? .binaryAck : .ack)
    let packet = SocketIOPacket(
      kind: kind, namespace: namespace, id: id, attachmentCount: encoded.attachments.count, data: encoded.array)
    var text = ByteBufferAllocator().buffer(capacity: encoded.array.readableBytes + namespace.utf8.count + 26)
    text.writeInteger(EngineIOPacket.Kind.message.rawValue)
    packet.encode(into: &text)
    write(.text, text, promise: binary ? nil : written)
    for (index, attachment) in encoded.attachments.enumerated() {
      write(.binary, attachment, promise: index == encoded.attachments.count - 1 ? written : nil)
    }
    flush()
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

  /// Asks for a namespace, now or as soon as the session is open.
  func join(_ join: Join) {
    guard failure == nil else { return join.done.fail(failure ?? CancellationError()) }
    if let membership = socket.membership(in: join.namespace) { return join.done.succeed(membership) }
    guard joins[join.namespace] == nil else {
      return join.done.fail(SocketIOError(.notConnected, "namespace \(join.namespace) is being joined already"))
    }
    joins[join.namespace] = join
    guard engine.handshake != nil else { return }
    writeConnect(join)
    flush()
  }

  /// Leaves one namespace; the last one takes the connection with it.
  func leave(_ namespace: String) {
    guard failure == nil else { return }
    let error = SocketIOError(.disconnected, "this side left namespace \(namespace)", reason: .clientDisconnect)
    joins.removeValue(forKey: namespace)?.done.fail(error)
    guard socket.isJoined(namespace) else { return }
    if socket.isLast(namespace), joins.isEmpty { return disconnect() }
    writeDisconnect(namespace)
    socket.leave(namespace)
    failAcks(in: namespace, error)
    flush()
  }

  /// Leaves everything and closes; `ended` says when.
  func disconnect() {
    guard failure == nil else { return }
    for namespace in socket.namespaces { writeDisconnect(namespace) }
    fail(SocketIOError(.disconnected, "this side disconnected", reason: .clientDisconnect))
    context?.flush()
  }

  private func writeConnect(_ join: Join) {
    var connect = SocketIOPacket(kind: .connect, namespace: join.namespace)
    if let payload = join.payload { connect.data = payload }
    write(.text, EngineIOPacket(kind: .message, data: connect.encoded()).encoded())
  }

  private func writeDisconnect(_ namespace: String) {
    let leave = SocketIOPacket(kind: .disconnect, namespace: namespace)
    write(.text, EngineIOPacket(kind: .message, data: leave.encoded()).encoded())
  }

  private func failAcks(in namespace: String?, _ error: SocketIOError) {
    for (id, waiting) in acks where namespace == nil || waiting.namespace == namespace {
      acks[id] = nil
      waiting.timer.cancel()
      waiting.promise.fail(error)
    }
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
    needsFlush = true
    if let polling { return polling.write(opcode == .binary ? .binary(data) : .text(data), promise) }
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(using: &random), data: data)
    context.write(wrapOutboundOut(frame), promise: promise)
  }

  // MARK: End

  /// Ends this connection, once: everyone who waits for something on it learns why.
  func fail(_ error: SocketIOError) {
    guard failure == nil else { return }
    deliverBurst()
    failure = error
    outlet.set(isOpen: false)
    liveness?.cancel()
    failAcks(in: nil, error)
    let waiting = joins.values
    joins = [:]
    for join in waiting { join.done.fail(error) }
    if let polling {
      polling.close(after: error)
      self.polling = nil
      closed.succeed()
    } else if context == nil {
      closed.succeed()
    }
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
    guard failure == nil else { return }
    switch silence.look(at: .now(), patience: engine.patience) {
    case .wait(let time):
      liveness = eventLoop.assumeIsolated().scheduleTask(in: time) { self.watchLiveness() }
    case .silent:
      let seconds = Double(engine.patience.nanoseconds) / 1e9
      fail(SocketIOError(.disconnected, "the server has been silent for \(seconds) s", reason: .pingTimeout))
    }
  }
}
