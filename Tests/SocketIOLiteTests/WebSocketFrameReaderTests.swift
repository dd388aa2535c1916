import ComposeTesting
import NIOCore
import SocketIOLite
import Testing

@Suite("Cutting bytes into WebSocket frames", .kind(.logic))
struct WebSocketFrameReaderTests {
  /// An unmasked frame, as RFC 6455 §5.2 draws it.
  static func frame(_ payload: ByteBuffer) -> ByteBuffer {
    let length = payload.readableBytes
    var frame = ByteBuffer(bytes: [0x82])
    switch length {
    case ..<126: frame.writeInteger(UInt8(length))
    case ..<65_536: frame.writeMultipleIntegers(UInt8(126), UInt16(length))
    default: frame.writeMultipleIntegers(UInt8(127), UInt64(length))
    }
    frame.writeImmutableBuffer(payload)
    return frame
  }

  @Test(
    "Frames of every length form come out whole, however the bytes are cut, and stay what they were",
    arguments: [7, 1_000, 70_000, 1_000_000])
  func cuts(chunk: Int) throws {
    // Two large ones: the second may use the first one's room only when nobody holds it.
    let lengths = [0, 1, 125, 126, 127, 65_535, 65_536] + (chunk > 7 ? [140_000, 140_000] : [])
    let payloads = lengths.enumerated().map { ByteBuffer(repeating: UInt8($0 + 1), count: $1) }
    var bytes = ByteBuffer()
    for payload in payloads { bytes.writeImmutableBuffer(Self.frame(payload)) }
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    var held: [ByteBuffer] = []
    while var input = bytes.readSlice(length: min(chunk, bytes.readableBytes)), input.readableBytes > 0 {
      while let frame = try reader.next(&input) { held.append(frame.payload) }
      #expect(input.readableBytes == 0)
    }
    #expect(held == payloads)
  }

  @Test(
    "A large frame is read to where it stays, whatever the socket gives at a time, and the next one begins behind it")
  func lending() throws {
    let lengths = [200_000, 100, 1_000_000, 140_000, 65_536, 300_000]
    let payloads = lengths.enumerated().map { ByteBuffer(repeating: UInt8($0 + 1), count: $1) }
    for seed in 0..<20 {
      var bytes = payloads.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(Self.frame($1)) }
      var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
      var held: [ByteBuffer] = []
      var lent = 0
      while bytes.readableBytes > 0 {
        var input = ByteBuffer()
        if var room = reader.lend() {
          // As a socket: as much as there is room for, or less.
          let length = min(room.writableBytes, bytes.readableBytes, seed == 0 ? .max : Int.random(in: 1...400_000))
          let storage = room.withUnsafeReadableBytes { $0.baseAddress }
          if var part = bytes.readSlice(length: length) { room.writeBuffer(&part) }
          // Not copied to anywhere else.
          #expect(storage == room.withUnsafeReadableBytes { $0.baseAddress })
          reader.takeBack(room)
          lent += 1
        } else {
          input = bytes.readSlice(length: min(bytes.readableBytes, Int.random(in: 1...70_000))) ?? ByteBuffer()
        }
        while let frame = try reader.next(&input) { held.append(frame.payload) }
        #expect(input.readableBytes == 0)
      }
      #expect(held == payloads)
      #expect(lent >= 4)
      if seed % 2 == 0 { held = [] }
    }
  }

  @Test("A head that comes byte by byte is understood")
  func byteByByte() throws {
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    let payload = ByteBuffer(repeating: 7, count: 300)
    var held: [ByteBuffer] = []
    for byte in Self.frame(payload).readableBytesView {
      var input = ByteBuffer(integer: byte)
      while let frame = try reader.next(&input) { held.append(frame.payload) }
    }
    #expect(held == [payload])
  }

  @Test("A small frame keeps no more than 4 KB alive, however much was read at once")
  func smallRoom() throws {
    var input = ByteBufferAllocator().buffer(capacity: 256 << 10)
    for number in 0..<1_000 {
      input.writeImmutableBuffer(Self.frame(ByteBuffer(repeating: UInt8(number % 250), count: 200)))
    }
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    var count = 0
    while let frame = try reader.next(&input) {
      #expect(frame.payload == ByteBuffer(repeating: UInt8(count % 250), count: 200))
      #expect(frame.payload.storageCapacity <= 4 << 10)
      count += 1
    }
    #expect(count == 1_000)
  }

  @Test("Room that nobody holds any more is used again without mixing contents")
  func reuse() throws {
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    for (index, length) in [300_000, 200_000, 900_000, 150_000, 300_000].enumerated() {
      let payload = ByteBuffer(repeating: UInt8(index), count: length)
      var input = Self.frame(payload)
      let frame = try #require(try reader.next(&input))
      #expect(frame.payload == payload)
    }
  }

  @Test(
    "What no server may send is an error with its kind",
    arguments: [
      ([0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0], SocketIOError.Code.limitExceeded),
      ([0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .limitExceeded),
      ([0x81, 0x81, 1, 2, 3, 4, 5], .malformedPacket),
      ([0x89, 126, 0, 200], .malformedPacket),
      ([0x09, 0], .malformedPacket),
    ] as [([UInt8], SocketIOError.Code)])
  func refused(bytes: [UInt8], code: SocketIOError.Code) {
    for chunk in [1, bytes.count] {
      var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
      let error = #expect(throws: SocketIOError.self) {
        for start in stride(from: 0, to: bytes.count, by: chunk) {
          var input = ByteBuffer(bytes: bytes[start..<min(start + chunk, bytes.count)])
          _ = try reader.next(&input)
        }
      }
      #expect(error?.code == code)
    }
  }
}
