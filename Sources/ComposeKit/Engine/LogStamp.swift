/// The engine's time before a line of `docker logs --timestamps` (pure).
struct LogStamp: Sendable, Hashable {
  /// RFC 3339 with nine digits of a fraction, as the engine prints it.
  let text: String

  /// The size of the pieces in which the engine keeps a long line; with times, it prints one before each piece.
  static let pieceBytes = 16 * 1024

  /// Reads the time, and gives what the container printed; nil for a line that is not the container's, such as an error of docker.
  static func split(_ line: [UInt8]) -> (stamp: LogStamp, text: [UInt8])? {
    guard let space = line.prefix(40).firstIndex(of: UInt8(ascii: " ")) else { return nil }
    let stamp = line[..<space]
    guard isTime(stamp) else { return nil }
    var text: [UInt8] = []
    var rest = line[(space + 1)...]
    while rest.count > pieceBytes {
      text += rest.prefix(pieceBytes)
      rest = rest.dropFirst(pieceBytes)
      let width = stamp.count + 1
      guard rest.count >= width, isTime(rest.prefix(stamp.count)), rest[rest.startIndex + stamp.count] == 0x20 else {
        continue
      }
      rest = rest.dropFirst(width)
    }
    text += rest
    return (LogStamp(text: String(decoding: stamp, as: UTF8.self)), text)
  }

  private static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 20 else { return false }
    let shape = Array("dddd-dd-ddTdd:dd:dd".utf8)
    for (byte, expected) in zip(bytes, shape) {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      guard expected == UInt8(ascii: "d") ? isDigit : byte == expected else { return false }
    }
    let rest = bytes.dropFirst(shape.count)
    return rest.allSatisfy { ".:+-Z".utf8.contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  /// The next moment, a nanosecond later: what `--since` has to be, which includes its own time, to repeat nothing.
  var next: String {
    guard let dot = text.firstIndex(of: ".") else { return text }
    let fraction = text[text.index(after: dot)...].prefix(while: \.isNumber)
    guard fraction.count == 9, let nanoseconds = Int(fraction), nanoseconds < 999_999_999 else { return text }
    let digits = String(nanoseconds + 1)
    return text[...dot] + String(repeating: "0", count: 9 - digits.count) + digits + text[fraction.endIndex...]
  }
}
