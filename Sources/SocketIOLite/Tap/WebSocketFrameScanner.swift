import NIOCore
import NIOWebSocket

/// Cuts a stream of bytes into WebSocket frames and keeps each frame's own bytes beside its content. RFC 6455 §5.2.
///
/// NIO's decoder gives the content only; a tap must also know where a frame lies in the stream, because it forwards bytes
/// that it has not finished reading, and must be able to go on when it cannot make sense of them.
package struct WebSocketFrameScanner: Sendable {
  package struct Frame: Sendable {
    var isLast: Bool
    var opcode: UInt8
    /// Unmasked.
    package var payload: ByteBuffer
    /// The frame's bytes that have not been forwarded yet.
    package var unsent: ByteBuffer
    /// Whether a part of the frame was forwarded before it was whole.
    var isPartlySent: Bool
    var isControl: Bool { opcode >= 8 }
  }

  let maxPayloadBytes: Int
  /// Bytes in which no frame was begun.
  private var buffer = ByteBuffer()
  /// A frame that is being received, in memory for all of it: its bytes are copied once, and a record that keeps them keeps no others.
  private var begun = ByteBuffer()
  private var begunHead: Header?
  /// How many bytes at the front of `begun` and `buffer` have been forwarded.
  private var sent = 0
  /// So much memory is taken for a frame because it announces it; more once it comes.
  private static let maxTrustedBytes = 1_048_576

  package init(maxPayloadBytes: Int) { self.maxPayloadBytes = maxPayloadBytes }

  private var count: Int { begun.readableBytes + buffer.readableBytes }
  var hasUnsentBytes: Bool { count > sent }

  package mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  mutating func markAllSent() { sent = count }

  /// Everything that has not been forwarded; the scanner is empty afterwards.
  mutating func takeUnsent() -> ByteBuffer {
    var rest = begun
    rest.writeImmutableBuffer(buffer)
    rest.moveReaderIndex(forwardBy: sent)
    (begun, begunHead, buffer, sent) = (ByteBuffer(), nil, ByteBuffer(), 0)
    return rest
  }

  /// The next whole frame; nil if there is none yet. Throws if these bytes are no frames that can be understood.
  package mutating func next() throws(SocketIOError) -> Frame? {
    if let begunHead { return continued(begunHead) }
    guard let head = try header() else { return nil }
    let length = head.length + head.payloadLength
    if let raw = buffer.readSlice(length: length) {
      if buffer.readableBytes == 0 { buffer = ByteBuffer() }
      return frame(head, raw)
    }
    begunHead = head
    begun = ByteBufferAllocator().buffer(capacity: min(length, Self.maxTrustedBytes))
    return continued(head)
  }

  private mutating func continued(_ head: Header) -> Frame? {
    let length = head.length + head.payloadLength
    let missing = length - begun.readableBytes
    if let part = buffer.readSlice(length: min(missing, buffer.readableBytes)) { begun.writeImmutableBuffer(part) }
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    guard begun.readableBytes == length else { return nil }
    let bytes = begun
    (begun, begunHead) = (ByteBuffer(), nil)
    return frame(head, bytes)
  }

  private mutating func frame(_ head: Header, _ bytes: ByteBuffer) -> Frame {
    let sentHere = min(sent, bytes.readableBytes)
    sent -= sentHere
    var payload = bytes
    payload.moveReaderIndex(forwardBy: head.length)
    if let mask = head.mask { payload.webSocketUnmask(mask) }
    var unsent = ByteBuffer()
    if sentHere < bytes.readableBytes {
      unsent = bytes
      unsent.moveReaderIndex(forwardBy: sentHere)
    }
    return Frame(
      isLast: head.isLast, opcode: head.opcode, payload: payload, unsent: unsent, isPartlySent: sentHere > 0)
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
  package static func frame(opcode: UInt8, _ payload: ByteBuffer, masked: Bool) -> ByteBuffer {
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
