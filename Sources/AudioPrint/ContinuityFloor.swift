/// Noise that a recording has in all pauses of a clip, at one level: it is one sound, which neither begins nor ends in any of them.
struct ContinuityFloor {
  let track: ContinuityTrack

  /// Blocks at either end of a pause in which a codec, or a room, lets the sound beside it ring.
  private static let margin = 8
  /// Blocks of pauses that must be known, 0.5 s, and pauses in which it is reported before it is one.
  private static let (fewest, pauses) = (100, 3)
  /// How much louder a block may be than the median one, and how much softer the softest tenth: 4 and 6 dB.
  private static let (louder, softer): (Float, Float) = (2.5, 0.25)

  /// What was found, with one break in the place of all that are no more than the floor; they are in order of time.
  func joined(_ found: [ContinuityFollower.Found], within playing: Range<Int>) -> [ContinuityFollower.Found] {
    guard found.lazy.filter({ $0.kind == .inserted }).prefix(Self.pauses).count == Self.pauses,
      let level = level(within: playing)
    else { return found }
    let parts = found.indices.filter { found[$0].kind == .inserted && isFloor(found[$0].samples, level) }
    guard parts.count >= Self.pauses, let first = parts.first, let last = parts.last else { return found }
    var whole = found[first]
    whole.samples = whole.samples.lowerBound..<max(whole.samples.upperBound, found[last].samples.upperBound)
    whole.count = whole.samples.count
    return found.indices.filter { !parts.dropFirst().contains($0) }.map { $0 == first ? whole : found[$0] }
  }

  /// Median energy of a block in the clip's pauses; nil where they are short, or not all alike.
  private func level(within playing: Range<Int>) -> Float? {
    let levels = ContinuityLevels(track: track)
    var (energies, silent): ([Float], Int) = ([], 0)
    for block in playing {
      silent = levels.isAudible(block) ? 0 : silent + 1
      guard silent > 2 * Self.margin else { continue }
      energies.append(track.sums(block - Self.margin..<block - Self.margin + 1).heard)
    }
    guard energies.count >= Self.fewest else { return nil }
    energies.sort()
    let median = energies[energies.count / 2]
    return energies[energies.count / 10] >= Self.softer * median ? median : nil
  }

  /// Whether no more than the floor is heard there.
  private func isFloor(_ span: Range<Int>, _ level: Float) -> Bool {
    let size = ContinuitySignal.block
    let first = span.lowerBound / size
    let blocks = first..<max(first + 1, span.upperBound / size)
    return track.sums(blocks).heard <= Self.louder * level * Float(blocks.count)
  }
}
