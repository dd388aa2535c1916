import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Understands one direction of a tapped session: messages in, what they mean out.
struct TapDecoder: Sendable {
  enum Meaning: Sendable {
    /// A packet of Engine.IO itself: it passes whatever the rules say.
    case transport(EngineIOPacket)
    /// The beginning of an event whose attachments follow.
    case incomplete
    case whole(TapRecord.Kind, SocketIOEvent)
  }

  private var assembler: PacketAssembler
  /// The last event's name, if it was written as it is read: most events are called like the one before, and share it.
  private var lastName = ""

  init(limits: SocketIOLimits) { assembler = PacketAssembler(limits: limits) }

  mutating func receive(text: ByteBuffer, _ arrival: SocketIOEvent.Arrival) throws(SocketIOError) -> Meaning {
    let packet = try EngineIOPacket.parse(text)
    guard packet.kind == .message else { return .transport(packet) }
    guard let whole = try assembler.receive(text: packet.data.ownMemory()) else { return .incomplete }
    return try meaning(of: whole, arrival)
  }

  mutating func receive(binary: ByteBuffer, _ arrival: SocketIOEvent.Arrival) throws(SocketIOError) -> Meaning {
    guard let whole = try assembler.receive(binary: binary.ownMemory()) else { return .incomplete }
    return try meaning(of: whole, arrival)
  }

  private mutating func meaning(
    of whole: PacketAssembler.Whole, _ arrival: SocketIOEvent.Arrival
  ) throws(SocketIOError) -> Meaning {
    let kind: TapRecord.Kind =
      switch whole.packet.kind {
      case .event, .binaryEvent: .event
      case .ack, .binaryAck: .acknowledgement
      case .connect: .connect
      case .connectError: .connectError
      case .disconnect: .disconnect
      }
    let event = try SocketIOEvent(observed: whole, arrival, likelyName: lastName)
    if event.name != lastName { lastName = event.name.utf8.contains(0x5C) ? "" : event.name }
    return .whole(kind, event)
  }
}

extension ByteBuffer {
  /// The bytes in memory of their own if they are a small part of what they came in: a record that is kept would keep all of it.
  ///
  /// Long ones may stay where they were read, with what came before and behind them: that is traffic which is recorded, too.
  func ownMemory() -> ByteBuffer {
    let isLong = readableBytes >= 16_384 && readableBytes >= storageCapacity / 64
    guard storageCapacity > 2 * readableBytes + 64, !isLong else { return self }
    var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
    copy.writeImmutableBuffer(self)
    return copy
  }
}

extension SocketIOEvent {
  /// As `init(_:)`, and for packets that are no event an object with the packet's JSON as its only argument.
  init(observed whole: PacketAssembler.Whole, _ arrival: Arrival, likelyName: String) throws(SocketIOError) {
    switch whole.packet.kind {
    case .event, .binaryEvent, .ack, .binaryAck: try self.init(whole, arrival: arrival, likelyName: likelyName)
    case .connect, .connectError, .disconnect:
      var array = ByteBuffer(string: "[")
      array.writeImmutableBuffer(whole.packet.data)
      array.writeString("]")
      var packet = whole.packet
      packet.kind = .ack
      packet.data = array
      try self.init(PacketAssembler.Whole(packet: packet, attachments: []), arrival: arrival)
    }
  }
}
