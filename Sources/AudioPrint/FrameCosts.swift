/// What it costs to say of a frame that it is a given source, silence, or unknown: the share that would be left unexplained.
///
/// Frame i stands for output samples [256 i, 256 (i + 1)), and is measured over the 1024 samples around them.
struct FrameCosts {
  /// A candidate at a place, and the stretches of the output (in samples) in which it was heard there.
  struct Source {
    var placement: Placement
    var heard: [Range<Int>]
  }

  let frames: Int
  /// Number of states: the sources, then silence, then the unknown.
  let states: Int
  /// State-major.
  private(set) var costs: [Float]

  private static let (frame, hop) = (Thresholds.coherenceFrame, Thresholds.coherenceHop)
  /// Frames of one chunk: 16 s, which bounds the memory whatever the output's length.
  private static let chunk = 500

  init(attributor: Attributor, output: Waveform, sources: [Source], frames: Int) {
    self.frames = frames
    states = sources.count + 2
    costs = [Float](repeating: Thresholds.impossibleCost, count: states * frames)
    let quiet = Self.quietFrames(output, frames: frames)
    for frame in 0..<frames {
      costs[sources.count * frames + frame] = quiet[frame] ? Thresholds.silentCost : Thresholds.impossibleCost
      costs[(sources.count + 1) * frames + frame] = Thresholds.unknownCost
    }
    for (state, source) in sources.enumerated() {
      add(source, state: state, attributor: attributor, output: output, quiet: quiet)
    }
  }

  func cost(_ state: Int, _ frame: Int) -> Float { costs[state * frames + frame] }

  /// What the frames between two places of an edge cost more if the edge is at the second. Nil: silence or unknown, whichever costs less.
  func movingEdge(from: Int, to: Int, left: Int?, right: Int?) -> Float {
    func cost(_ source: Int?, _ frame: Int) -> Float {
      source.map { self.cost($0, frame) } ?? min(self.cost(states - 2, frame), self.cost(states - 1, frame))
    }
    return (min(from, to)..<max(from, to)).reduce(0) { sum, frame in
      let change = cost(left, frame) - cost(right, frame)
      return sum + (to > from ? change : -change)
    }
  }

  private static func quietFrames(_ output: Waveform, frames: Int) -> [Bool] {
    (0..<frames).map { output.level(from: $0 * hop, count: hop) < Thresholds.inaudible }
  }

  /// First output sample of the 1024 around frame i.
  private static func around(_ index: Int) -> Int { index * hop + hop / 2 - frame / 2 }

  private mutating func add(
    _ source: Source, state: Int, attributor: Attributor, output: Waveform, quiet: [Bool]
  ) {
    let clip = attributor.prepared[source.placement.candidate]
    let position = Int(source.placement.position.rounded())
    let bias = attributor.candidates[source.placement.candidate].isOriginal ? 0 : Thresholds.dubbedCost
    let first = max(0, position / Self.hop)
    let last = min(frames, (position + clip.samples.count + Self.hop - 1) / Self.hop)
    output.samples.withUnsafeBufferPointer { theirs in
      clip.samples.withUnsafeBufferPointer { ours in
        let filter = TransferFilter(
          source.heard.map { heard in
            (
              BandSpectra(ours, start: heard.lowerBound - position, count: heard.count),
              BandSpectra(theirs, start: heard.lowerBound, count: heard.count)
            )
          })
        var start = first
        while start < last {
          let end = min(last, start + Self.chunk)
          let count = (end - start - 1) * Self.hop + Self.frame
          let begin = Self.around(start)
          let y = BandSpectra(theirs, start: begin, count: count)
          let x = BandSpectra(ours, start: begin - position, count: count)
          let left = filter.unexplained(of: y, by: x)
          for frame in start..<end {
            let isQuietHere =
              clip.waveform.level(from: frame * Self.hop - position, count: Self.hop) < Thresholds.inaudible
            let silence: Float = isQuietHere ? 0 : 1
            costs[state * frames + frame] = quiet[frame] ? silence : bias + min(1.5, left[frame - start])
          }
          start = end
        }
      }
    }
  }
}

/// The sequence of states with the least sum of costs, where every change of state costs as well (Viterbi, 1967).
enum CheapestPath {
  static func states(_ costs: FrameCosts) -> [Int] {
    let (frames, states) = (costs.frames, costs.states)
    // Entering a state from the cheapest other one, or staying: one best predecessor serves all states.
    var totals = (0..<states).map { costs.cost($0, 0) }
    var cameFrom = [Int32](repeating: 0, count: frames * states)
    for frame in 1..<max(1, frames) {
      var best = 0
      for state in 1..<states where totals[state] < totals[best] { best = state }
      let entering = totals[best] + Thresholds.changeCost
      for state in 0..<states {
        let stays = totals[state] <= entering
        cameFrom[frame * states + state] = Int32(stays ? state : best)
        totals[state] = min(totals[state], entering) + costs.cost(state, frame)
      }
    }
    var path = [Int](repeating: 0, count: frames)
    path[frames - 1] = totals.indices.min { totals[$0] < totals[$1] } ?? 0
    for frame in stride(from: frames - 1, to: 0, by: -1) {
      path[frame - 1] = Int(cameFrom[frame * states + path[frame]])
    }
    return path
  }
}
