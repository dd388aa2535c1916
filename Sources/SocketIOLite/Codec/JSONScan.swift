#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Finds where the elements of a JSON array lie without decoding them: only strings and brackets are followed.
package enum JSONScan {
  /// The index of the first such byte at or behind `start`: with memchr a base64 payload of a megabyte is one call.
  static func find(_ byte: CInt, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard let base = bytes.baseAddress, start < bytes.count, let hit = memchr(base + start, byte, bytes.count - start)
    else { return nil }
    return base.distance(to: UnsafeRawPointer(hit))
  }

  /// Whether these are the bytes of `text`: one call for all of them.
  static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
    text.utf8.withContiguousStorageIfAvailable { text in
      guard text.count == bytes.count, let left = bytes.baseAddress, let right = text.baseAddress else {
        return text.count == bytes.count
      }
      return memcmp(left, right, bytes.count) == 0
    } ?? text.utf8.elementsEqual(bytes)
  }

  /// The index behind the string that opens at `start`; nil if it never ends.
  static func endOfString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var from = start + 1
    while from < bytes.count {
      guard let quote = find(0x22, in: bytes, from: from) else { return nil }
      var backslashes = 0
      while quote - 1 - backslashes > start, bytes[quote - 1 - backslashes] == 0x5C { backslashes += 1 }
      if backslashes % 2 == 0 { return quote + 1 }
      from = quote + 1
    }
    return nil
  }

  /// Where the elements of the array lie in `bytes`, which starts with its bracket; nil if the brackets do not match.
  static func elements(_ bytes: UnsafeRawBufferPointer, upTo wanted: Int = .max) -> [Range<Int>]? {
    guard bytes.first == 0x5B else { return nil }
    var found: [Range<Int>] = []
    var depth = 0
    var start = 1
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case 0x22:
        guard let end = endOfString(bytes, from: index) else { return nil }
        index = end
        continue
      case 0x5B, 0x7B: depth += 1
      case 0x2C where depth == 1:
        found.append(start..<index)
        if found.count >= wanted { return found }
        start = index + 1
      case 0x5D, 0x7D:
        depth -= 1
        if depth == 0 {
          let isEmpty = found.isEmpty && bytes[start..<index].allSatisfy { $0 <= 0x20 }
          if !isEmpty { found.append(start..<index) }
          return found
        }
      default: break
      }
      index += 1
    }
    return nil
  }
}
