/// One delay at which a recording plays a clip, followed block by block while it drifts.
struct ContinuityLane: Sendable {
  /// Blocks between corrections: one sample in 0.1 s follows clocks that are 0.12 % apart.
  private static let chunk = 20
  /// By how much a neighbour's agreement must be higher.
  private static let better: Float = 1.002

  /// The recording's blocks for which the lane is known.
  private(set) var blocks: Range<Int>
  /// Per block: the clip's sample under the recording's sample 0.
  private(set) var offsets: [Int32]
  /// Per block: Σ x·y and Σ x².
  private(set) var cross: [Float]
  private(set) var source: [Float]

  /// Follows both ways from a block.
  ///
  /// - Parameters:
  ///   - patience: blocks without agreement after which the lane ends; nil follows to both ends of `limits`.
  init(
    clip: ContinuitySignal, recording: ContinuitySignal, offset: Int, at start: Int, limits: Range<Int>,
    patience: Int? = nil
  ) {
    let count = limits.count
    blocks = limits
    offsets = [Int32](repeating: Int32(offset), count: count)
    cross = [Float](repeating: 0, count: count)
    source = cross
    let start = start.clamped(to: limits.lowerBound...max(limits.lowerBound, limits.upperBound - 1))
    let last = follow(clip, recording, offset, from: start, to: limits.upperBound, by: Self.chunk, patience)
    let first = follow(clip, recording, offset, from: start, to: limits.lowerBound, by: -Self.chunk, patience)
    guard first > limits.lowerBound || last < limits.upperBound else { return }
    let kept = first - limits.lowerBound..<last - limits.lowerBound
    blocks = first..<last
    (offsets, cross, source) = (Array(offsets[kept]), Array(cross[kept]), Array(source[kept]))
  }

  /// Returns how far it came.
  private mutating func follow(
    _ clip: ContinuitySignal, _ recording: ContinuitySignal, _ offset: Int, from start: Int, to end: Int, by step: Int,
    _ patience: Int?
  ) -> Int {
    var (place, offset, lost) = (start, offset, 0)
    while step > 0 ? place < end : place > end {
      let next = step > 0 ? min(end, place + step) : max(end, place + step)
      let part = min(place, next)..<max(place, next)
      let agreement = fill(clip, recording, &offset, part)
      lost = agreement > 0.5 ? 0 : lost + (agreement < 0 ? 0 : part.count)
      place = next
      if let patience, lost > patience { break }
    }
    return place
  }

  /// Fills some blocks, moves the offset by a sample if that fits better; returns how well they agree, -1 if nothing sounds.
  private mutating func fill(
    _ clip: ContinuitySignal, _ recording: ContinuitySignal, _ offset: inout Int, _ part: Range<Int>
  ) -> Float {
    let size = ContinuitySignal.block
    let (first, count) = (part.lowerBound * size, part.count * size)
    var (sum, x, y): (Float, Float, Float) = (0, 0, 0)
    func take(_ lane: inout ContinuityLane, _ offset: Int) {
      (sum, x, y) = (0, 0, 0)
      for block in part {
        let index = block - lane.blocks.lowerBound
        let product = recording.cross(clip, offset: offset, from: block * size, count: size)
        let energy = clip.energy(from: block * size + offset, count: size)
        lane.offsets[index] = Int32(offset)
        lane.cross[index] = product
        lane.source[index] = energy
        sum += product
        x += energy
        y += recording.energies[block]
      }
    }
    take(&self, offset)
    let heard = ContinuitySignal.floor * Float(part.count)
    guard x > heard, y > heard else { return -1 }
    let agreement = sum / (x * y).squareRoot()
    guard agreement > 0.5 else { return agreement }
    // More in common is no better agreement where a neighbour only lets a louder sample in, as at the end of a word.
    func neighbour(_ offset: Int) -> Float {
      let common = recording.cross(clip, offset: offset, from: first, count: count)
      guard common > Self.better * sum else { return 0 }
      return common / (clip.energy(from: first + offset, count: count) * y).squareRoot()
    }
    let (left, right) = (neighbour(offset - 1), neighbour(offset + 1))
    if max(left, right) > Self.better * agreement {
      offset += left > right ? -1 : 1
      take(&self, offset)
    }
    return agreement
  }

  func offset(at block: Int) -> Int {
    let index = (block - blocks.lowerBound).clamped(to: 0...max(0, offsets.count - 1))
    return offsets.isEmpty ? 0 : Int(offsets[index])
  }
}
