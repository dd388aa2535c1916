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
package final class ClientConnectionHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = WebSocketFrame

  struct WaitingAck {
    var event: String
    var namespace: String
    var promise: EventLoopPromise<SocketIOEvent>
    var timer: Scheduled<Void>
  }

  /// From bytes to messages.
  private struct Reading {
    var reader: WebSocketFrameReader
    var assembler: WebSocketMessageAssembler

    init(maxBytes: Int) {
      reader = WebSocketFrameReader(maxPayloadBytes: maxBytes)
      assembler = WebSocketMessageAssembler(maxMessageBytes: maxBytes)
    }
  }

  let wishes: Wishes
  let eventLoop: any EventLoop
  /// Succeeds with what ended the connection.
  private let ended: EventLoopPromise<SocketIOError>
  /// Succeeds when nothing of the connection is left.
  private let closed: EventLoopPromise<Void>
  /// What callers on other threads may know of it.
  let outlet = ClientOutlet()
  /// Set until a WebSocket takes over.
  var polling: PollingTransport?
  var joins: [String: Join] = [:]
  package var engine = EngineIOSession()
  var socket: SocketIOSession
  private var reading: Reading
  var context: ChannelHandlerContext?
  var acks: [Int: WaitingAck] = [:]
  package var failure: SocketIOError?
  package var silence = SilenceWatch(since: .now())
  /// Where the socket reads the rest of a large frame to.
  private let room = FrameRoom()
  /// What is to be sent while nobody knows whether the line is dead.
  var undecided: [Outgoing] = []
  private var liveness: Scheduled<Void>?
  private var needsFlush = false
  /// Events of one burst of reads: queued together, so that a waiting consumer is woken once and not for each.
  var burst: [SocketIOEvent] = []
  private var random = SystemRandomNumberGenerator()

  package init(
    wishes: Wishes, on eventLoop: any EventLoop, ended: EventLoopPromise<SocketIOError>, closed: EventLoopPromise<Void>
  ) {
    self.wishes = wishes
    self.eventLoop = eventLoop
    self.ended = ended
    self.closed = closed
    for join in wishes.joins { joins[join.namespace] = join }
    socket = SocketIOSession(limits: wishes.limits)
    reading = Reading(maxBytes: wishes.limits.maxMessageBytes)
  }

  // MARK: Channel

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    outlet.set(isOpen: failure == nil && context.channel.isWritable)
    FrameRoom.install(room, on: context.channel)
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

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    outlet.set(isOpen: failure == nil && context.channel.isWritable)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var input = unwrapInboundIn(data)
    socket.arrival = .init()
    // Held here while frames are cut, and put back behind the last: a class's properties are checked for exclusive access each time
    // that they are touched, which was a tenth of the cost of small events.
    var reading = Reading(maxBytes: 0)
    swap(&reading, &self.reading)
    defer { swap(&reading, &self.reading) }
    defer { room.lend(reading.reader.lend()) }
    do throws(SocketIOError) {
      if let bytes = try room.takeBack(&input) { reading.reader.takeBack(bytes) }
      while failure == nil, let frame = try takePlain(&input, &reading, &burst) {
        try receive(frame, &reading.assembler)
      }
    } catch {
      var failure = error
      failure.reason = .parseError
      fail(failure)
    }
  }

  /// Takes the events that are like the one before, and returns the first frame that is something else; nil if there is none.
  private func takePlain(
    _ input: inout ByteBuffer, _ reading: inout Reading, _ events: inout [SocketIOEvent]
  ) throws(SocketIOError) -> WebSocketFrameReader.Frame? {
    guard !reading.assembler.isWithinMessage, let plain = socket.plainEvents else {
      return try reading.reader.next(&input)
    }
    while let frame = try reading.reader.next(&input) {
      guard let event = try plain.event(frame) else { return frame }
      events.append(event)
    }
    return nil
  }

  private func receive(
    _ frame: WebSocketFrameReader.Frame, _ assembler: inout WebSocketMessageAssembler
  ) throws(SocketIOError) {
    switch frame.opcode {
    case 0, 1, 2:
      guard let message = try assembler.receive(frame) else { return }
      try receive(message)
    case 8: fail(Self.closed(frame.payload))
    case 9: write(.pong, frame.payload)
    case 10: break
    default:
      throw SocketIOError(
        .malformedPacket, "a WebSocket frame has the unknown opcode \(frame.opcode)", evidence: [quoted(frame.payload)])
    }
  }

  /// What a close frame says: a code, and perhaps a text. Source: RFC 6455 §5.5.1.
  private static func closed(_ payload: ByteBuffer) -> SocketIOError {
    var payload = payload
    let code = payload.readInteger(as: UInt16.self).map { Int($0) }
    let reason = payload.readableBytes > 0 && code != nil ? String(buffer: payload) : nil
    let said = code.map { " with \($0)" + (reason.map { " (\($0))" } ?? "") } ?? ""
    var error = SocketIOError(
      .disconnected, "the server closed the connection\(said)", reason: .closed(code: code, reason: reason))
    if code == 1009 { error.next = "a message was longer than the server takes (maxHttpBufferSize): send less at once" }
    return error
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    heard()
    deliverBurst()
    if needsFlush { flush() }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Many servers close TLS without saying so; that is a closed connection like any other.
    if case .uncleanShutdown? = error as? NIOSSLError { return channelInactive(context: context) }
    fail(
      SocketIOError(
        .disconnected, "the connection failed", reason: .transportError, evidence: ["\(error)"], underlying: error))
  }

  package func channelInactive(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed without a word", reason: .transportClose))
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    fail(SocketIOError(.disconnected, "the connection was closed", reason: .transportClose))
    self.context = nil
    closed.succeed()
  }

  // MARK: Polling

  /// The body of an answer to a poll.
  func receivePolled(_ body: ByteBuffer) {
    socket.arrival = .init()
    do throws(SocketIOError) {
      guard body.readableBytes > 0 else {
        throw SocketIOError(.malformedPacket, "an answer to a poll is empty; it must hold at least one packet")
      }
      for part in try EngineIOPayload.parse(body) where failure == nil {
        switch part {
        case .text(let text): try receive(.text(text))
        case .binary(let bytes): try receive(.binary(bytes))
        }
      }
      // Only now: what is no packet is no sign of life.
      heard()
    } catch {
      var failure = error
      failure.reason = .parseError
      fail(failure)
    }
    deliverBurst()
    if needsFlush { flush() }
  }

  func flush() {
    needsFlush = false
    context?.flush()
    polling?.flush()
  }

  // MARK: Messages

  private func receive(_ message: WebSocketMessageAssembler.Message) throws(SocketIOError) {
    let action: EngineIOSession.Action
    switch message {
    case .text(let text):
      if wishes.limits.strictJSON, polling == nil { try checkUTF8(text) }
      action = try engine.receive(text: text)
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

  /// A browser closes a WebSocket over text that is none; over polling it reads U+FFFD.
  private func checkUTF8(_ text: ByteBuffer) throws(SocketIOError) {
    guard String(validating: text.readableBytesView, as: UTF8.self) == nil else { return }
    throw SocketIOPacket.malformed("a text message is not UTF-8, over which a browser closes the connection", text)
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
    case .connected(let namespace): joined(namespace)
    case .unwanted(let namespace):
      writeDisconnect(namespace)
      flush()
    case .rejected(let namespace, let error): rejected(namespace, error)
    case .left(let namespace): left(namespace)
    case .nothing: break
    }
  }

  func deliverBurst() {
    guard !burst.isEmpty else { return }
    wishes.deliver(burst)
    burst.removeAll(keepingCapacity: true)
  }

  // MARK: Writing

  func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
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
  package func fail(_ error: SocketIOError) {
    guard failure == nil else { return }
    deliverBurst()
    failure = error
    outlet.set(isOpen: false)
    liveness?.cancel()
    failAcks(in: nil, error)
    for outgoing in takeUndecided() { outgoing.fail(ClientUnsent(reason: error, outlet: outlet)) }
    let waiting = joins.values
    joins = [:]
    for join in waiting { join.done.fail(error) }
    if let polling {
      let closed = closed
      polling.close(after: error) { closed.succeed() }
      self.polling = nil
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
  func watchLiveness() {
    guard failure == nil else { return }
    liveness?.cancel()
    switch silence.look(at: .now(), patience: engine.patience) {
    case .wait(let time):
      liveness = eventLoop.assumeIsolated().scheduleTask(in: time) { self.watchLiveness() }
    case .silent:
      let seconds = Double(engine.patience.nanoseconds) / 1e9
      fail(SocketIOError(.disconnected, "the server has been silent for \(seconds) s", reason: .pingTimeout))
    }
  }
}
