import NIOCore
import NIOWebSocket

/// Cuts a stream of bytes into WebSocket frames and keeps each frame's own bytes beside its content. RFC 6455 §5.2.
///
/// NIO's decoder gives the content only; a tap must also know where a frame lies in the stream, because it forwards bytes
/// that it has not finished reading, and must be able to go on when it cannot make sense of them.
struct WebSocketFrameScanner: Sendable {
  struct Frame: Sendable {
    var isLast: Bool
    var opcode: UInt8
    /// Unmasked.
    var payload: ByteBuffer
    /// The frame's bytes that have not been forwarded yet.
    var unsent: ByteBuffer
    /// Whether a part of the frame was forwarded before it was whole.
    var isPartlySent: Bool
    var isControl: Bool { opcode >= 8 }
  }

  let maxPayloadBytes: Int
  private var buffer = ByteBuffer()
  /// How many bytes at the front of `buffer` have been forwarded.
  private var sent = 0

  init(maxPayloadBytes: Int) { self.maxPayloadBytes = maxPayloadBytes }

  var hasUnsentBytes: Bool { buffer.readableBytes > sent }

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  mutating func markAllSent() { sent = buffer.readableBytes }

  /// Everything that has not been forwarded; the scanner is empty afterwards.
  mutating func takeUnsent() -> ByteBuffer {
    var rest = buffer
    rest.moveReaderIndex(forwardBy: sent)
    buffer = ByteBuffer()
    sent = 0
    return rest
  }

  /// The next whole frame; nil if there is none yet. Throws if these bytes are no frames that can be understood.
  mutating func next() throws(SocketIOError) -> Frame? {
    guard let head = try header(), buffer.readableBytes >= head.length + head.payloadLength else { return nil }
    let frameLength = head.length + head.payloadLength
    guard var raw = buffer.readSlice(length: frameLength) else { return nil }
    var payload = raw
    payload.moveReaderIndex(forwardBy: head.length)
    if let mask = head.mask { payload.webSocketUnmask(mask) }
    let sentHere = min(sent, frameLength)
    raw.moveReaderIndex(forwardBy: sentHere)
    sent -= sentHere
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    return Frame(
      isLast: head.isLast, opcode: head.opcode, payload: payload, unsent: raw, isPartlySent: sentHere > 0)
  }

  private struct Header {
    var length: Int
    var payloadLength: Int
    var isLast: Bool
    var opcode: UInt8
    var mask: WebSocketMaskingKey?
  }

  private func header() throws(SocketIOError) -> Header? {
    var rest = buffer
    guard let first = rest.readInteger(as: UInt8.self), let second = rest.readInteger(as: UInt8.self) else {
      return nil
    }
    guard first & 0x70 == 0 else {
      throw SocketIOError(
        .malformedPacket, "a WebSocket frame uses an extension", evidence: [quoted(buffer, limit: 16)])
    }
    var length = Int(second & 0x7F)
    if length == 126 {
      guard let long = rest.readInteger(as: UInt16.self) else { return nil }
      length = Int(long)
    } else if length == 127 {
      guard let long = rest.readInteger(as: UInt64.self) else { return nil }
      length = Int(clamping: long)
    }
    guard length <= maxPayloadBytes else {
      throw SocketIOError(
        .limitExceeded, "a WebSocket frame announces \(length) bytes; at most \(maxPayloadBytes) are read")
    }
    var mask: WebSocketMaskingKey?
    if second & 0x80 != 0 {
      guard let bytes = rest.readBytes(length: 4) else { return nil }
      mask = WebSocketMaskingKey(bytes)
    }
    return Header(
      length: buffer.readableBytes - rest.readableBytes, payloadLength: length, isLast: first & 0x80 != 0,
      opcode: first & 0x0F, mask: mask)
  }

  /// One whole frame, masked at random if a client is to have sent it.
  static func frame(opcode: UInt8, _ payload: ByteBuffer, masked: Bool) -> ByteBuffer {
    var frame = ByteBufferAllocator().buffer(capacity: payload.readableBytes + 14)
    let maskBit: UInt8 = masked ? 0x80 : 0
    frame.writeInteger(0x80 | opcode)
    switch payload.readableBytes {
    case 0..<126: frame.writeInteger(maskBit | UInt8(payload.readableBytes))
    case 126...0xFFFF:
      frame.writeInteger(maskBit | 126)
      frame.writeInteger(UInt16(payload.readableBytes))
    default:
      frame.writeInteger(maskBit | 127)
      frame.writeInteger(UInt64(payload.readableBytes))
    }
    guard masked else {
      frame.writeImmutableBuffer(payload)
      return frame
    }
    let mask = WebSocketMaskingKey.random()
    frame.writeBytes(mask)
    var content = payload
    content.webSocketMask(mask)
    frame.writeImmutableBuffer(content)
    return frame
  }
}
