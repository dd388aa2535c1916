/// Breaks that show in the peaks: cut off, or standing out where the clip has none.
struct ContinuityPeaks {
  let track: ContinuityTrack

  private static let size = ContinuitySignal.block
  /// Blocks that are judged together: 25 ms hold a pitch period or two.
  private static let window = 5
  /// Peaks are cut off if they have lost so much against what is quieter in the same window.
  private static let cut: Float = 0.7
  /// Fewest windows in a row: Opus at 24 kbit/s flattens peaks for 30 ms.
  private static let fewest = 8
  /// Blocks in which nothing is loud enough to be cut, between two in which it is: as long as a word.
  private static let pause = 80
  /// Energy of a click over that of the clip around it.
  private static let click: Float = 4

  func spans(within part: Range<Int>) -> [ContinuityLevels.Span] {
    let clicks = Self.runs(part.filter(isClick), gap: 4).map { (kind: Break.Kind.inserted, blocks: $0) }
    let cut = part.filter { isCut($0..<min(part.upperBound, $0 + Self.window)) }
    let peaks = Self.runs(cut, gap: 4).filter { $0.count >= Self.fewest }
    // A window counts from where half of it is inside.
    let half = Self.window / 2
    let clipped = Self.runs(peaks.flatMap(Array.init), gap: Self.pause).map {
      (kind: Break.Kind.clipping, blocks: $0.lowerBound + half..<$0.upperBound + half)
    }
    return (clicks + clipped).map {
      .init(
        kind: $0.kind, blocks: $0.blocks,
        samples: $0.blocks.lowerBound * Self.size..<$0.blocks.upperBound * Self.size)
    }
  }

  private static func runs(_ blocks: [Int], gap: Int) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for block in blocks {
      if let last = runs.last, block <= last.upperBound + gap {
        runs[runs.count - 1] = last.lowerBound..<block + 1
      } else {
        runs.append(block..<block + 1)
      }
    }
    return runs
  }

  /// Far more than the clip has within 25 ms, as codecs move its onsets.
  private func isClick(_ block: Int) -> Bool {
    let (x, y, c) = track.sums(block..<block + 1)
    let rest = y - 2 * c + x
    guard rest > Self.click * x, rest > 0.05 * track.loud, y > 0.5 * rest else { return false }
    let around = (block - 5..<block + 6).clamped(to: track.blocks)
    return around.allSatisfy { rest > Self.click * track.sums($0..<$0 + 1).expected }
  }

  private func isCut(_ span: Range<Int>) -> Bool {
    let (x, y, c) = track.sums(span)
    let rest = y - 2 * c + x
    guard x > 0.2 * Float(span.count) * track.loud, rest > 0.02 * x, c > 0, c * c > 0.3 * x * y else { return false }
    let (first, count) = (span.lowerBound * Self.size, span.count * Self.size)
    let offset = track.offset(at: span.lowerBound)
    let (recorded, clip) = (track.recording.plain, track.clip.plain)
    guard first >= 0, first + count <= recorded.count, first + offset >= 0, first + offset + count <= clip.count else {
      return false
    }
    var (theirs, ours): (Float, Float) = (0, 0)
    for i in first..<first + count {
      theirs = max(theirs, abs(clip[i + offset]))
      ours = max(ours, abs(recorded[i]))
    }
    guard ours < 0.8 * track.gain * theirs else { return false }
    var (high, highPower, low, lowPower): (Float, Float, Float, Float) = (0, 0, 0, 0)
    for i in first..<first + count {
      let (x, y) = (clip[i + offset], recorded[i])
      if abs(x) > 0.6 * theirs {
        high += x * y
        highPower += x * x
      } else if abs(x) > 0.1 * theirs, abs(x) < 0.35 * theirs {
        low += x * y
        lowPower += x * x
      }
    }
    guard highPower > 0, lowPower > 0 else { return false }
    let (peak, quiet) = (high / highPower, low / lowPower)
    return quiet > 0.6 * track.gain && peak < Self.cut * quiet
  }
}
