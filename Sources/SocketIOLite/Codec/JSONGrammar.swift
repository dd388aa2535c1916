import NIOCore

/// Says whether text is JSON to the letter, as `JSON.parse` does; decoders look only at what they are asked for.
///
/// Source: RFC 8259.
package struct JSONGrammar {
  /// Throws `malformedPacket`, with the place, for what `JSON.parse` refuses.
  package static func check(_ json: ByteBuffer) throws(SocketIOError) {
    let place = json.withUnsafeReadableBytes { bytes -> Int? in
      var grammar = JSONGrammar(bytes: bytes)
      return grammar.isDocument() ? nil : grammar.index
    }
    guard let place else { return }
    throw SocketIOPacket.malformed(
      "a packet is no JSON from byte \(place) on: a browser would disconnect here (limits.strictJSON)",
      json.getSlice(at: json.readerIndex + place, length: json.readableBytes - place) ?? json)
  }

  private let bytes: UnsafeRawBufferPointer
  private var index = 0
  /// The closing brackets of what is open.
  private var open: [UInt8] = []

  private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte.isJSONSpace { index += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    index += 1
    return true
  }

  /// One value and nothing behind it. A loop, because what a peer nests may be deeper than the stack.
  private mutating func isDocument() -> Bool {
    while true {
      skipSpace()
      if take(0x7B) {
        skipSpace()
        if !take(0x7D) {
          open.append(0x7D)
          guard key() else { return false }
          continue
        }
      } else if take(0x5B) {
        skipSpace()
        if !take(0x5D) {
          open.append(0x5D)
          continue
        }
      } else if !scalar() {
        return false
      }
      skipSpace()
      while let end = open.last, take(end) {
        open.removeLast()
        skipSpace()
      }
      guard let end = open.last else { return index == bytes.count }
      guard take(0x2C) else { return false }
      skipSpace()
      if end == 0x7D, !key() { return false }
    }
  }

  private mutating func key() -> Bool {
    guard string() else { return false }
    skipSpace()
    return take(0x3A)
  }

  private mutating func scalar() -> Bool {
    switch next {
    case 0x22: string()
    case 0x74: word("true")
    case 0x66: word("false")
    case 0x6E: word("null")
    default: number()
    }
  }

  private mutating func word(_ word: StaticString) -> Bool {
    let end = index + word.utf8CodeUnitCount
    guard end <= bytes.count,
      word.withUTF8Buffer({ $0.elementsEqual(bytes[index..<end]) })
    else { return false }
    index = end
    return true
  }

  private mutating func string() -> Bool {
    guard take(0x22) else { return false }
    while let byte = next {
      index += 1
      switch byte {
      case 0x22: return true
      case 0..<0x20: return false
      case 0x5C:
        guard let escaped = next else { return false }
        index += 1
        if escaped == 0x75 {
          for _ in 0..<4 {
            guard let digit = next, Character(Unicode.Scalar(digit)).isHexDigit else { return false }
            index += 1
          }
        } else if !"\"\\/bfnrt".utf8.contains(escaped) {
          return false
        }
      default: break
      }
    }
    return false
  }

  private mutating func digits() -> Bool {
    let start = index
    while let byte = next, (0x30...0x39).contains(byte) { index += 1 }
    return index > start
  }

  private mutating func number() -> Bool {
    _ = take(0x2D)
    if !take(0x30), !digits() { return false }
    if take(0x2E), !digits() { return false }
    if take(0x65) || take(0x45) {
      if !take(0x2B) { _ = take(0x2D) }
      return digits()
    }
    return true
  }
}
