import NIOCore
import NIOWebSocket

/// Joins WebSocket frames to messages, within a limit. Source: RFC 6455 §5.4.
struct WebSocketMessageAssembler {
  enum Message {
    case text(ByteBuffer)
    case binary(ByteBuffer)
  }

  let maxMessageBytes: Int
  private var begun: (isText: Bool, bytes: ByteBuffer)?

  init(maxMessageBytes: Int) { self.maxMessageBytes = maxMessageBytes }

  mutating func receive(_ frame: WebSocketFrame) throws(SocketIOError) -> Message? {
    // A server never masks (RFC 6455 §5.1), so its bytes can be used in place.
    let data = frame.maskKey == nil ? frame.data : frame.unmaskedData
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      throw SocketIOError(
        .malformedPacket, "a WebSocket frame uses an extension that was never agreed on", evidence: [quoted(data)])
    }
    if frame.opcode == .continuation {
      guard var message = begun else {
        throw SocketIOError(.malformedPacket, "a WebSocket continuation continues nothing", evidence: [quoted(data)])
      }
      begun = nil
      guard message.bytes.readableBytes + data.readableBytes <= maxMessageBytes else {
        throw SocketIOError(.limitExceeded, "a message in several frames is longer than \(maxMessageBytes) bytes")
      }
      message.bytes.writeImmutableBuffer(data)
      if frame.fin { return message.isText ? .text(message.bytes) : .binary(message.bytes) }
      begun = message
      return nil
    }
    guard begun == nil else {
      throw SocketIOError(.malformedPacket, "a WebSocket message began inside another", evidence: [quoted(data)])
    }
    if frame.fin { return frame.opcode == .text ? .text(data) : .binary(data) }
    begun = (frame.opcode == .text, data)
    return nil
  }
}
