import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One direction of a tapped WebSocket, without a socket: bytes in, frames cut, messages to the session's stream, bytes to send out.
///
/// With no rule set every byte is passed on as it comes. With rules, events are held until they are whole; bytes that no
/// rule touches stay as they were. The change between both happens at the end of a message.
package struct TapFlow {
  package enum Command: Equatable {
    case send(ByteBuffer)
    /// What the stream wants besides.
    case step(TapStream.Step)
  }

  /// How much is read at once where much comes: most frames of a stream then lie whole in what was read, and are recorded where they
  /// lie. A connection on which little comes reads little.
  static let reads = AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 2_048, maximum: 1 << 20)
  /// One read may wait to be written while the next is read; no more.
  static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 1 << 18, high: 1 << 20)

  let direction: TapDirection
  let connection: Int
  private let faults: FaultEngine
  private let maxMessageBytes: Int
  private var scanner: WebSocketFrameScanner
  /// The message that is being received: its content, and the bytes of it that were not forwarded.
  private var message: (isText: Bool, content: ByteBuffer)?
  private var messageUnsent = ByteBuffer()
  private var isMessagePartlySent = false
  /// True when the bytes stopped making sense: from there on they are forwarded and not read.
  private(set) var isOpaque = false

  package init(direction: TapDirection, connection: Int, faults: FaultEngine, limits: SocketIOLimits) {
    self.direction = direction
    self.connection = connection
    self.faults = faults
    maxMessageBytes = limits.maxMessageBytes
    scanner = WebSocketFrameScanner(maxPayloadBytes: limits.maxMessageBytes)
  }

  /// Whether bytes must wait until their frame is whole: otherwise they may be forwarded first and read (`readOnly`) afterwards.
  func mustFrame(whileHolding isHolding: Bool) -> Bool {
    isHolding || faults.isActive || scanner.hasUnsentBytes || messageUnsent.readableBytes > 0
  }

  package mutating func receive(_ bytes: ByteBuffer, into stream: inout TapStream, now: NIODeadline) -> [Command] {
    guard !isOpaque else { return [.send(bytes)] }
    guard mustFrame(whileHolding: stream.isHolding) else {
      return [.send(bytes)] + readOnly(bytes, into: &stream, now: now)
    }
    stream.arrival = .init()
    scanner.append(bytes)
    return read(into: &stream, now)
  }

  /// Reads bytes that have been forwarded already, and when they had come.
  package mutating func readOnly(
    _ bytes: ByteBuffer, into stream: inout TapStream, now: NIODeadline, _ arrival: SocketIOEvent.Arrival = .init()
  ) -> [Command] {
    guard !isOpaque else { return [] }
    stream.arrival = arrival
    scanner.append(bytes)
    scanner.markAllSent()
    return read(into: &stream, now)
  }

  /// The commands that do what the stream wants.
  package func commands(_ steps: [TapStream.Step]) -> [Command] {
    steps.map { step in
      guard case .send(let piece) = step else { return .step(step) }
      return .send(piece.frames(masked: direction == .toServer))
    }
  }

  /// Sends all that waits, because nothing more is read: events for their time, and what is not whole, as it came.
  package mutating func end(of stream: inout TapStream) -> [Command] {
    var commands = self.commands(stream.flush() + stream.giveUpEvent())
    Self.append(messageUnsent, to: &commands)
    Self.append(scanner.takeUnsent(), to: &commands)
    messageUnsent = ByteBuffer()
    return commands
  }

  private mutating func read(into stream: inout TapStream, _ now: NIODeadline) -> [Command] {
    var commands: [Command] = []
    do throws(SocketIOError) {
      while let frame = try scanner.next() { try receive(frame, into: &stream, now, &commands) }
    } catch {
      stream.anomaly(
        connection, "\(error.message): from here on this direction is forwarded unread", evidence: error.evidence)
      isOpaque = true
      commands += end(of: &stream)
    }
    return commands
  }

  private mutating func receive(
    _ frame: WebSocketFrameScanner.Frame, into stream: inout TapStream, _ now: NIODeadline, _ commands: inout [Command]
  ) throws(SocketIOError) {
    guard !frame.isControl else { return Self.append(frame.unsent, to: &commands) }
    // A slice is taken over, not copied: most messages are one frame.
    if messageUnsent.readableBytes == 0 {
      messageUnsent = frame.unsent
    } else {
      messageUnsent.writeImmutableBuffer(frame.unsent)
    }
    isMessagePartlySent = isMessagePartlySent || frame.isPartlySent
    if isMessagePartlySent || stream.isEventPartlySent {
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
    var steps: [TapStream.Step] = []
    stream.receive(
      .init(
        isText: whole.isText, content: whole.content, piece: .frames(messageUnsent), isPartlySent: isMessagePartlySent,
        connection: connection), now: now, &steps)
    messageUnsent = ByteBuffer()
    isMessagePartlySent = false
    if !steps.isEmpty { commands += self.commands(steps) }
  }

  private static func append(_ bytes: ByteBuffer, to commands: inout [Command]) {
    if bytes.readableBytes > 0 { commands.append(.send(bytes)) }
  }
}
