import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One packet of Engine.IO 4. Source: https://github.com/socketio/engine.io-protocol
struct EngineIOPacket: Sendable {
  enum Kind: UInt8, Sendable {
    case open = 0x30
    case close, ping, pong, message, upgrade, noop
  }

  var kind: Kind
  var data: ByteBuffer

  /// Reads a text packet: one digit, then the data, which stays a slice of `text`.
  static func parse(_ text: ByteBuffer) throws(SocketIOError) -> EngineIOPacket {
    guard let digit = text.getInteger(at: text.readerIndex, as: UInt8.self) else {
      throw SocketIOError(.malformedPacket, "an Engine.IO packet is empty; it must start with a digit from 0 to 6")
    }
    guard let kind = Kind(rawValue: digit) else {
      throw SocketIOError(
        .malformedPacket, "an Engine.IO packet must start with a digit from 0 to 6", evidence: [quoted(text)])
    }
    var data = text
    data.moveReaderIndex(forwardBy: 1)
    return EngineIOPacket(kind: kind, data: data)
  }

  func encoded() -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: 1 + data.readableBytes)
    buffer.writeInteger(kind.rawValue)
    buffer.writeImmutableBuffer(data)
    return buffer
  }
}

/// What a server says of itself in its open packet.
package struct EngineIOHandshake: Sendable, Equatable {
  package var sid: String
  var upgrades: [String]
  /// Milliseconds between the server's pings.
  var pingInterval: Int
  /// Milliseconds after which a missing ping is a dead peer.
  var pingTimeout: Int
  /// Longest polling payload in bytes; servers before Engine.IO 6 do not say.
  var maxPayload: Int?

  private struct Wire: Decodable {
    var sid: String?
    var upgrades: [String]?
    var pingInterval: Int?
    var pingTimeout: Int?
    var maxPayload: Int?
  }

  static func parse(_ json: ByteBuffer) throws(SocketIOError) -> EngineIOHandshake {
    let wire: Wire
    do {
      wire = try SocketIOJSON.decode(Wire.self, from: json)
    } catch {
      throw SocketIOError(
        .malformedPacket, "the handshake is not the JSON object it should be", evidence: [quoted(json)])
    }
    guard let sid = wire.sid, !sid.isEmpty else { throw missing("sid", json) }
    guard let interval = wire.pingInterval, interval >= 0 else { throw missing("pingInterval", json) }
    guard let timeout = wire.pingTimeout, timeout > 0 else { throw missing("pingTimeout", json) }
    // A year, so that arithmetic on what a hostile server sends cannot overflow.
    let year = 31_536_000_000
    return EngineIOHandshake(
      sid: sid, upgrades: wire.upgrades ?? [], pingInterval: min(interval, year), pingTimeout: min(timeout, year),
      maxPayload: wire.maxPayload.flatMap { $0 > 0 ? $0 : nil })
  }

  private static func missing(_ field: String, _ json: ByteBuffer) -> SocketIOError {
    SocketIOError(.malformedPacket, "the handshake has no usable “\(field)”", evidence: [quoted(json)])
  }
}

/// A body of the polling transport: packets with 0x1E between them; a `b` marks base64 of a binary one.
package enum EngineIOPayload {
  package enum Part: Sendable {
    case text(ByteBuffer)
    case binary(ByteBuffer)
  }

  /// Keeps empty packets, also one behind a last separator: whoever reads them refuses them.
  package static func parse(_ body: ByteBuffer) throws(SocketIOError) -> [Part] {
    guard body.readableBytes > 0 else { return [] }
    var parts: [Part] = []
    var rest = body
    var isLast = false
    while !isLast {
      let view = rest.readableBytesView
      // NIO looks for a byte with memchr; `split` would compare one by one.
      let separator = view.firstIndex(of: 0x1E)
      isLast = separator == nil
      guard var packet = rest.readSlice(length: (separator ?? view.endIndex) - view.startIndex) else { break }
      if !isLast { rest.moveReaderIndex(forwardBy: 1) }
      guard packet.peekByte() == UInt8(ascii: "b") else {
        parts.append(.text(packet))
        continue
      }
      packet.moveReaderIndex(forwardBy: 1)
      guard let decoded = Data(base64Encoded: Data(packet.readableBytesView)) else {
        throw SocketIOError(
          .malformedPacket, "a binary packet of a polling payload is not base64", evidence: [quoted(packet)])
      }
      parts.append(.binary(ByteBuffer(bytes: decoded)))
    }
    return parts
  }

  package static func encode(_ parts: [Part]) -> ByteBuffer {
    var body = ByteBuffer()
    for (index, part) in parts.enumerated() {
      if index > 0 { body.writeInteger(UInt8(0x1E)) }
      switch part {
      case .text(let text): body.writeImmutableBuffer(text)
      case .binary(let bytes):
        body.writeInteger(UInt8(ascii: "b"))
        body.writeBytes(Data(bytes.readableBytesView).base64EncodedData())
      }
    }
    return body
  }
}
