import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Holds the bytes of an HTTP head until it is whole, so that headers can be taken out of it before it is forwarded.
///
/// Where a message ends is the HTTP decoder's knowledge: it tells the gate through `messageEnded`.
struct HTTPHeadGate: Sendable {
  enum Piece {
    case head(ByteBuffer)
    case body(ByteBuffer)
  }

  static let maxHeadBytes = 65_536
  private var held = ByteBuffer()
  private var isInHead = true

  mutating func append(_ bytes: ByteBuffer) { held.writeImmutableBuffer(bytes) }
  mutating func headEnded() { isInHead = false }
  mutating func messageEnded() { isInHead = true }
  mutating func takeAll() -> ByteBuffer {
    defer { held = ByteBuffer() }
    return held
  }

  /// The next piece: a whole head, or whatever there is of a body; nil if more must come. Throws if a head never ends.
  mutating func next() throws(SocketIOError) -> Piece? {
    guard held.readableBytes > 0 else { return nil }
    guard isInHead else { return .body(takeAll()) }
    let view = held.readableBytesView
    guard let end = view.firstRange(of: [13, 10, 13, 10])?.upperBound else {
      guard held.readableBytes <= Self.maxHeadBytes else {
        throw SocketIOError(
          .limitExceeded, "an HTTP head is longer than \(Self.maxHeadBytes) bytes", evidence: [quoted(held)])
      }
      return nil
    }
    guard let head = held.readSlice(length: end - view.startIndex) else { return nil }
    if held.readableBytes == 0 { held = ByteBuffer() }
    return .head(head)
  }

  /// The head without the lines of these headers (lower case); the same bytes if it has none of them.
  static func removing(_ names: Set<String>, from head: ByteBuffer) -> ByteBuffer {
    var kept = ByteBuffer()
    var rest = head
    while rest.readableBytes > 0 {
      let view = rest.readableBytesView
      let end = view.firstIndex(of: 10).map { $0 + 1 } ?? view.endIndex
      guard var line = rest.readSlice(length: end - view.startIndex) else { break }
      let name = line.readableBytesView.prefix { $0 != UInt8(ascii: ":") }
      if !names.contains(String(decoding: name, as: UTF8.self).lowercased()) { kept.writeBuffer(&line) }
    }
    return kept
  }
}
