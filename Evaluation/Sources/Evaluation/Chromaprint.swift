import Foundation

/// Chromaprint's raw fingerprint through `fpcalc`, and how two of them are compared: share of equal bits at the best offset.
struct Chromaprint: Sendable {
  let items: [UInt32]
  /// Seconds from one item to the next: 1365 samples at 11,025 Hz.
  static let hop = 1365.0 / 11025
  /// Offsets that are tried, in seconds; transforms shift by up to 3.3 s, replacements by at least 6.
  static let reach = 4.0

  /// The fingerprint of a file; empty if fpcalc finds nothing to print, as in silence.
  init(of path: String) async throws {
    struct Answer: Decodable { var fingerprint: [Int64] }
    // It exits with 3 after some files that it has read to their end ("Error decoding audio frame (End of file)").
    let text = try await Tool.output("fpcalc", ["-raw", "-json", "-length", "0", path], accepting: [0, 3])
    items = try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).fingerprint.map {
      UInt32(truncatingIfNeeded: $0)
    }
  }

  /// 0.5 for unrelated audio, 1 for the same, nil if the window holds too few items to say anything.
  ///
  /// The window's items are compared with this fingerprint's items around the same place. An item looks 2.6 s ahead, so a window's
  /// items know what comes after it: that is to Chromaprint's advantage.
  func agreement(with output: Chromaprint, from start: Double, to end: Double) -> Double? {
    let first = Int((start / Self.hop).rounded(.up))
    let last = min(output.items.count, Int(end / Self.hop))
    guard last - first >= 8 else { return nil }
    var best = 0.0
    let reach = Int(Self.reach / Self.hop)
    for offset in -reach...reach {
      let from = max(first, offset)
      let to = min(last, items.count + offset)
      guard 2 * (to - from) >= last - first else { continue }
      var different = 0
      for i in from..<to { different += (items[i - offset] ^ output.items[i]).nonzeroBitCount }
      best = max(best, 1 - Double(different) / Double(32 * (to - from)))
    }
    return best
  }
}
