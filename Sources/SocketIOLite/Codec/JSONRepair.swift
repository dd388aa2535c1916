import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Makes of JSON text that `JSONDecoder` refuses, or reads otherwise, what a JavaScript client would have read.
///
/// Three things come from real servers. Half a surrogate pair, written `\ud83d`, from text that was cut at a number of UTF-16
/// units; bytes that are not UTF-8; and a key that is twice in one object, of which `JSON.parse` keeps the last and Foundation the
/// first. White space around it may be a line feed of a server that writes lines.
enum JSONRepair {
  // MARK: Text

  /// Each half of a surrogate pair and each byte that is not UTF-8 as U+FFFD; nil if there are none.
  static func withoutBrokenText(_ json: Data) -> Data? {
    let bytes = Array(json)
    let lone = loneSurrogates(bytes)
    let isBroken = !lone.isEmpty || String(validating: bytes, as: UTF8.self) == nil
    guard isBroken else { return nil }
    var mended = bytes
    // The escape of U+FFFD is as long as that of a surrogate.
    for start in lone { mended.replaceSubrange(start..<start + 6, with: Array(#"\uFFFD"#.utf8)) }
    return Data(String(decoding: mended, as: UTF8.self).utf8)
  }

  /// Where escapes of surrogates start that have no other half.
  private static func loneSurrogates(_ bytes: [UInt8]) -> [Int] {
    var found: [Int] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index] == 0x5C else {
        index += 1
        continue
      }
      switch escapedUnit(bytes, at: index) {
      case (0xD800...0xDBFF)?:
        if case (0xDC00...0xDFFF)? = escapedUnit(bytes, at: index + 6) {
          index += 12
        } else {
          found.append(index)
          index += 6
        }
      case (0xDC00...0xDFFF)?:
        found.append(index)
        index += 6
      // Also a backslash that is escaped itself: what follows it is no escape.
      default: index += 2
      }
    }
    return found
  }

  /// The UTF-16 unit that `\uXXXX` at `index` stands for; nil if there is no such escape.
  private static func escapedUnit(_ bytes: [UInt8], at index: Int) -> UInt16? {
    guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 else { return nil }
    return UInt16(String(decoding: bytes[index + 2..<index + 6], as: UTF8.self), radix: 16)
  }

  // MARK: Keys

  /// The text without each pair whose key comes again in the same object; nil if there are none, or it is no JSON.
  static func withoutRepeatedKeys(_ json: Data) -> Data? {
    guard json.contains(0x7B) else { return nil }
    let cut = json.withUnsafeBytes { repeatedPairs($0) }
    guard !cut.isEmpty else { return nil }
    var rest = Data(capacity: json.count)
    var copied = json.startIndex
    // A pair may lie in another one that is cut as well.
    for range in cut.sorted(by: { $0.lowerBound < $1.lowerBound }) where json.startIndex + range.lowerBound >= copied {
      rest.append(json[copied..<json.startIndex + range.lowerBound])
      copied = json.startIndex + range.upperBound
    }
    rest.append(json[copied...])
    return rest
  }

  private struct OpenObject {
    /// Where the pair of each key starts and ends, comma included, by the key's bytes.
    var pairs: [(key: Range<Int>, pair: Range<Int>)] = []
    var key: Range<Int>?
  }

  /// Where pairs lie, with the comma behind them, whose key comes again behind them.
  private static func repeatedPairs(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
    var found: [Range<Int>] = []
    // nil stands for an array.
    var open: [OpenObject?] = []
    var index = 0
    var isKey = false
    while index < bytes.count {
      switch bytes[index] {
      case 0x22:
        guard let end = JSONScan.endOfString(bytes, from: index) else { return [] }
        if isKey, let last = open.indices.last {
          open[last]?.key = index..<end
          isKey = false
        }
        index = end
        continue
      case 0x7B:
        open.append(OpenObject())
        isKey = true
      case 0x5B:
        open.append(nil)
        isKey = false
      case 0x2C:
        if let last = open.indices.last { isKey = close(&open[last], at: index + 1) }
      case 0x7D, 0x5D:
        guard var object = open.popLast() else { return [] }
        if close(&object, at: index), let pairs = object?.pairs { found += repeated(pairs, bytes) }
        isKey = false
      default: break
      }
      index += 1
    }
    return found
  }

  /// Ends the pair that is open in an object; false for an array.
  private static func close(_ object: inout OpenObject?, at end: Int) -> Bool {
    guard object != nil else { return false }
    if let key = object?.key { object?.pairs.append((key, key.lowerBound..<end)) }
    object?.key = nil
    return true
  }

  private static func repeated(
    _ pairs: [(key: Range<Int>, pair: Range<Int>)], _ bytes: UnsafeRawBufferPointer
  ) -> [Range<Int>] {
    guard pairs.count > 1 else { return [] }
    let keys = pairs.map { UnsafeRawBufferPointer(rebasing: bytes[$0.key]) }
    // Most objects have a handful of keys without escapes: comparing those costs less than hashing them.
    if keys.count <= 8, !keys.contains(where: { $0.contains(0x5C) }) {
      let isUnique = keys.indices.dropFirst().allSatisfy { index in
        !keys[..<index].contains { $0.count == keys[index].count && $0.elementsEqual(keys[index]) }
      }
      if isUnique { return [] }
    }
    // Bytes and not strings: Swift takes "é" for equal however it is composed, JavaScript does not.
    var seen: Set<[UInt8]> = []
    return zip(keys, pairs).reversed().compactMap { seen.insert(name($0)).inserted ? nil : $1.pair }
  }

  /// What a quoted key means: the same name may be written with escapes.
  private static func name(_ quoted: UnsafeRawBufferPointer) -> [UInt8] {
    if quoted.contains(0x5C), let name = try? JSONDecoder().decode(String.self, from: Data(quoted)) {
      return Array(name.utf8)
    }
    return Array(quoted.dropFirst().dropLast())
  }
}
