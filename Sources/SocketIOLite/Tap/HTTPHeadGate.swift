import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Holds the bytes of an HTTP head until it is whole, so that headers can be taken out of it before it is forwarded.
///
/// Where a message ends is the HTTP decoder's knowledge: it tells the gate through `messageEnded`. A body whose length is known is
/// cut there, so that the head of a request that comes right behind it is a head again.
struct HTTPHeadGate: Sendable {
  enum Piece {
    case head(ByteBuffer)
    case body(ByteBuffer)
  }

  static let maxHeadBytes = 65_536
  private var held = ByteBuffer()
  private var isInHead = true
  /// So much of what is held has no end of a head in it.
  private var scanned = 0
  /// What is missing of the body; nil if only the decoder knows.
  private var bodyRest: Int?

  mutating func append(_ bytes: ByteBuffer) { held.writeImmutableBuffer(bytes) }
  mutating func headEnded(bodyLength: Int? = nil) {
    isInHead = false
    bodyRest = bodyLength
  }
  mutating func messageEnded() { isInHead = true }
  /// Whether a head has begun and is not whole.
  var isWithinHead: Bool { isInHead && held.readableBytes > 0 }
  mutating func takeAll() -> ByteBuffer {
    defer { (held, scanned) = (ByteBuffer(), 0) }
    return held
  }

  /// How long the head is that ends with the first empty line at or behind `start`.
  private static func headLength(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var from = start
    while let found = JSONScan.find(13, in: bytes, from: from) {
      if found + 4 <= bytes.count, bytes[found + 1] == 10, bytes[found + 2] == 13, bytes[found + 3] == 10 {
        return found + 4
      }
      from = found + 1
    }
    return nil
  }

  /// The next piece: a whole head, or whatever there is of a body; nil if more must come. Throws if a head never ends.
  mutating func next() throws(SocketIOError) -> Piece? {
    guard held.readableBytes > 0 else { return nil }
    guard isInHead else {
      guard let rest = bodyRest, rest > 0, let part = held.readSlice(length: min(rest, held.readableBytes)) else {
        return .body(takeAll())
      }
      bodyRest = rest - part.readableBytes
      if held.readableBytes == 0 { held = ByteBuffer() }
      return .body(part)
    }
    guard let length = held.withUnsafeReadableBytes({ Self.headLength($0, from: scanned) }) else {
      // The end may be cut in the middle.
      scanned = max(0, held.readableBytes - 3)
      guard held.readableBytes <= Self.maxHeadBytes else {
        throw SocketIOError(
          .limitExceeded, "an HTTP head is longer than \(Self.maxHeadBytes) bytes", evidence: [quoted(held)])
      }
      return nil
    }
    scanned = 0
    guard let head = held.readSlice(length: length) else { return nil }
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

  /// How long the body is, if the head says so and says nothing else.
  static func contentLength(of head: ByteBuffer) -> Int? {
    var length: Int?
    for line in head.readableBytesView.split(separator: 10) {
      let name = String(decoding: line.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self).lowercased()
      if name == "transfer-encoding" { return nil }
      guard name == "content-length" else { continue }
      let digits = line.dropFirst(name.utf8.count + 1).filter { $0 > 0x20 }
      length = Int(String(decoding: digits, as: UTF8.self))
    }
    return length
  }

  /// Whether the head is one of those before the answer proper (100 Continue, 103 Early Hints).
  static func isInformational(_ head: ByteBuffer) -> Bool {
    let line = head.readableBytesView.prefix(12)
    return line.count == 12 && line.starts(with: Array("HTTP/1.".utf8))
      && line.dropFirst(8).starts(with: Array(" 1".utf8)) && !line.dropFirst(9).elementsEqual(Array("101".utf8))
  }
}
