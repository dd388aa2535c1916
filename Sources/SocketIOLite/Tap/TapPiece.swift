import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A message on its way through a tap, in the bytes that it came in until another transport wants it otherwise.
package enum TapPiece: Sendable, Hashable {
  /// WebSocket frames as they came; empty if they have left already.
  case frames(ByteBuffer)
  /// A packet of a polling payload as it came: text, or a `b` with base64 behind it.
  case packet(ByteBuffer)
  /// Made by a rule.
  case made(isText: Bool, ByteBuffer)

  var byteCount: Int {
    switch self {
    case .frames(let bytes), .packet(let bytes), .made(_, let bytes): bytes.readableBytes
    }
  }

  /// The bytes for a WebSocket; masked if they go to a server.
  func frames(masked: Bool) -> ByteBuffer {
    switch self {
    case .frames(let bytes): bytes
    case .made(let isText, let bytes): WebSocketFrameScanner.frame(opcode: isText ? 1 : 2, bytes, masked: masked)
    case .packet(let bytes):
      // Held while the session polled, due after its upgrade.
      switch Self.content(of: bytes) {
      case (let isText, let content?): WebSocketFrameScanner.frame(opcode: isText ? 1 : 2, content, masked: masked)
      case (_, nil): WebSocketFrameScanner.frame(opcode: 1, bytes, masked: masked)
      }
    }
  }

  /// The packet for a polling payload; nil for frames, since a session that was upgraded polls no more.
  var packet: ByteBuffer? {
    switch self {
    case .frames: return nil
    case .packet(let bytes), .made(true, let bytes): return bytes
    case .made(false, let bytes):
      var packet = ByteBuffer(string: "b")
      packet.writeBytes(Data(bytes.readableBytesView).base64EncodedData())
      return packet
    }
  }

  /// What a packet of a polling payload says; nil if its base64 is none.
  static func content(of packet: ByteBuffer) -> (isText: Bool, ByteBuffer?) {
    guard packet.peekByte() == UInt8(ascii: "b") else { return (true, packet) }
    let base64 = Data(packet.readableBytesView.dropFirst())
    return (false, Data(base64Encoded: base64).map { ByteBuffer(bytes: $0) })
  }
}

/// A body of the polling transport: packets with 0x1E between.
enum TapPayload {
  /// The packets as they stand, empty ones too: what is joined again is what came.
  static func split(_ body: ByteBuffer) -> [ByteBuffer] {
    guard body.readableBytes > 0 else { return [] }
    var packets: [ByteBuffer] = []
    var rest = body
    while true {
      let view = rest.readableBytesView
      guard let separator = view.firstIndex(of: 0x1E), let packet = rest.readSlice(length: separator - view.startIndex)
      else {
        packets.append(rest)
        return packets
      }
      packets.append(packet)
      rest.moveReaderIndex(forwardBy: 1)
    }
  }

  static func join(_ packets: some Sequence<ByteBuffer>) -> ByteBuffer {
    var body = ByteBuffer()
    for (index, packet) in packets.enumerated() {
      if index > 0 { body.writeInteger(UInt8(0x1E)) }
      body.writeImmutableBuffer(packet)
    }
    return body
  }
}
