import NIOCore

/// Events of the main namespace that are called like the one before, which most of a burst is: whether a message is one of them, a
/// look at its beginning and end tells, and nothing is taken apart.
///
/// Any other message may change what an event means, so that this is asked for anew after each.
package struct PlainEvents: Sendable {
  /// Has neither quotes nor backslashes: it stands in a message as it is.
  let name: String
  let arrival: SocketIOEvent.Arrival
  let maxDepth: Int

  /// The event that a frame is; nil if it is for the session to read. Throws `limitExceeded` as the session does.
  package func event(_ frame: WebSocketFrameReader.Frame) throws(SocketIOError) -> SocketIOEvent? {
    guard frame.opcode == 1, frame.isFinal, !frame.hasReservedBits else { return nil }
    var array = frame.payload
    guard let offset = array.withUnsafeReadableBytes(argumentsOffset) else { return nil }
    array.moveReaderIndex(forwardBy: 2)
    try JSONScan.checkDepth(array, limit: maxDepth)
    return SocketIOEvent(array, name: name, argumentsOffset: offset, arrival: arrival)
  }

  /// Where the arguments of `42["name",…]` begin, counted from the bracket; nil if this is something else.
  private func argumentsOffset(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let end = 4 + name.utf8.count
    guard bytes.count > end + 1, bytes[0] == EngineIOPacket.Kind.message.rawValue,
      bytes[1] == SocketIOPacket.Kind.event.rawValue, bytes[2] == 0x5B, bytes[3] == 0x22,
      JSONScan.isEqual(UnsafeRawBufferPointer(rebasing: bytes[4..<end]), name), bytes[end] == 0x22,
      bytes[bytes.count - 1] == 0x5D
    else { return nil }
    switch bytes[end + 1] {
    case 0x2C: return end
    case 0x5D: return end - 1
    default: return nil
    }
  }
}
