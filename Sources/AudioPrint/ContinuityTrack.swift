/// What a recording plays of a clip, block by block: the cheapest path with the figures that belong to it.
struct ContinuityTrack: Sendable {
  let clip: ContinuitySignal
  let recording: ContinuitySignal
  /// The recording's blocks that are looked at.
  let blocks: Range<Int>
  let gain: Float
  /// A stretch of blocks with one delay, or (nil) with none.
  struct Run: Sendable {
    var lane: Int?
    var blocks: Range<Int>
  }
  private(set) var runs: [Run] = []
  /// Per block: the clip's sample under the recording's sample 0, of the delay before it where there is none.
  private(set) var offsets: [Int]
  /// Per block: Σ x·y and Σ x² at that offset, and Σ y².
  private(set) var cross: [Float]
  private(set) var source: [Float]
  private(set) var heard: [Float]

  init(_ lanes: ContinuityLanes) {
    (clip, recording, gain) = (lanes.clip, lanes.recording, lanes.gain)
    let path = ContinuityPath(lanes)
    let count = lanes.limits.count
    let shift = lanes.limits.lowerBound
    offsets = [Int](repeating: 0, count: count)
    cross = [Float](repeating: 0, count: count)
    source = cross
    heard = Array(lanes.recording.energies[lanes.limits])
    blocks = lanes.limits
    var index = 0
    while index < count {
      var end = index + 1
      while end < count, path.states[end] == path.states[index] { end += 1 }
      runs.append(Run(lane: path.states[index], blocks: index + shift..<end + shift))
      index = end
    }
    for run in runs {
      // Where nothing fits, the clip is expected to go on as before; at the beginning, as after.
      let known = run.lane ?? lane(near: run.blocks.lowerBound)
      fill(run.blocks, from: lanes.lanes[known])
    }
  }

  private func lane(near block: Int) -> Int {
    runs.last { $0.lane != nil && $0.blocks.upperBound <= block }?.lane ?? runs.first { $0.lane != nil }?.lane ?? 0
  }

  private mutating func fill(_ part: Range<Int>, from lane: ContinuityLane) {
    let size = ContinuitySignal.block
    for block in part {
      let index = block - blocks.lowerBound
      if lane.blocks.contains(block) {
        let place = block - lane.blocks.lowerBound
        offsets[index] = Int(lane.offsets[place])
        (cross[index], source[index]) = (lane.cross[place], lane.source[place])
      } else {
        let offset = lane.offset(at: block)
        offsets[index] = offset
        cross[index] = recording.cross(clip, offset: offset, from: block * size, count: size)
        source[index] = clip.energy(from: block * size + offset, count: size)
      }
    }
  }

  func offset(at block: Int) -> Int {
    offsets[(block - blocks.lowerBound).clamped(to: 0...max(0, offsets.count - 1))]
  }

  /// Energies of what is expected, what comes, and what both have in common, over a span of blocks. All compare directly.
  func sums(_ span: Range<Int>) -> (expected: Float, heard: Float, common: Float) {
    let part = span.clamped(to: blocks)
    var (x, y, c): (Float, Float, Float) = (0, 0, 0)
    for index in part.lowerBound - blocks.lowerBound..<part.upperBound - blocks.lowerBound {
      x += source[index]
      y += heard[index]
      c += cross[index]
    }
    return (gain * gain * x, y, gain * c)
  }

  /// Energy of a block as it should come where the clip is as loud as it mostly is.
  var loud: Float { gain * gain * clip.loud }

  // MARK: Edges

  /// What a side of an edge is thought to play.
  enum Side {
    /// The clip at this offset, at this gain.
    case clip(offset: Int, gain: Float)
    case silence
    /// Something else: known only by how loud it and the expected sound are.
    case foreign
  }

  /// The recording's sample at which one changes to the other: where the errors of both sides together are least.
  func edge(near sample: Int, radius: Int, left: Side, right: Side) -> Int {
    let first = max(0, sample - radius)
    let last = min(recording.samples.count, sample + radius)
    guard first < last else { return sample.clamped(to: 0...max(0, recording.samples.count)) }
    let foreign = foreignError(first..<last, left, right)
    var (sum, least, best): (Float, Float, Int) = (0, 0, first)
    for i in first..<last {
      sum += error(left, i, foreign) - error(right, i, foreign)
      if sum < least { (least, best) = (sum, i + 1) }
    }
    return best
  }

  private func error(_ side: Side, _ sample: Int, _ foreign: Float) -> Float {
    let y = recording.samples[sample]
    switch side {
    case .silence: return y * y
    case .foreign: return foreign
    case .clip(let offset, let gain):
      let place = sample + offset
      let x = clip.samples.indices.contains(place) ? gain * clip.samples[place] : 0
      return (y - x) * (y - x)
    }
  }

  private func foreignError(_ span: Range<Int>, _ left: Side, _ right: Side) -> Float {
    var sum: Float = 0
    for i in span {
      let y = recording.samples[i]
      var x: Float = 0
      for side in [left, right] {
        if case .clip(let offset, let gain) = side, clip.samples.indices.contains(i + offset) {
          x = gain * clip.samples[i + offset]
        }
      }
      sum += 0.5 * (y * y + x * x)
    }
    return sum / Float(max(1, span.count))
  }
}
