/// All delays at which a recording plays a clip: the first is given, the others are looked for where none that is known explains what sounds.
struct ContinuityLanes {
  let clip: ContinuitySignal
  let recording: ContinuitySignal
  /// Blocks of the recording in which the clip may play.
  let limits: Range<Int>
  private(set) var lanes: [ContinuityLane] = []
  /// Per lane and block of the lane: normalised correlation over 25 ms; NaN where too little sounds to tell.
  private(set) var agreements: [[Float]] = []
  /// Per block of the limits: the best agreement of all lanes.
  private var best: [Float]
  /// Level of the recording over that of the clip; energies are compared with its square.
  private(set) var gain: Float = 1

  /// Blocks on each side that are judged together.
  static let reach = 2
  /// Most lanes, so that a state fits a bit of a word.
  private static let most = 60
  /// Agreement from which a block is explained.
  private static let explained: Float = 0.6
  /// Seconds, in samples, by which a recording may be ahead or behind.
  private static let radius = 4 * Thresholds.sampleRate

  init(
    clip: ContinuitySignal, recording: ContinuitySignal, limits: Range<Int>, offset: Int, at block: Int
  ) {
    (self.clip, self.recording, self.limits) = (clip, recording, limits)
    best = [Float](repeating: .nan, count: limits.count)
    add(ContinuityLane(clip: clip, recording: recording, offset: offset, at: block, limits: limits))
    gain = estimateGain()
    discover()
  }

  /// Energies of blocks from which clip and recording count as sounding.
  var audibleSource: Float { max(ContinuitySignal.floor, 1e-3 * clip.loud) }
  var audibleRecording: Float { max(ContinuitySignal.floor, 1e-3 * gain * gain * clip.loud) }

  private mutating func add(_ lane: ContinuityLane) {
    let agreement = self.agreement(of: lane)
    for (index, value) in agreement.enumerated() where !value.isNaN {
      let place = index + lane.blocks.lowerBound - limits.lowerBound
      best[place] = best[place].isNaN ? value : max(best[place], value)
    }
    lanes.append(lane)
    agreements.append(agreement)
  }

  /// The median of the blocks that agree.
  private func estimateGain() -> Float {
    let (lane, agreement) = (lanes[0], agreements[0])
    var ratios: [Float] = []
    let step = max(1, agreement.count / 4000)
    for index in stride(from: 0, to: agreement.count, by: step) where agreement[index] > 0.75 {
      if lane.source[index] > 10 * audibleSource { ratios.append(lane.cross[index] / lane.source[index]) }
    }
    guard ratios.count >= 8 else { return 1 }
    ratios.sort()
    return max(1e-4, ratios[ratios.count / 2])
  }

  private func agreement(of lane: ContinuityLane) -> [Float] {
    let count = lane.blocks.count
    var out = [Float](repeating: .nan, count: count)
    let floor = 2 * ContinuitySignal.floor
    let shift = lane.blocks.lowerBound
    recording.energies.withUnsafeBufferPointer { y in
      lane.source.withUnsafeBufferPointer { x in
        lane.cross.withUnsafeBufferPointer { cross in
          out.withUnsafeMutableBufferPointer { out in
            var i = 0
            while i < count {
              let (from, to) = (max(0, i - Self.reach), min(count, i + Self.reach + 1))
              var (a, b, c): (Float, Float, Float) = (0, 0, 0)
              var k = from
              while k < to {
                a += x[k]
                b += y[k + shift]
                c += cross[k]
                k += 1
              }
              if a > floor || b > floor { out[i] = a > 0 && b > 0 ? c / (a * b).squareRoot() : 0 }
              i += 1
            }
          }
        }
      }
    }
    return out
  }

  // MARK: Search

  private mutating func discover() {
    var (place, tries) = (limits.lowerBound, 0)
    while lanes.count < Self.most, tries < 4 * Self.most, let stretch = unexplained(from: place) {
      tries += 1
      let window = stretch.lowerBound..<min(stretch.upperBound, stretch.lowerBound + 80)
      if let lane = search(window) {
        add(lane)
        if let again = unexplained(from: place), again.lowerBound > window.lowerBound { continue }
      }
      place = window.lowerBound + 20
    }
  }

  /// The next 60 ms or more that sound and that no lane explains.
  private func unexplained(from start: Int) -> Range<Int>? {
    let audible = audibleRecording
    var (first, heard, good): (Int?, Int, Int) = (nil, 0, 0)
    var block = start
    while block < limits.upperBound {
      let isHeard = recording.energies[block] > audible
      let value = best[block - limits.lowerBound]
      if isHeard, value.isNaN || value < Self.explained {
        if first == nil { (first, heard) = (block, 0) }
        heard += 1
        good = 0
      } else if isHeard, first != nil {
        good += 1
        if good >= 4 {
          if let first, heard >= 12 { return first..<block - 3 }
          first = nil
          good = 0
        }
      }
      block += 1
    }
    if let first, heard >= 12 { return first..<block }
    return nil
  }

  private func search(_ window: Range<Int>) -> ContinuityLane? {
    let size = ContinuitySignal.block
    // A little more than a short window tells its place better.
    let wide = window.lowerBound..<min(limits.upperBound, max(window.upperBound, window.lowerBound + 24))
    let first = wide.lowerBound * size
    let last = min(wide.upperBound * size, recording.samples.count)
    guard last - first >= 12 * size else { return nil }
    let near = currentOffset(before: window.lowerBound)
    let delay = clip.samples.withUnsafeBufferPointer {
      DelaySearch(recording.samples[first..<last]).delay(in: $0, centre: first + near, radius: Self.radius)
    }
    guard let delay else { return nil }
    let offset = Int(delay.rounded()) - first
    let lane = ContinuityLane(
      clip: clip, recording: recording, offset: offset, at: (window.lowerBound + window.upperBound) / 2,
      limits: limits, patience: 200)
    let agreement = self.agreement(of: lane)
    var won: Float = 0
    for block in window where lane.blocks.contains(block) {
      let (mine, known) = (agreement[block - lane.blocks.lowerBound], best[block - limits.lowerBound])
      guard recording.energies[block] > audibleRecording, mine >= Self.explained else { continue }
      won += max(0, mine - (known.isNaN ? 0 : max(0, known)))
    }
    return won >= 3 ? lane : nil
  }

  /// The offset of the lane that explains best what comes before, behind any other sound that was put in.
  private func currentOffset(before start: Int) -> Int {
    var block = start
    while block > limits.lowerBound, !(best[block - 1 - limits.lowerBound] >= Self.explained) { block -= 1 }
    var (found, height): (Int, Float) = (lanes[0].offset(at: block), 0)
    for (lane, agreement) in zip(lanes, agreements) {
      var sum: Float = 0
      for place in max(
        lane.blocks.lowerBound, block - 20)..<max(
          max(lane.blocks.lowerBound, block - 20), min(block, lane.blocks.upperBound))
      {
        let value = agreement[place - lane.blocks.lowerBound]
        if value > Self.explained { sum += value }
      }
      if sum > height { (found, height) = (lane.offset(at: block), sum) }
    }
    return found
  }
}
