#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The name of an event: the first element of its array.
package enum EventName {
  /// The name, and the offset of the first argument (or of the closing bracket); nil if there is none.
  ///
  /// `likely` is returned instead of a new string if the name is the same.
  static func cut(_ bytes: UnsafeRawBufferPointer, likely: String) -> (name: String, end: Int)? {
    var start = 1
    while start < bytes.count, bytes[start] <= 0x20 { start += 1 }
    guard start < bytes.count else { return nil }
    let isText = bytes[start] == 0x22
    guard let end = isText ? JSONScan.endOfString(bytes, from: start) : endOfNumber(bytes, from: start) else {
      return nil
    }
    let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    guard let name = isText ? self.text(text, likely: likely) : number(text) else { return nil }
    var next = end
    while next < bytes.count, bytes[next] <= 0x20 { next += 1 }
    guard next < bytes.count else { return nil }
    if bytes[next] == 0x2C { return (name, next + 1) }
    return bytes[next] == 0x5D ? (name, next) : nil
  }

  private static func text(_ quoted: UnsafeRawBufferPointer, likely: String) -> String? {
    let inner = UnsafeRawBufferPointer(rebasing: quoted[1..<(quoted.count - 1)])
    if JSONScan.isEqual(inner, likely) { return likely }
    guard inner.contains(0x5C) else { return String(decoding: inner, as: UTF8.self) }
    return try? SocketIOJSON.decode(String.self, from: Data(quoted))
  }

  // MARK: Numbers

  private static func endOfNumber(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let end = bytes[start...].firstIndex { $0 <= 0x20 || $0 == 0x2C || $0 == 0x5D }
    return end.flatMap { $0 > start ? $0 : nil }
  }

  private static func number(_ text: UnsafeRawBufferPointer) -> String? {
    (try? JSONDecoder().decode(Double.self, from: Data(text))).map(javaScriptText)
  }

  /// A number as JavaScript writes it. Source: ECMA-262, Number::toString.
  package static func javaScriptText(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value.isNaN ? "NaN" : value == 0 ? "0" : "\(value)nity" }
    // The shortest digits that mean this number are the same in both languages; where the point goes is not.
    let parts = "\(value.magnitude)".split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    let whole = mantissa[0]
    let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
    var digits = Array("\(whole)\(fraction)")
    var point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let zeros = digits.prefix { $0 == "0" }.count
    digits.removeFirst(zeros)
    point -= zeros
    while digits.last == "0" { digits.removeLast() }
    let sign = value < 0 ? "-" : ""
    let text = String(digits)
    if (digits.count...max(digits.count, 21)).contains(point), point <= 21 {
      return sign + text + String(repeating: "0", count: point - digits.count)
    }
    switch point {
    case 1...21: return sign + String(digits[..<point]) + "." + String(digits[point...])
    case -5...0: return sign + "0." + String(repeating: "0", count: -point) + text
    default:
      let exponent = point - 1
      let head = digits.count > 1 ? "\(digits[0])." + String(digits[1...]) : text
      return sign + head + "e" + (exponent < 0 ? "-" : "+") + String(abs(exponent))
    }
  }
}
