import NIOCore

/// What the kernel knows of a TCP connection, which is more, and earlier, than what has been read of it.
package struct TCPState: Sendable, Equatable {
  /// Whether neither side has ended it.
  package var isEstablished: Bool
  /// Whether nothing comes or goes any more: after the other side's end, because it reset the connection.
  var isOver = false
  /// How much of what was sent the other side's kernel has taken, in bytes since the beginning. What it has not taken nobody can read.
  package var takenBytes: UInt64
  /// How long ago something came in.
  var idle: TimeAmount

  package init(isEstablished: Bool, isOver: Bool = false, takenBytes: UInt64, idle: TimeAmount) {
    (self.isEstablished, self.isOver, self.takenBytes, self.idle) = (isEstablished, isOver, takenBytes, idle)
  }

  /// Must be called on the channel's event loop; nil where the kernel does not tell, which only Linux does.
  package static func of(_ channel: any Channel) -> TCPState? {
    #if os(Linux)
      guard let socket = channel as? any SocketOptionProvider else { return nil }
      var state: TCPState?
      // Answered at once on the socket's own event loop.
      socket.unsafeGetSocketOption(level: .tcp, name: option).assumeIsolated()
        .whenSuccess { (info: Info) in state = TCPState(info) }
      return state
    #else
      return nil
    #endif
  }
}

#if os(Linux)
  extension TCPState {
    /// `TCP_INFO`, and as many of the bytes behind it as are of use here. Source: linux/tcp.h, `struct tcp_info`.
    private static let option = NIOBSDSocket.Option(rawValue: 11)
    private typealias Info = SIMD16<UInt64>

    private init(_ info: Info) {
      // Of the states, TCP_ESTABLISHED is 1 and TCP_CLOSE 7.
      (isEstablished, isOver, takenBytes, idle) = withUnsafeBytes(of: info) { bytes in
        (
          bytes.load(as: UInt8.self) == 1, bytes.load(as: UInt8.self) == 7,
          bytes.load(fromByteOffset: 120, as: UInt64.self),
          .milliseconds(Int64(bytes.load(fromByteOffset: 52, as: UInt32.self)))
        )
      }
    }
  }
#endif
