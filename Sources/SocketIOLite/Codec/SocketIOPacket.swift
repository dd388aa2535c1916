import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One packet of Socket.IO 5 without its attachments. Source: https://github.com/socketio/socket.io-protocol
package struct SocketIOPacket: Sendable {
  package enum Kind: UInt8, Sendable {
    case connect = 0x30
    case disconnect, event, ack, connectError, binaryEvent, binaryAck
  }

  package var kind: Kind
  package var namespace: String = "/"
  package var id: Int?
  package var attachmentCount: Int = 0
  /// The JSON text, a slice of the message that it came in.
  package var data: ByteBuffer = ByteBuffer()

  package init(
    kind: Kind, namespace: String = "/", id: Int? = nil, attachmentCount: Int = 0, data: ByteBuffer = ByteBuffer()
  ) {
    (self.kind, self.namespace, self.id, self.attachmentCount, self.data) = (kind, namespace, id, attachmentCount, data)
  }

  /// Reads `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`; the JSON itself is not looked at.
  package static func parse(_ text: ByteBuffer, limits: SocketIOLimits = .init()) throws(SocketIOError)
    -> SocketIOPacket
  {
    if let event = plainEvent(text) { return event }
    var rest = text
    guard let digit = rest.readInteger(as: UInt8.self), let kind = Kind(rawValue: digit) else {
      throw malformed("a Socket.IO packet must start with a digit from 0 to 6", text)
    }
    var packet = SocketIOPacket(kind: kind)
    if kind == .binaryEvent || kind == .binaryAck {
      guard let count = try number(&rest, of: text), rest.readInteger(as: UInt8.self) == UInt8(ascii: "-") else {
        throw malformed("a binary packet must say how many attachments follow", text)
      }
      guard count <= limits.maxAttachments else {
        throw SocketIOError(
          .limitExceeded, "a packet announces \(count) attachments; at most \(limits.maxAttachments) are taken",
          evidence: [quoted(text)])
      }
      packet.attachmentCount = count
    }
    if rest.peekByte() == UInt8(ascii: "/") { packet.namespace = try readNamespace(&rest, of: text) }
    packet.id = try number(&rest, of: text)
    packet.data = rest
    packet.trim()
    try packet.check(text)
    return packet
  }

  /// The frequent case, an event of the main namespace that wants no answer: nothing is to be read before its array.
  private static func plainEvent(_ text: ByteBuffer) -> SocketIOPacket? {
    let isPlain = text.withUnsafeReadableBytes { bytes in
      bytes.count >= 3 && bytes[0] == Kind.event.rawValue && bytes[1] == 0x5B && bytes[bytes.count - 1] == 0x5D
    }
    guard isPlain else { return nil }
    var data = text
    data.moveReaderIndex(forwardBy: 1)
    return SocketIOPacket(kind: .event, data: data)
  }

  /// Takes white space off both ends, which JSON allows and which servers that write lines leave there.
  private mutating func trim() {
    guard let last = data.getInteger(at: data.writerIndex - 1, as: UInt8.self), let first = data.peekByte() else {
      return
    }
    guard first.isJSONSpace || last.isJSONSpace else { return }
    let view = data.readableBytesView
    let start = view.firstIndex { !$0.isJSONSpace } ?? view.endIndex
    let end = view.lastIndex { !$0.isJSONSpace }.map { $0 + 1 } ?? start
    data = data.getSlice(at: start, length: end - start) ?? data
  }

  /// What each kind must carry, so that later stages may rely on it.
  private func check(_ text: ByteBuffer) throws(SocketIOError) {
    let first = data.peekByte()
    switch kind {
    case .event, .binaryEvent, .ack, .binaryAck:
      let last = data.getInteger(at: data.writerIndex - 1, as: UInt8.self)
      guard first == UInt8(ascii: "["), last == UInt8(ascii: "]"), data.readableBytes >= 2 else {
        throw Self.malformed("the payload of an event or acknowledgement must be a JSON array", text)
      }
      if id == nil, kind == .ack || kind == .binaryAck {
        throw Self.malformed("an acknowledgement must have the id of what it answers", text)
      }
    case .connect, .connectError:
      // A server of version 2 refuses with a bare string.
      guard first == nil || first == UInt8(ascii: "{") || (kind == .connectError && first == UInt8(ascii: "\"")) else {
        throw Self.malformed("the payload of a connect packet must be a JSON object", text)
      }
    case .disconnect:
      guard first == nil else { throw Self.malformed("a disconnect packet has no payload", text) }
    }
  }

  package func encoded() -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: data.readableBytes + namespace.utf8.count + 24)
    encode(into: &buffer)
    return buffer
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.writeInteger(kind.rawValue)
    if kind == .binaryEvent || kind == .binaryAck { buffer.writeString("\(attachmentCount)-") }
    if namespace != "/" { buffer.writeString("\(namespace),") }
    if let id { buffer.writeString(String(id)) }
    buffer.writeImmutableBuffer(data)
  }

  private static func readNamespace(_ rest: inout ByteBuffer, of text: ByteBuffer) throws(SocketIOError) -> String {
    let view = rest.readableBytesView
    let end = view.firstIndex(of: UInt8(ascii: ",")) ?? view.endIndex
    let name = String(decoding: view[view.startIndex..<end], as: UTF8.self)
    rest.moveReaderIndex(forwardBy: min(end - view.startIndex + 1, rest.readableBytes))
    // Clients may append a query to the namespace; servers match the part before it.
    return name.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? name
  }

  /// Reads decimal digits; nil if there are none.
  private static func number(_ rest: inout ByteBuffer, of text: ByteBuffer) throws(SocketIOError) -> Int? {
    var value: Int?
    while let byte = rest.peekByte(), (0x30...0x39).contains(byte) {
      let (times10, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
      let (next, carry) = times10.addingReportingOverflow(Int(byte - 0x30))
      if overflow || carry { throw malformed("a number in the packet's head is too large", text) }
      value = next
      rest.moveReaderIndex(forwardBy: 1)
    }
    return value
  }

  static func malformed(_ message: String, _ text: ByteBuffer) -> SocketIOError {
    SocketIOError(.malformedPacket, message, evidence: [quoted(text)])
  }
}

extension UInt8 {
  /// Source: RFC 8259 §2.
  var isJSONSpace: Bool { self == 0x20 || (0x09...0x0A).contains(self) || self == 0x0D }
}

extension ByteBuffer {
  func peekByte() -> UInt8? { getInteger(at: readerIndex) }
}

/// Collects a packet's attachments, which follow it as binary messages, in order.
package struct PacketAssembler: Sendable {
  package struct Whole: Sendable {
    var packet: SocketIOPacket
    var attachments: [ByteBuffer]

    package init(packet: SocketIOPacket, attachments: [ByteBuffer]) {
      (self.packet, self.attachments) = (packet, attachments)
    }
  }

  private let limits: SocketIOLimits
  private var waiting: Whole?

  package init(limits: SocketIOLimits) { self.limits = limits }

  /// True while attachments of a packet are outstanding.
  var isWaiting: Bool { waiting != nil }

  package mutating func receive(text: ByteBuffer) throws(SocketIOError) -> Whole? {
    if let waiting {
      let missing = waiting.packet.attachmentCount - waiting.attachments.count
      self.waiting = nil
      throw SocketIOPacket.malformed("a text packet came while \(missing) attachments were outstanding", text)
    }
    let packet = try SocketIOPacket.parse(text, limits: limits)
    let whole = Whole(packet: packet, attachments: [])
    guard packet.attachmentCount > 0 else { return whole }
    waiting = whole
    return nil
  }

  mutating func receive(binary: ByteBuffer) throws(SocketIOError) -> Whole? {
    guard waiting != nil else {
      throw SocketIOError(
        .malformedPacket, "a binary message of \(binary.readableBytes) bytes belongs to no packet")
    }
    waiting?.attachments.append(binary)
    guard let whole = waiting, whole.attachments.count == whole.packet.attachmentCount else { return nil }
    waiting = nil
    return whole
  }
}
