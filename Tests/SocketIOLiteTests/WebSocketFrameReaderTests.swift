import NIOCore
import Testing

@testable import SocketIOLite

@Suite("Cutting bytes into WebSocket frames")
struct WebSocketFrameReaderTests {
  /// An unmasked frame, as RFC 6455 §5.2 draws it.
  static func frame(_ payload: [UInt8], opcode: UInt8 = 2) -> [UInt8] {
    let length = payload.count
    var head: [UInt8] = [0x80 | opcode]
    switch length {
    case ..<126: head.append(UInt8(length))
    case ..<65_536: head += [126, UInt8(length >> 8), UInt8(length & 0xFF)]
    default: head += [127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
    }
    return head + payload
  }

  @Test(
    "Frames of every length form come out whole, however the bytes are cut, and stay what they were",
    arguments: [1, 3, 1_000, 70_000, 1_000_000])
  func cuts(chunk: Int) throws {
    // Two large lengths twice: the second may use the first one's room only when nobody holds it.
    let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, chunk > 3 ? 200_000 : 300, chunk > 3 ? 200_000 : 300]
    let payloads = lengths.enumerated().map { [UInt8](repeating: UInt8($0 + 1), count: $1) }
    let bytes = payloads.flatMap { Self.frame($0) }
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    var held: [ByteBuffer] = []
    for start in stride(from: 0, to: bytes.count, by: chunk) {
      var input = ByteBuffer(bytes: bytes[start..<min(start + chunk, bytes.count)])
      while let frame = try reader.next(&input) { held.append(frame.payload) }
      #expect(input.readableBytes == 0)
    }
    #expect(held.map(\.readableBytes) == lengths)
    #expect(zip(held, payloads).allSatisfy { Array($0.readableBytesView) == $1 })
  }

  @Test("Room that nobody holds any more is used again without mixing contents")
  func reuse() throws {
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000_000)
    for (index, length) in [300_000, 200_000, 900_000, 150_000, 300_000].enumerated() {
      let payload = [UInt8](repeating: UInt8(index), count: length)
      var input = ByteBuffer(bytes: Self.frame(payload))
      let frame = try #require(try reader.next(&input))
      #expect(frame.payload.readableBytesView.elementsEqual(payload))
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
