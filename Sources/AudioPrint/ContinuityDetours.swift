/// Stretches that leave a delay although it explains on what sounds: where a word is said twice, both places fit.
///
/// Lanes lie on whole samples, and half a sample costs most of what is at 3 kHz: a copy that happens to lie better seems to be what is
/// played. So each delay is granted the fraction of a sample that suits it best, and another one must explain clearly more.
struct ContinuityDetours {
  typealias Run = ContinuityTrack.Run
  let lanes: ContinuityLanes

  /// Blocks that are judged together, and most pieces of a stretch.
  private static let (piece, most) = (20, 40)
  /// What a delay may leave unexplained: so much of what the other one leaves, and a little more.
  private static let (share, little): (Float, Float) = (1.1, 0.005)
  /// Samples to either side for which the correlation is known, and in which its peak may lie; parts of a sample.
  private static let (known, reach, steps) = (9, 1, 4)

  /// The same stretches, with the delay before or after them where that explains as much; the delay that is heard longer stays.
  func removed(from runs: [Run]) -> [Run] {
    var lengths: [Int: Int] = [:]
    for run in runs { if let lane = run.lane { lengths[lane, default: 0] += run.blocks.count } }
    guard lengths.count > 1 else { return runs }
    var runs = runs
    var refused: Set<[Int]> = []
    let known = runs.indices.filter { runs[$0].lane != nil }
    var isChanged = true
    while isChanged {
      isChanged = false
      for (place, index) in known.enumerated() {
        guard let lane = runs[index].lane else { continue }
        for next in [place - 1, place + 1] where known.indices.contains(next) {
          guard let other = runs[known[next]].lane, other != lane,
            lengths[other, default: 0] > lengths[lane, default: 0],
            refused.insert([index, other]).inserted
          else { continue }
          guard explains(other, asWellAs: lane, runs[index].blocks) else { continue }
          lengths[lane, default: 0] -= runs[index].blocks.count
          lengths[other, default: 0] += runs[index].blocks.count
          runs[index].lane = other
          isChanged = true
          break
        }
      }
    }
    return Self.merged(runs)
  }

  private static func merged(_ runs: [Run]) -> [Run] {
    var merged: [Run] = []
    for run in runs {
      if let last = merged.last, last.lane == run.lane {
        merged[merged.count - 1].blocks = last.blocks.lowerBound..<run.blocks.upperBound
      } else {
        merged.append(run)
      }
    }
    return merged
  }

  private func explains(_ other: Int, asWellAs lane: Int, _ blocks: Range<Int>) -> Bool {
    var (mine, theirs, count): (Float, Float, Float) = (0, 0, 0)
    for first in stride(from: blocks.lowerBound, to: blocks.upperBound, by: max(Self.piece, blocks.count / Self.most)) {
      let part = first..<min(first + Self.piece, blocks.upperBound)
      guard let left = unexplained(lane, part), let more = unexplained(other, part) else { continue }
      mine += left
      theirs += more
      count += 1
      // A few pieces tell two places in the clip apart, however long a stretch is.
      if theirs > Self.share * mine + Self.little * count + 1.5 { return false }
    }
    return count > 0 && theirs <= Self.share * mine + Self.little * count
  }

  /// Share of some blocks that a delay leaves unexplained, 0…1; nil where nothing sounds.
  private func unexplained(_ lane: Int, _ part: Range<Int>) -> Float? {
    let heard = lanes.recording.energies[part].reduce(0, +)
    guard heard > lanes.audibleRecording * Float(part.count) else { return nil }
    let (first, count) = (part.lowerBound * ContinuitySignal.block, part.count * ContinuitySignal.block)
    let offset = lanes.lanes[lane].offset(at: (part.lowerBound + part.upperBound) / 2)
    let source = lanes.clip.energy(from: first + offset, count: count)
    guard source > lanes.audibleSource * Float(part.count) else { return 1 }
    let correlation = (-Self.known...Self.known).map {
      lanes.recording.cross(lanes.clip, offset: offset + $0, from: first, count: count)
    }
    // What is interpolated is zero beyond its ends, so that only its middle is of use.
    let fine = Stretch.samples(correlation, by: Double(Self.steps))
    let peak = fine[(Self.known - Self.reach) * Self.steps...(Self.known + Self.reach) * Self.steps].max() ?? 0
    return 1 - (peak / (source * heard).squareRoot()).clamped(to: 0...1)
  }
}
