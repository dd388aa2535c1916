import DequeModule
import NIOCore

/// One direction of a session through a tap, whatever carries it: messages in, messages to send out, records beside.
///
/// Transports come and go beneath it: a polling session has a connection for each request if it must, and may go over to a WebSocket.
/// What is half received, held or due belongs here.
package struct TapStream {
  package enum Step: Equatable {
    case send(TapPiece)
    /// Call `wake` then.
    case wakeAt(NIODeadline)
    case disconnect
    /// The server named the session.
    case opened(sid: String, patience: TimeAmount, maxPayload: Int?)
    /// From here on the session goes over the WebSocket that this came by.
    case upgraded
    /// One side ends the session.
    case closed
  }

  /// A message of Engine.IO as a transport delivers it.
  struct Message {
    var isText: Bool
    var content: ByteBuffer
    var piece: TapPiece
    /// Whether some of it has left already.
    var isPartlySent: Bool
    /// The TCP connection that brought its end.
    var connection: Int
  }

  private struct Held {
    var due: NIODeadline
    var pieces: [TapPiece]
    var rule: String?
    var byteCount: Int { pieces.reduce(0) { $0 + $1.byteCount } }
  }

  let direction: TapDirection
  /// The session's id, once it is known.
  var sid: String?
  /// When the bytes came that are being read.
  var arrival = SocketIOEvent.Arrival()
  private let recorder: TapRecorder
  private let faults: FaultEngine
  private let limits: SocketIOLimits
  private var decoder: TapDecoder
  /// The event that is being received: what is held of it, and whether some of it is gone already.
  private var eventUnsent: [TapPiece] = []
  private(set) var isEventPartlySent = false

  private var inOrder: Deque<Held> = []
  private var overtaken: [Held] = []
  private var reordered: [Held] = []

  package init(direction: TapDirection, recorder: TapRecorder, faults: FaultEngine, limits: SocketIOLimits) {
    self.direction = direction
    self.recorder = recorder
    self.faults = faults
    self.limits = limits
    decoder = TapDecoder(limits: limits)
  }

  /// How many bytes wait for their time.
  private(set) var heldBytes = 0
  /// How many events do, or for the rest of themselves.
  var heldCount: Int { inOrder.count + overtaken.count + reordered.count + (eventUnsent.isEmpty ? 0 : 1) }
  /// Whether something of this direction is here and not on its way.
  var isHolding: Bool { heldCount > 0 }

  mutating func receive(_ message: Message, now: NIODeadline, _ steps: inout [Step]) {
    do throws(SocketIOError) {
      let meaning =
        try message.isText
        ? decoder.receive(text: message.content, arrival) : decoder.receive(binary: message.content, arrival)
      switch meaning {
      case .transport(let packet): receiveTransport(packet, message, &steps)
      case .incomplete:
        isEventPartlySent = isEventPartlySent || message.isPartlySent
        // What has begun to leave must go on leaving.
        if isEventPartlySent { Self.append(message.piece, to: &steps) } else { eventUnsent.append(message.piece) }
      case .whole(let kind, let event):
        isEventPartlySent = isEventPartlySent || message.isPartlySent
        let pieces = eventUnsent + [message.piece]
        eventUnsent = []
        deliver(kind, event, pieces, message.connection, now, &steps)
        isEventPartlySent = false
      }
    } catch {
      anomaly(message.connection, "\(error.message): forwarded as it came", evidence: error.evidence)
      skip(message.piece, now: now, &steps)
    }
  }

  /// Passes on what is no message, in its place of the order; an event that was being received is given up.
  mutating func skip(_ piece: TapPiece, now: NIODeadline, _ steps: inout [Step]) {
    decoder = TapDecoder(limits: limits)
    isEventPartlySent = false
    let pieces = eventUnsent + [piece]
    eventUnsent = []
    hold(pieces, now, &steps)
  }

  /// Notes what was forwarded and not understood.
  func anomaly(_ connection: Int, _ message: String, evidence: [String] = []) {
    recorder.anomaly(connection, direction, message, evidence: evidence)
  }

  private mutating func receiveTransport(_ packet: EngineIOPacket, _ message: Message, _ steps: inout [Step]) {
    switch (packet.kind, direction) {
    case (.open, .toClient):
      if let handshake = try? EngineIOHandshake.parse(packet.data) {
        sid = handshake.sid
        let patience = TimeAmount.milliseconds(Int64(handshake.pingInterval) + Int64(handshake.pingTimeout))
        steps.append(.opened(sid: handshake.sid, patience: patience, maxPayload: handshake.maxPayload))
      }
    case (.upgrade, .toServer):
      Self.append(message.piece, to: &steps)
      return steps.append(.upgraded)
    case (.close, _):
      // Behind this the other side takes nothing more.
      steps += flush() + giveUpEvent()
      Self.append(message.piece, to: &steps)
      return steps.append(.closed)
    default: break
    }
    Self.append(message.piece, to: &steps)
  }

  /// Sends what has waited long enough.
  package mutating func wake(now: NIODeadline) -> [Step] {
    var steps: [Step] = []
    while let first = inOrder.first, first.due <= now {
      inOrder.removeFirst()
      send(first, &steps)
    }
    for held in overtaken where held.due <= now { send(held, &steps) }
    overtaken.removeAll { $0.due <= now }
    for held in reordered where held.due <= now { send(held, &steps) }
    reordered.removeAll { $0.due <= now }
    return steps
  }

  /// Sends everything that waits, because the session or its connection is about to end.
  package mutating func flush() -> [Step] { wake(now: .distantFuture) }

  /// Sends what is held of an event that will not become whole.
  mutating func giveUpEvent() -> [Step] {
    defer { eventUnsent = [] }
    isEventPartlySent = isEventPartlySent || !eventUnsent.isEmpty
    return eventUnsent.map { .send($0) }
  }

  // MARK: Events

  private mutating func deliver(
    _ kind: TapRecord.Kind, _ event: SocketIOEvent, _ pieces: [TapPiece], _ connection: Int, _ now: NIODeadline,
    _ steps: inout [Step]
  ) {
    var decision = FaultEngine.Decision()
    if kind == .event, faults.isActive {
      // What has begun to leave cannot be changed any more.
      if !isEventPartlySent {
        decision = faults.decide(event, direction)
      } else if let rule = faults.rules.first(where: { $0.matches(event, direction) }) {
        anomaly(
          connection, "event “\(event.name)” matches the rule “\(rule.name)”, but began to pass before it was set")
      }
    }
    recorder.record(
      TapRecord(
        direction: direction, kind: kind, connection: connection, session: sid, event: event, faults: decision.faults))
    let pieces = decision.changed.map { made(event, $0) } ?? pieces
    let waiting = reordered.filter { decision.releases.contains($0.rule ?? "") }
    reordered.removeAll { decision.releases.contains($0.rule ?? "") }
    switch decision.fate {
    case .drop: break
    case .disconnect: steps.append(.disconnect)
    case .pass: hold(pieces, now, &steps)
    case .duplicate:
      hold(pieces, now, &steps)
      hold(pieces, now, &steps)
    case .delay(let time, let keepingOrder):
      let held = Held(due: now + TimeAmount(time), pieces: pieces)
      keepingOrder ? hold(pieces, held.due, &steps, isDelayed: true) : keep(held, in: \.overtaken, &steps)
    case .reorder(let rule, let atMost):
      // A second one while the first still waits releases it: the two have changed places.
      if waiting.isEmpty {
        keep(Held(due: now + TimeAmount(atMost), pieces: pieces, rule: rule), in: \.reordered, &steps)
      } else {
        hold(pieces, now, &steps)
      }
    }
    for held in waiting {
      heldBytes -= held.byteCount
      hold(held.pieces, now, &steps)
    }
  }

  /// Sends `pieces` at `due`, and not before what is delayed already.
  private mutating func hold(
    _ pieces: [TapPiece], _ due: NIODeadline, _ steps: inout [Step], isDelayed: Bool = false
  ) {
    guard isDelayed || !inOrder.isEmpty else {
      for piece in pieces { Self.append(piece, to: &steps) }
      return
    }
    let held = Held(due: max(due, inOrder.last?.due ?? due), pieces: pieces)
    guard held.byteCount > 0 else { return }
    heldBytes += held.byteCount
    inOrder.append(held)
    steps.append(.wakeAt(held.due))
  }

  private mutating func keep(
    _ held: Held, in list: WritableKeyPath<TapStream, [Held]>, _ steps: inout [Step]
  ) {
    heldBytes += held.byteCount
    self[keyPath: list].append(held)
    steps.append(.wakeAt(held.due))
  }

  private mutating func send(_ held: Held, _ steps: inout [Step]) {
    heldBytes -= held.byteCount
    for piece in held.pieces { Self.append(piece, to: &steps) }
  }

  private static func append(_ piece: TapPiece, to steps: inout [Step]) {
    if piece.byteCount > 0 { steps.append(.send(piece)) }
  }

  /// The event's messages with other content.
  private func made(_ event: SocketIOEvent, _ changed: FaultEngine.Changed) -> [TapPiece] {
    let payload = changed.payload
    var arguments = payload.payload[...]
    if arguments.first == UInt8(ascii: "[") { arguments = arguments.dropFirst() }
    var array = ByteBuffer(string: "[")
    array.writeString(JSONValue.string(event.name).text)
    if arguments.first != UInt8(ascii: "]") { array.writeString(",") }
    array.writeBytes(arguments.prefix(changed.textLimit ?? .max))
    let isBinary = !payload.attachments.isEmpty
    let packet = SocketIOPacket(
      kind: isBinary ? .binaryEvent : .event, namespace: event.namespace, id: event.ackID,
      attachmentCount: payload.attachments.count, data: array)
    let text = EngineIOPacket(kind: .message, data: packet.encoded()).encoded()
    return [.made(isText: true, text)] + payload.attachments.map { .made(isText: false, ByteBuffer(bytes: $0)) }
  }
}
