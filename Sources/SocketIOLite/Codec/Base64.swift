#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Base64 straight from received bytes, four table look-ups for three bytes. Same strictness as `Data(base64Encoded:)`.
///
/// The tables hold each character's bits where they belong. Source: N. Galbreath, "modp_b64", 2006.
package enum Base64 {
  /// In none of the 24 bits that characters have.
  private static let invalid: UInt32 = 1 << 31

  /// Four tables of 256: what a character contributes as first to fourth of its group, in little-endian order.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: invalid, count: 4 * 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, character) in zip(UInt32(0)..., alphabet.utf8) {
      let index = Int(character)
      tables[index] = value << 2
      tables[256 + index] = value >> 4 | (value & 0x0F) << 12
      tables[512 + index] = (value >> 2) << 8 | (value & 0x03) << 22
      tables[768 + index] = value << 16
    }
    return tables
  }()

  /// What `text` stands for; nil if it is not base64.
  package static func decode(_ text: UnsafeRawBufferPointer) -> Data? {
    guard text.count % 4 == 0, text.count > 4 else { return Data(base64Encoded: Data(text)) }
    // The last group may be padded; it is left to Foundation.
    let groups = text.count / 4 - 1
    guard let tail = Data(base64Encoded: Data(text.suffix(4))) else { return nil }
    // Each group is stored as four bytes, of which the next one overwrites the last.
    let length = groups * 3 + 3
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 1, alignment: 16)
    let seen = tables.withUnsafeBufferPointer { tables in
      var seen: UInt32 = 0
      for group in 0..<groups {
        let four = Int(UInt32(littleEndian: text.loadUnaligned(fromByteOffset: group &* 4, as: UInt32.self)))
        let value =
          tables[four & 0xFF] | tables[256 &+ (four >> 8) & 0xFF] | tables[512 &+ (four >> 16) & 0xFF]
          | tables[768 &+ four >> 24]
        seen |= value
        bytes.storeBytes(of: value.littleEndian, toByteOffset: group &* 3, as: UInt32.self)
      }
      return seen
    }
    guard seen & invalid == 0, let start = bytes.baseAddress else {
      bytes.deallocate()
      return nil
    }
    tail.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: bytes[(groups * 3)...]))
    return Data(
      bytesNoCopy: start, count: groups * 3 + tail.count,
      deallocator: .custom { start, _ in start.deallocate() })
  }
}
