/// Breaks that leave the delay as it is: silence, a lower level, cut peaks, clicks.
struct ContinuityLevels {
  let track: ContinuityTrack

  /// A span of blocks and what it is.
  struct Span {
    var kind: Break.Kind
    var blocks: Range<Int>
    /// First and last sample of the recording.
    var samples: Range<Int>
  }

  private static let size = ContinuitySignal.block
  /// Share of the clip's usual energy from which a block is loud enough that its absence is heard (-30 dB).
  private static let audible: Float = 1e-3
  /// Share of the expected energy below which 10 ms are too quiet (-9 dB), and of it what may still agree with the clip.
  private static let (quiet, common): (Float, Float) = (0.126, 0.35)

  /// Of a single block more is asked: louder sound that lacks, and less of it left.
  private static let (singleAudible, singleQuiet, singleCommon): (Float, Float, Float) = (1e-2, 0.04, 0.15)

  /// The one or two blocks from this one on, if they are too quiet.
  private func lowSpan(at block: Int) -> Range<Int>? {
    let two = track.sums(block..<block + 2)
    if two.expected > 2 * max(Self.audible * track.loud, ContinuitySignal.floor), two.heard < Self.quiet * two.expected,
      two.common < Self.common * two.expected
    {
      return block..<block + 2
    }
    let one = track.sums(block..<block + 1)
    let isLow =
      one.expected > max(Self.singleAudible * track.loud, ContinuitySignal.floor)
      && one.heard < Self.singleQuiet * one.expected && one.common < Self.singleCommon * one.expected
    return isLow ? block..<block + 1 : nil
  }

  /// Whether the clip sounds loud enough there for its absence to be heard.
  func isAudible(_ block: Int) -> Bool {
    track.sums(block..<block + 1).expected > max(Self.audible * track.loud, ContinuitySignal.floor)
  }

  /// Whether a block surely plays the clip at its level.
  func follows(_ block: Int) -> Bool {
    let (x, y, c) = track.sums(block..<block + 1)
    return x > max(Self.audible * track.loud, ContinuitySignal.floor) && y > 0.25 * x && c > 0.5 * (x * y).squareRoot()
  }

  /// Silent and quiet spans, in order.
  func low(within part: Range<Int>) -> [Span] {
    var found: [Range<Int>] = []
    var block = part.lowerBound
    while block < part.upperBound - 1 {
      if let low = lowSpan(at: block) {
        if let last = found.last, !(last.upperBound..<max(last.upperBound, block)).contains(where: follows) {
          found[found.count - 1] = last.lowerBound..<max(last.upperBound, low.upperBound)
        } else {
          found.append(low)
        }
      }
      block += 1
    }
    return found.compactMap(classified)
  }

  private func classified(_ span: Range<Int>) -> Span? {
    let (x, y, c) = track.sums(span)
    let gain = x > 0 ? c / x : 0
    let isClip = gain > 0.03 && c * c > 0.4 * x * y
    if isClip, span.count < 4 { return nil }
    let inner: ContinuityTrack.Side =
      isClip ? .clip(offset: track.offset(at: span.lowerBound), gain: gain * track.gain) : .silence
    func outer(_ block: Int) -> ContinuityTrack.Side { .clip(offset: track.offset(at: block), gain: track.gain) }
    let radius = 4 * Self.size
    let first = track.edge(
      near: span.lowerBound * Self.size, radius: radius, left: outer(span.lowerBound - 1), right: inner)
    let last = track.edge(
      near: span.upperBound * Self.size, radius: radius, left: inner, right: outer(span.upperBound))
    let whole = span.lowerBound * Self.size..<span.upperBound * Self.size
    return Span(
      kind: isClip ? .levelDrop : .missing, blocks: span, samples: first < last ? first..<last : whole)
  }
}
