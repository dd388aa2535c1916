#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A raw Chromaprint fingerprint, as `fpcalc -raw` prints it: for comparing with fingerprints that were stored before.
///
/// Chromaprint (Lalinský, 2010; bits after Ke, Hoiem & Sukthankar, "Computer vision for music identification", CVPR 2005) is made for
/// finding a song among millions. It separates 30 s reliably and does not hear a voice under the original: use ``Similarity`` for that.
/// Nothing of Chromaprint is needed to read it.
public struct ChromaprintFingerprint: Sendable, Hashable {
  /// One for each hop, in order of time; each looks 2.6 s ahead.
  public let items: [UInt32]
  /// Seconds from one item to the next: 1365 samples at 11,025 Hz.
  public static let hop = 1365.0 / 11025

  /// A fingerprint of these items.
  public init(items: [UInt32]) { self.items = items }

  /// Reads what `fpcalc -raw` or `fpcalc -raw -json` printed; items may be signed or unsigned.
  ///
  /// - Throws: ``AudioError`` with `badFormat` if there is no fingerprint in the text, or one that is not raw.
  public init(fpcalc text: String) throws {
    struct Answer: Decodable { var fingerprint: [Int64] }
    let numbers: [Int64]
    if let line = text.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("FINGERPRINT=") }) {
      let words = line.dropFirst("FINGERPRINT=".count).split(separator: ",", omittingEmptySubsequences: true)
      numbers = words.compactMap { Int64($0) }
      guard numbers.count == words.count else { throw Self.unreadable(text) }
    } else if let answer = try? JSONDecoder().decode(Answer.self, from: Data(text.utf8)) {
      numbers = answer.fingerprint
    } else {
      throw Self.unreadable(text)
    }
    guard numbers.allSatisfy({ (Int64(Int32.min)...Int64(UInt32.max)).contains($0) }) else {
      throw Self.unreadable(text)
    }
    items = numbers.map { UInt32(truncatingIfNeeded: $0) }
  }

  private static func unreadable(_ text: String) -> AudioError {
    AudioError(
      .badFormat, "this is no raw Chromaprint fingerprint", evidence: [String(text.prefix(120))],
      next: "make it with: fpcalc -raw -length 0 FILE")
  }

  /// Share of equal bits at the offset where it is greatest: about 0.5 for unrelated audio, 1 for the same.
  ///
  /// Nil if the span holds fewer than 8 items of the other one, or none of the offsets has half of them in this one.
  ///
  /// - Parameters:
  ///   - other: the fingerprint of which a span is looked for in this one.
  ///   - start: begin of the span of the other one, in seconds; its items know what comes up to 2.6 s after its end.
  ///   - end: end of the span, in seconds.
  ///   - maxOffset: seconds by which the other one may be shifted, in either direction.
  public func agreement(
    with other: ChromaprintFingerprint, from start: Double = 0, to end: Double = .infinity, maxOffset: Double = 10
  ) -> Double? {
    func item(_ seconds: Double) -> Int { Int((seconds / Self.hop).clamped(to: 0...Double(other.items.count))) }
    guard start < end else { return nil }
    let (first, last) = (item(start + Self.hop * 0.999_999), item(end))
    let reach = Int(maxOffset.isNaN ? 0 : maxOffset.clamped(to: 0...86_400) / Self.hop)
    guard last - first >= 8 else { return nil }
    var best: Double?
    for offset in max(-reach, first - items.count)...max(max(-reach, first - items.count), min(reach, last)) {
      let (from, to) = (max(first, offset), min(last, items.count + offset))
      guard to > from, 2 * (to - from) >= last - first else { continue }
      let different = (from..<to).reduce(0) { $0 + (items[$1 - offset] ^ other.items[$1]).nonzeroBitCount }
      best = max(best ?? 0, 1 - Double(different) / Double(32 * (to - from)))
    }
    return best
  }
}
