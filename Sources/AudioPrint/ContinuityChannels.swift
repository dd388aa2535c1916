/// Finds where one channel of a recording is silent while another sounds.
struct ContinuityChannels {
  /// Each channel as it is followed, all of one length.
  let channels: [ContinuitySignal]

  /// Share of the loudest channel's energy below which another one is silent (-30 dB): uneven stereo is not.
  private static let silent: Float = 1e-3
  /// Blocks that are judged together, and the least that count: 50 ms.
  private static let least = 10

  /// Spans of blocks in which the clip sounds and a channel does not.
  func lost(in playing: Range<Int>, audible: (Int) -> Bool) -> [Range<Int>] {
    guard channels.count > 1, let count = channels.map(\.blocks).min() else { return [] }
    var found: [Range<Int>] = []
    let part = playing.clamped(to: 0..<count)
    for block in part where audible(block) {
      let span = max(part.lowerBound, block - 1)..<min(part.upperBound, block + 2)
      let energies = channels.map { channel in channel.energies[span].reduce(0, +) }
      guard let loudest = energies.max(), let softest = energies.min(), loudest > ContinuitySignal.floor * 3 else {
        continue
      }
      guard softest < Self.silent * loudest else { continue }
      // A pause in between says nothing; a block in which all sound ends it.
      if let last = found.last, !both(last.upperBound..<block, audible) {
        found[found.count - 1] = last.lowerBound..<block + 1
      } else {
        found.append(block..<block + 1)
      }
    }
    return found.filter { $0.count >= Self.least }
  }

  private func both(_ span: Range<Int>, _ audible: (Int) -> Bool) -> Bool {
    span.contains { block in
      let energies = channels.map { $0.energies[block] }
      guard audible(block), let loudest = energies.max(), let softest = energies.min() else { return false }
      return softest >= 4 * Self.silent * loudest
    }
  }
}
