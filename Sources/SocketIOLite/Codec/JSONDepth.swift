import NIOCore

extension JSONScan {
  /// Throws `limitExceeded` if arrays and objects nest deeper than `limit`: a decoder that recurses would run out of stack.
  ///
  /// A level takes two bytes, its brackets, so that short payloads are not looked at.
  package static func checkDepth(_ json: ByteBuffer, limit: Int) throws(SocketIOError) {
    guard json.readableBytes > 2 * limit else { return }
    if json.withUnsafeReadableBytes({ isDeeper($0, than: limit) }) {
      throw SocketIOError(
        .limitExceeded, "a payload nests deeper than \(limit) arrays and objects", evidence: [quoted(json)])
    }
  }

  private static func isDeeper(_ bytes: UnsafeRawBufferPointer, than limit: Int) -> Bool {
    var depth = 0
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case 0x22:
        // What never ends is somebody else's error.
        guard let end = endOfString(bytes, from: index) else { return false }
        index = end
        continue
      case 0x5B, 0x7B:
        depth += 1
        if depth > limit { return true }
      case 0x5D, 0x7D: depth -= 1
      default: break
      }
      index += 1
    }
    return false
  }
}
