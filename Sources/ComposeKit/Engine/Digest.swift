/// Short names for long texts, the same in every process and on every machine.
enum Digest {
  /// FNV-1a, 64 bit: the same in every process, which Swift's seeded Hasher is not.
  static func of(_ text: String, width: Int) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var modulus: UInt64 = 1
    for _ in 0..<width { modulus *= 36 }
    return base36(hash % modulus, width: width)
  }

  static func base36(_ value: UInt64, width: Int) -> String {
    let digits = String(value, radix: 36)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
