/// Cuts bytes into lines, at line feeds and nowhere else (pure).
///
/// A container may print anything: a carriage return, a form feed, U+0085 or U+2028 is part of its line, and a line may be as long
/// as its memory allows. Only the carriage return of a terminal, directly before the line feed, is dropped.
struct LineSplitter: Sendable {
  private var rest: [UInt8] = []

  /// Takes more bytes, and hands over the lines that they complete.
  mutating func add(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        lines.append(Self.withoutReturn(rest))
        rest.removeAll(keepingCapacity: rest.count < 1 << 16)
      } else {
        rest.append(byte)
      }
    }
    return lines
  }

  /// What came after the last line feed; nil if that is nothing.
  var unfinished: [UInt8]? { rest.isEmpty ? nil : rest }

  /// The number of bytes that wait for their line feed.
  var pendingBytes: Int { rest.count }

  private static func withoutReturn(_ line: [UInt8]) -> [UInt8] {
    line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
  }
}
