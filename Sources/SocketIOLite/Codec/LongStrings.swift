import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes JSON without its long strings, which are most often audio in base64: that is read straight from the received bytes.
///
/// `JSONDecoder` looks at each byte of a string twice and copies it twice before base64 is decoded, 150 µs for 64 KB.
enum LongStrings {
  /// Shorter strings are not worth the trouble.
  static let minimumLength = 2_048

  /// Stands for a long string; random, so that no peer can write one.
  private static let mark = "long-string-\(UInt64.random(in: 0 ... .max))-"

  /// The value in `range` of `bytes` if all its long strings are read as `Data`, else nil; throws what decoding throws.
  ///
  /// A string that is wanted as text is not there, so that whoever calls must then decode all of it. Only a type that keeps
  /// one long string both as `Data` and as text goes unnoticed, and gets the mark for the text.
  static func decode<T: Decodable>(
    _ type: T.Type, from bytes: ByteBuffer, _ range: Range<Int>, attachments: [ByteBuffer]
  ) throws -> T? {
    guard range.count >= minimumLength, let cut = bytes.withUnsafeReadableBytes({ cut($0, range) }) else { return nil }
    // The decoder's strategy must be a Sendable closure, so what it counts needs a lock; it is never contended.
    let taken = Mutex<[Int]>([])
    let decoder = SocketIOJSON.decoder(attachments: attachments) { text in
      guard text.hasPrefix(mark), let number = Int(text.dropFirst(mark.utf8.count)),
        cut.strings.indices.contains(number),
        let data = bytes.withUnsafeReadableBytes({ Base64.decode(.init(rebasing: $0[cut.strings[number]])) })
      else { return nil }
      // Only now: a type that finds no data there may ask for the text instead.
      taken.withLock { $0.append(number) }
      return data
    }
    let value = try decoder.decode(type, from: JSONRepair.withoutRepeatedKeys(cut.json) ?? cut.json)
    return taken.withLock { $0.sorted() } == Array(cut.strings.indices) ? value : nil
  }

  /// The JSON text with marks in place of its long strings, and where those lie; nil if there are none.
  private static func cut(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) -> (json: Data, strings: [Range<Int>])? {
    var strings: [Range<Int>] = []
    var json = Data()
    var copied = range.lowerBound
    var index = range.lowerBound
    let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound])
    while let start = JSONScan.find(0x22, in: bytes, from: index) {
      guard let end = JSONScan.endOfString(bytes, from: start) else { return nil }
      index = end
      let content = start + 1..<end - 1
      // Base64 has no escapes, except for slashes of some encoders: those go the long way.
      let text = UnsafeRawBufferPointer(rebasing: bytes[content])
      guard content.count >= minimumLength, JSONScan.find(0x5C, in: text, from: 0) == nil else { continue }
      json.append(contentsOf: bytes[copied...start])
      json.append(contentsOf: "\(mark)\(strings.count)".utf8)
      strings.append(content)
      copied = content.upperBound
    }
    guard !strings.isEmpty else { return nil }
    json.append(contentsOf: bytes[copied..<range.upperBound])
    return (json, strings)
  }
}
