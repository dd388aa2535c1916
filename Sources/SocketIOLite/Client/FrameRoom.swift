import NIOCore
import NIOSSL

/// Room of a large frame that is being received, lent to the socket: it reads to where the bytes stay, and nothing is copied.
final class FrameRoom {
  /// What waits for the next read: the part of the frame that is there, with room for the rest and for nothing else.
  private var lent: ByteBuffer?
  /// Whether the socket has it.
  private var isTaken = false
  /// Whether the socket took it and read nothing, with which it is gone. Linux and macOS announce nothing that they do not have.
  private var isLost = false

  /// Lends the room of a frame; it must come back by `takeBack` with the next bytes, or without any.
  func lend(_ bytes: ByteBuffer?) { lent = bytes }

  /// What was lent, with `input` behind it if it was read there; nil if nothing was, and `input` is all that came.
  func takeBack(_ input: inout ByteBuffer) throws(SocketIOError) -> ByteBuffer? {
    guard !isLost else {
      throw SocketIOError(.disconnected, "the system announced bytes of a frame and had none: the frame is lost")
    }
    if isTaken {
      isTaken = false
      defer { input = ByteBuffer() }
      return input
    }
    defer { lent = nil }
    return lent
  }

  /// Asked before each read: whether there is room for it.
  fileprivate func isLendingNow() -> Bool {
    // The read before this one brought nothing.
    if isTaken { isLost = true }
    return lent != nil
  }

  /// Only what nobody else holds: otherwise the socket would read to a copy.
  fileprivate func take() -> ByteBuffer? {
    guard lent?.modifyIfUniquelyOwned({ _ in }) != nil, let bytes = lent else { return nil }
    lent = nil
    isTaken = true
    return bytes
  }

  /// Has the socket of `channel` read to lent room, unless there is something between, such as TLS.
  static func install(_ room: FrameRoom, on channel: any Channel) {
    guard let options = channel.syncOptions,
      (try? channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)) == nil
    else { return }
    // One read at a time: NIO keeps as many buffers for use again, and one that it keeps is not the frame's alone.
    try? options.setOption(.maxMessagesPerRead, value: 1)
    try? options.setOption(
      .recvAllocator, value: Allocator(room: NIOLoopBound(room, eventLoop: channel.eventLoop)))
  }

  private struct Allocator: RecvByteBufferAllocator {
    let room: NIOLoopBound<FrameRoom>
    var ordinary = Dialer.reads

    /// Nil makes NIO ask for a buffer.
    func nextBufferSize() -> Int? { room.value.isLendingNow() ? nil : ordinary.nextBufferSize() }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
      room.value.take() ?? ordinary.buffer(allocator: allocator)
    }

    /// True makes NIO ask, where it has no size, instead of using its own buffer.
    mutating func record(actualReadBytes: Int) -> Bool {
      if !room.value.isTaken { _ = ordinary.record(actualReadBytes: actualReadBytes) }
      return true
    }
  }
}
