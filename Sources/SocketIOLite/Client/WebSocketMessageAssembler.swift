import NIOCore

/// Joins WebSocket frames to messages, within a limit. Source: RFC 6455 §5.4.
struct WebSocketMessageAssembler {
  enum Message {
    case text(ByteBuffer)
    case binary(ByteBuffer)
  }

  let maxMessageBytes: Int
  private var begun: (isText: Bool, bytes: ByteBuffer)?

  /// Whether a message has begun and is not whole.
  var isWithinMessage: Bool { begun != nil }

  init(maxMessageBytes: Int) { self.maxMessageBytes = maxMessageBytes }

  /// Takes a frame that is no control frame; returns the message that it completes.
  mutating func receive(_ frame: WebSocketFrameReader.Frame) throws(SocketIOError) -> Message? {
    let data = frame.payload
    guard !frame.hasReservedBits else {
      throw SocketIOError(
        .malformedPacket, "a WebSocket frame uses an extension that was never agreed on", evidence: [quoted(data)])
    }
    if frame.opcode == 0 {
      guard var message = begun else {
        throw SocketIOError(.malformedPacket, "a WebSocket continuation continues nothing", evidence: [quoted(data)])
      }
      begun = nil
      guard message.bytes.readableBytes + data.readableBytes <= maxMessageBytes else {
        throw SocketIOError(.limitExceeded, "a message in several frames is longer than \(maxMessageBytes) bytes")
      }
      message.bytes.writeImmutableBuffer(data)
      if frame.isFinal { return message.isText ? .text(message.bytes) : .binary(message.bytes) }
      begun = message
      return nil
    }
    guard begun == nil else {
      throw SocketIOError(.malformedPacket, "a WebSocket message began inside another", evidence: [quoted(data)])
    }
    let isText = frame.opcode == 1
    if frame.isFinal { return isText ? .text(data) : .binary(data) }
    begun = (isText, data)
    return nil
  }
}
