import NIOCore

/// Cuts what a server sends into WebSocket frames, each with bytes of its own. Source: RFC 6455 §5.2.
///
/// NIO's decoder gathers reads in one growing buffer, which is copied when it grows and again when a consumer still holds
/// a frame of it. Here a frame's length is known from its head: its bytes are copied once, to where they stay, small ones
/// together. The socket's buffer is therefore free again after each read, and an event of 200 bytes keeps at most 4 KB alive.
package struct WebSocketFrameReader: Sendable {
  package struct Frame: Sendable {
    var isFinal: Bool
    var hasReservedBits: Bool
    var opcode: UInt8
    package var payload: ByteBuffer
    var isControl: Bool { opcode >= 8 }

    /// Takes a frame's first byte apart.
    package init(_ first: UInt8, _ payload: ByteBuffer) {
      isFinal = first & 0x80 != 0
      hasReservedBits = first & 0x70 != 0
      opcode = first & 0x0F
      self.payload = payload
    }
  }

  private struct Head {
    var first: UInt8
    var payloadLength: Int
  }

  let maxPayloadBytes: Int
  /// Small frames that were copied together: asking for memory for each, and giving it back on another thread, costs more.
  private var batch = ByteBuffer()
  /// The beginning of a head that the last read cut off, at most 9 bytes.
  private var cutHead = ByteBuffer()
  /// The frame that is being filled.
  private var open: (head: Head, payload: ByteBuffer)?
  /// Room of the last large frames: used again as soon as nobody else holds it.
  private var large: [ByteBuffer] = []
  private var largeBytes = 0

  package init(maxPayloadBytes: Int) { self.maxPayloadBytes = maxPayloadBytes }

  /// The next frame that ends in `input`, from which what was understood is taken; nil if there is none.
  ///
  /// Throws `limitExceeded` for a frame that is announced longer than the limit, before room is made for it.
  package mutating func next(_ input: inout ByteBuffer) throws(SocketIOError) -> Frame? {
    if open == nil {
      if batch.readableBytes == 0, cutHead.readableBytes == 0 { fillBatch(&input) }
      if batch.readableBytes > 0 { return try readBatch() }
      guard let head = try readHead(&input) else { return nil }
      open = (head, makeRoom(for: head.payloadLength))
    }
    guard let head = open?.head, let missing = open.map({ $0.head.payloadLength - $0.payload.readableBytes }) else {
      return nil
    }
    if let part = input.readSlice(length: min(missing, input.readableBytes)) {
      open?.payload.writeImmutableBuffer(part)
    }
    guard let payload = open?.payload, payload.readableBytes == head.payloadLength else { return nil }
    open = nil
    keep(payload)
    return Frame(head.first, payload)
  }

  /// What was taken from the input behind the frame that `next` gave last, and not been given: for whoever reads on instead.
  mutating func takeUnread() -> ByteBuffer {
    defer { batch = ByteBuffer() }
    return batch
  }

  // MARK: Large frames

  /// So much must be missing of a frame that lending its room is worth the trouble.
  private static let lentLength = 64 << 10

  /// Gives away the frame that is being filled, for the rest of it to be read there; nil if little is missing, or there is no frame.
  package mutating func lend() -> ByteBuffer? {
    guard let head = open?.head, let payload = open?.payload, payload.capacity >= head.payloadLength,
      head.payloadLength - payload.readableBytes >= Self.lentLength
    else { return nil }
    open?.payload = ByteBuffer()
    // Just as long as the frame: what comes behind it is not read there.
    var room = payload
    let (start, end) = (room.readerIndex, room.writerIndex)
    room.moveWriterIndex(to: start + head.payloadLength)
    guard var exact = room.getSlice(at: start, length: head.payloadLength) else { return nil }
    exact.moveWriterIndex(to: end - start)
    return exact
  }

  /// Takes back what `lend` gave.
  package mutating func takeBack(_ bytes: ByteBuffer) { open?.payload = bytes }

  // MARK: Small frames

  private static let batchLength = 4 << 10

  /// Copies the small frames that `input` begins with and that are whole.
  private mutating func fillBatch(_ input: inout ByteBuffer) {
    let length = input.withUnsafeReadableBytes { bytes in
      var end = 0
      // Anything unusual ends the batch: it is looked at, and refused, by itself.
      while end + 4 <= bytes.count {
        var next = end + 2
        switch bytes[end + 1] {
        case 0...125: next += Int(bytes[end + 1])
        case 126: next += 2 + Int(bytes[end + 2]) << 8 + Int(bytes[end + 3])
        default: return end
        }
        guard next <= min(bytes.count, Self.batchLength) else { return end }
        end = next
      }
      return end
    }
    guard length > 0, let frames = input.readSlice(length: length) else { return }
    batch = ByteBufferAllocator().buffer(capacity: length)
    batch.writeImmutableBuffer(frames)
  }

  private mutating func readBatch() throws(SocketIOError) -> Frame? {
    guard let head = try parseHead(&batch), let payload = batch.readSlice(length: head.payloadLength) else {
      return nil
    }
    if batch.readableBytes == 0 { batch = ByteBuffer() }
    return Frame(head.first, payload)
  }

  // MARK: Room

  /// Up to this length a frame's announcement is believed; longer ones grow by doubling, as their bytes arrive.
  private static let trustedLength = 4 << 20
  /// From this length on the system's allocator gives pages back and asks for them again, which costs more than a copy.
  private static let largeLength = 32 << 10
  /// Room that is kept for use again: three messages of a megabyte, or fifty of 64 KB, when consumers are that far behind.
  private static let keptBytes = 6 << 20

  private mutating func makeRoom(for length: Int) -> ByteBuffer {
    if length >= Self.largeLength {
      for index in large.indices where large[index].modifyIfUniquelyOwned({ $0.clear() }) != nil {
        var buffer = large.remove(at: index)
        largeBytes -= buffer.storageCapacity
        buffer.reserveCapacity(min(length, Self.trustedLength))
        return buffer
      }
    }
    return ByteBufferAllocator().buffer(capacity: min(length, Self.trustedLength))
  }

  private mutating func keep(_ payload: ByteBuffer) {
    guard (Self.largeLength...Self.trustedLength).contains(payload.storageCapacity) else { return }
    large.append(payload)
    largeBytes += payload.storageCapacity
    while largeBytes > Self.keptBytes { largeBytes -= large.removeFirst().storageCapacity }
  }

  // MARK: Heads

  private mutating func readHead(_ input: inout ByteBuffer) throws(SocketIOError) -> Head? {
    if cutHead.readableBytes == 0 {
      if let head = try parseHead(&input) { return head }
      cutHead = ByteBuffer(bytes: input.readableBytesView)
      input.moveReaderIndex(to: input.writerIndex)
      return nil
    }
    while let byte = input.readInteger(as: UInt8.self) {
      cutHead.writeInteger(byte)
      if let head = try parseHead(&cutHead) { return head }
    }
    return nil
  }

  /// Takes a head from the front of `bytes`; nil, and nothing taken, if it is not all there.
  private func parseHead(_ bytes: inout ByteBuffer) throws(SocketIOError) -> Head? {
    let start = bytes.readerIndex
    guard let (first, second) = bytes.getMultipleIntegers(at: start, as: (UInt8, UInt8).self) else { return nil }
    guard second & 0x80 == 0 else {
      throw SocketIOError(
        .malformedPacket, "the server masked a WebSocket frame, which only clients do", evidence: [quoted(bytes)])
    }
    var payloadLength = Int(second)
    var headLength = 2
    switch second {
    case 126:
      guard let length = bytes.getInteger(at: start + 2, as: UInt16.self) else { return nil }
      (payloadLength, headLength) = (Int(length), 4)
    case 127:
      guard let length = bytes.getInteger(at: start + 2, as: UInt64.self) else { return nil }
      (payloadLength, headLength) = (Int(clamping: length), 10)
    default: break
    }
    guard first & 0x08 == 0 || (second <= 125 && first & 0x80 != 0) else {
      throw SocketIOError(
        .malformedPacket, "a WebSocket control frame is longer than 125 bytes or in parts", evidence: [quoted(bytes)])
    }
    guard payloadLength <= maxPayloadBytes else {
      throw SocketIOError(
        .limitExceeded, "the server announced a frame of \(payloadLength) bytes; at most \(maxPayloadBytes) are taken")
    }
    bytes.moveReaderIndex(forwardBy: headLength)
    return Head(first: first, payloadLength: payloadLength)
  }
}
