/// The cheapest way through the lanes (Viterbi): which delay each block of a recording plays, or none.
struct ContinuityPath {
  /// Per block of the limits: a lane, or nil.
  let states: [Int?]

  /// Cost of a block that nothing explains, and of a change: as much as 15 ms of another sound.
  private static let (noneCost, changeCost): (Float, Float) = (0.5, 1.5)
  /// Where nothing sounds the lanes are preferred to none.
  private static let idleCost: Float = 0.02

  init(_ lanes: ContinuityLanes) {
    let (count, states) = (lanes.limits.count, lanes.lanes.count + 1)
    let none = states - 1
    var totals = [Float](repeating: 0, count: states)
    // Per block: which state was cheapest before it, and, as bits, which states come from there.
    var cheapest = [UInt8](repeating: 0, count: count)
    var changed = [UInt64](repeating: 0, count: count)
    let (x, y) = (lanes.audibleSource, lanes.audibleRecording)
    for index in 0..<count {
      let block = index + lanes.limits.lowerBound
      let best = totals.indices.min { totals[$0] < totals[$1] } ?? none
      let change = totals[best] + Self.changeCost
      var bits: UInt64 = 0
      let isHeard = lanes.recording.energies[block] > y
      var isExpected = false
      for state in 0..<none {
        var cost: Float = 1
        let lane = lanes.lanes[state]
        if lane.blocks.contains(block) {
          let place = block - lane.blocks.lowerBound
          let sounds = lane.source[place] > x
          if sounds { isExpected = true }
          let agreement = lanes.agreements[state][place]
          cost = sounds || isHeard ? (agreement.isNaN ? 0 : 1 - max(0, agreement)) : 0
        } else if !isHeard {
          cost = 2 * Self.idleCost
        }
        if change < totals[state] {
          bits |= 1 << UInt64(state)
          totals[state] = change + cost
        } else {
          totals[state] += cost
        }
      }
      let cost = isHeard || isExpected ? Self.noneCost : Self.idleCost
      if change < totals[none] {
        bits |= 1 << UInt64(none)
        totals[none] = change + cost
      } else {
        totals[none] += cost
      }
      cheapest[index] = UInt8(best)
      changed[index] = bits
    }
    var state = totals.indices.min { totals[$0] < totals[$1] } ?? none
    var path = [Int?](repeating: nil, count: count)
    for index in stride(from: count - 1, through: 0, by: -1) {
      path[index] = state == none ? nil : state
      if changed[index] >> UInt64(state) & 1 == 1 { state = Int(cheapest[index]) }
    }
    self.states = path
  }
}
