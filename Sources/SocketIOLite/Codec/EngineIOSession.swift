import NIOCore

/// The client's side of one Engine.IO 4 connection, without a socket: messages in, what to do out.
package struct EngineIOSession: Sendable {
  package enum Action: Sendable {
    case nothing
    /// The server said hello: connect the namespaces.
    case opened(EngineIOHandshake)
    /// A Socket.IO packet.
    case text(ByteBuffer)
    /// An attachment.
    case binary(ByteBuffer)
    /// Send this text back at once.
    case reply(ByteBuffer)
    /// The server ends the connection.
    case closed
  }

  package private(set) var handshake: EngineIOHandshake?

  package init() {}

  package mutating func receive(text: ByteBuffer) throws(SocketIOError) -> Action {
    // The frequent case first, without building a packet.
    if text.peekByte() == EngineIOPacket.Kind.message.rawValue, handshake != nil {
      var data = text
      data.moveReaderIndex(forwardBy: 1)
      return .text(data)
    }
    let packet = try EngineIOPacket.parse(text)
    switch packet.kind {
    case .open:
      guard handshake == nil else { throw SocketIOPacket.malformed("the server opened the connection twice", text) }
      let handshake = try EngineIOHandshake.parse(packet.data)
      self.handshake = handshake
      return .opened(handshake)
    case .message, .ping, .upgrade, .noop, .pong:
      guard handshake != nil else {
        throw SocketIOPacket.malformed("the server's first packet must be its handshake (0{…})", text)
      }
      guard packet.kind == .ping else { return .nothing }
      return .reply(EngineIOPacket(kind: .pong, data: packet.data).encoded())
    case .close: return .closed
    }
  }

  mutating func receive(binary: ByteBuffer) throws(SocketIOError) -> Action {
    guard handshake != nil else {
      throw SocketIOError(
        .malformedPacket, "a binary message of \(binary.readableBytes) bytes came before the handshake")
    }
    return .binary(binary)
  }

  /// How long silence may last before the server counts as dead.
  var patience: TimeAmount {
    guard let handshake else { return .hours(1) }
    return .milliseconds(Int64(handshake.pingInterval) + Int64(handshake.pingTimeout))
  }
}
