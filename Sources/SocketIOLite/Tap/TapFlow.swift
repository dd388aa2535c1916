import DequeModule
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One direction of a tapped WebSocket, without a socket: bytes in, bytes to send out, records beside.
///
/// With no rule set every byte is passed on as it comes. With rules, events are held until they are whole; bytes that no
/// rule touches stay as they were. The change between both happens at the end of a message.
struct TapFlow {
  enum Command {
    case send(ByteBuffer)
    /// Call `wake` then.
    case wakeAt(NIODeadline)
    case disconnect
  }

  private struct Held {
    var due: NIODeadline
    var bytes: ByteBuffer
    var rule: String?
  }

  let direction: TapDirection
  let connection: Int
  private let recorder: TapRecorder
  private let faults: FaultEngine
  private var scanner: WebSocketFrameScanner
  private var decoder: TapDecoder
  /// The message that is being received: its content, and the bytes of it that were not forwarded.
  private var message: (isText: Bool, content: ByteBuffer)?
  private var messageUnsent = ByteBuffer()
  private var isMessagePartlySent = false
  /// The event that is being received: what is held of it, and whether some of it is gone already.
  private var eventUnsent = ByteBuffer()
  private var isEventPartlySent = false
  /// True when the bytes stopped making sense: from there on they are forwarded and not read.
  private(set) var isOpaque = false

  private var inOrder: Deque<Held> = []
  private var overtaken: [Held] = []
  private var reordered: [Held] = []

  init(
    direction: TapDirection, connection: Int, recorder: TapRecorder, faults: FaultEngine, limits: SocketIOLimits
  ) {
    self.direction = direction
    self.connection = connection
    self.recorder = recorder
    self.faults = faults
    scanner = WebSocketFrameScanner(maxPayloadBytes: limits.maxMessageBytes)
    decoder = TapDecoder(limits: limits)
    maxMessageBytes = limits.maxMessageBytes
  }

  private let maxMessageBytes: Int

  /// How many bytes wait for their time.
  private(set) var heldBytes = 0

  private var isHolding: Bool {
    heldBytes > 0 || scanner.hasUnsentBytes || messageUnsent.readableBytes > 0 || eventUnsent.readableBytes > 0
  }

  mutating func receive(_ bytes: ByteBuffer, now: NIODeadline = .now()) -> [Command] {
    guard !isOpaque else { return [.send(bytes)] }
    var commands: [Command] = []
    let isFramed = isHolding || faults.isActive
    scanner.append(bytes)
    if !isFramed {
      commands.append(.send(bytes))
      scanner.markAllSent()
    }
    do throws(SocketIOError) {
      while let frame = try scanner.next() { try receive(frame, now, &commands) }
    } catch {
      recorder.anomaly(
        connection, direction, "\(error.message): from here on this direction is forwarded unread",
        evidence: error.evidence)
      isOpaque = true
      commands += flush()
      for bytes in [eventUnsent, messageUnsent, scanner.takeUnsent()] { Self.append(bytes, to: &commands) }
    }
    return commands
  }

  /// Reads bytes that were forwarded before this flow began.
  mutating func readOnly(_ bytes: ByteBuffer) {
    scanner.append(bytes)
    scanner.markAllSent()
    _ = receive(ByteBuffer())
  }

  /// Sends what has waited long enough.
  mutating func wake(now: NIODeadline = .now()) -> [Command] {
    var commands: [Command] = []
    while let first = inOrder.first, first.due <= now {
      inOrder.removeFirst()
      send(first, &commands)
    }
    for held in overtaken where held.due <= now { send(held, &commands) }
    overtaken.removeAll { $0.due <= now }
    for held in reordered where held.due <= now { send(held, &commands) }
    reordered.removeAll { $0.due <= now }
    return commands
  }

  /// Sends everything that waits, because the connection is about to end.
  mutating func flush() -> [Command] { wake(now: .distantFuture) }

  // MARK: Frames and messages

  private mutating func receive(
    _ frame: WebSocketFrameScanner.Frame, _ now: NIODeadline, _ commands: inout [Command]
  ) throws(SocketIOError) {
    guard !frame.isControl else { return Self.append(frame.unsent, to: &commands) }
    // A slice is taken over, not copied: most messages are one frame.
    if messageUnsent.readableBytes == 0 {
      messageUnsent = frame.unsent
    } else {
      messageUnsent.writeImmutableBuffer(frame.unsent)
    }
    isMessagePartlySent = isMessagePartlySent || frame.isPartlySent
    if isMessagePartlySent || isEventPartlySent {
      // The rest of what has begun to leave must follow at once, before anything else of this direction.
      Self.append(messageUnsent, to: &commands)
      messageUnsent = ByteBuffer()
    }
    var whole: (isText: Bool, content: ByteBuffer)
    if frame.opcode == 0, let begun = message {
      whole = begun
      guard whole.content.readableBytes + frame.payload.readableBytes <= maxMessageBytes else {
        throw SocketIOError(.limitExceeded, "a message in several frames is longer than \(maxMessageBytes) bytes")
      }
      whole.content.writeImmutableBuffer(frame.payload)
    } else {
      whole = (frame.opcode == 1, frame.payload)
    }
    guard frame.isLast else {
      message = whole
      return
    }
    message = nil
    receiveMessage(whole, now, &commands)
  }

  private mutating func receiveMessage(
    _ message: (isText: Bool, content: ByteBuffer), _ now: NIODeadline, _ commands: inout [Command]
  ) {
    let unsent = messageUnsent
    messageUnsent = ByteBuffer()
    defer { isMessagePartlySent = false }
    do throws(SocketIOError) {
      let meaning =
        try message.isText ? decoder.receive(text: message.content) : decoder.receive(binary: message.content)
      switch meaning {
      case .transport:
        Self.append(unsent, to: &commands)
      case .incomplete:
        isEventPartlySent = isEventPartlySent || isMessagePartlySent
        eventUnsent.writeImmutableBuffer(unsent)
      case .whole(let kind, let event):
        var all = eventUnsent
        if all.readableBytes == 0 { all = unsent } else { all.writeImmutableBuffer(unsent) }
        eventUnsent = ByteBuffer()
        isEventPartlySent = isEventPartlySent || isMessagePartlySent
        deliver(kind, event, all, now, &commands)
        isEventPartlySent = false
      }
    } catch {
      recorder.anomaly(
        connection, direction, "\(error.message): forwarded as it came", evidence: error.evidence)
      decoder = TapDecoder(limits: .init(maxMessageBytes: maxMessageBytes))
      isEventPartlySent = false
      hold(eventUnsent, now, &commands)
      hold(unsent, now, &commands)
      eventUnsent = ByteBuffer()
    }
  }

  // MARK: Events

  private mutating func deliver(
    _ kind: TapRecord.Kind, _ event: SocketIOEvent, _ bytes: ByteBuffer, _ now: NIODeadline, _ commands: inout [Command]
  ) {
    var decision = FaultEngine.Decision()
    // What has begun to leave cannot be changed any more.
    if kind == .event, !isEventPartlySent { decision = faults.decide(event, direction) }
    recorder.record(
      TapRecord(
        direction: direction, kind: kind, connection: connection, event: event, faults: decision.faults))
    let bytes = decision.changed.map { rewritten(event, $0) } ?? bytes
    let waiting = reordered.filter { decision.releases.contains($0.rule ?? "") }
    reordered.removeAll { decision.releases.contains($0.rule ?? "") }
    switch decision.fate {
    case .drop: break
    case .disconnect: commands.append(.disconnect)
    case .pass: hold(bytes, now, &commands)
    case .duplicate:
      hold(bytes, now, &commands)
      hold(bytes, now, &commands)
    case .delay(let time, let keepingOrder):
      let held = Held(due: now + TimeAmount(time), bytes: bytes)
      keepingOrder ? hold(bytes, held.due, &commands, isDelayed: true) : keep(held, in: \.overtaken, &commands)
    case .reorder(let rule, let atMost):
      // A second one while the first still waits releases it: the two have changed places.
      if waiting.isEmpty {
        let held = Held(due: now + TimeAmount(atMost), bytes: bytes, rule: rule)
        keep(held, in: \.reordered, &commands)
      } else {
        hold(bytes, now, &commands)
      }
    }
    for held in waiting {
      heldBytes -= held.bytes.readableBytes
      hold(held.bytes, now, &commands)
    }
  }

  /// Sends `bytes` at `due`, and not before what is delayed already.
  private mutating func hold(
    _ bytes: ByteBuffer, _ due: NIODeadline, _ commands: inout [Command], isDelayed: Bool = false
  ) {
    guard isDelayed || !inOrder.isEmpty else { return Self.append(bytes, to: &commands) }
    let held = Held(due: max(due, inOrder.last?.due ?? due), bytes: bytes)
    heldBytes += bytes.readableBytes
    inOrder.append(held)
    commands.append(.wakeAt(held.due))
  }

  private mutating func keep(
    _ held: Held, in list: WritableKeyPath<TapFlow, [Held]>, _ commands: inout [Command]
  ) {
    heldBytes += held.bytes.readableBytes
    self[keyPath: list].append(held)
    commands.append(.wakeAt(held.due))
  }

  private mutating func send(_ held: Held, _ commands: inout [Command]) {
    heldBytes -= held.bytes.readableBytes
    Self.append(held.bytes, to: &commands)
  }

  private static func append(_ bytes: ByteBuffer, to commands: inout [Command]) {
    if bytes.readableBytes > 0 { commands.append(.send(bytes)) }
  }

  /// The event's messages with other content, framed anew.
  private func rewritten(_ event: SocketIOEvent, _ changed: FaultEngine.Changed) -> ByteBuffer {
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
    var bytes = WebSocketFrameScanner.frame(opcode: 1, text, masked: direction == .toServer)
    for attachment in payload.attachments {
      let frame = WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: attachment), masked: direction == .toServer)
      bytes.writeImmutableBuffer(frame)
    }
    return bytes
  }
}
