/// Judges a window of less than 3 s by what is before it and after it.
///
/// A voice says some words twice, and a synthetic one says them alike to the sample: within a second they cannot be told apart. So a
/// source counts only where it also explains the window together with the 1.5 s before it, or those after it; from 2 s on, with 1 s.
/// What is heard alone for less than that is unknown, except at an end of the output, where there is nothing to ask on the other side, and
/// where it is a whole short candidate.
struct ShortWindow {
  let attributor: Attributor
  let output: Waveform
  let start: Double
  let end: Double
  let memory: SearchMemory

  /// Whether a window is so short that its surroundings have to be asked.
  static func applies(from start: Double, to end: Double) -> Bool {
    end > start && end - start < Thresholds.alone
  }

  func judge() -> WindowAttribution {
    let side = end - start < Thresholds.surelyLong ? Thresholds.side : Thresholds.shorterSide
    let sides = [
      (from: max(0, start - side), to: end), (from: start, to: min(output.duration, end + side)),
    ].filter { $0.to - $0.from - (end - start) >= Thresholds.shortestSide }
    guard !sides.isEmpty else { return window(from: start, to: end, places: nil).judge() }
    var places: [Placement] = []
    var (coherence, originalCoherence) = (0.0, 0.0)
    for side in sides {
      let (found, named) = window(from: side.from, to: side.to, places: nil).judgeWithPlacements()
      places += named.filter { place in !places.contains { $0.isSame(as: place) } }
      coherence = max(coherence, found.coherence)
      originalCoherence = max(originalCoherence, found.originalCoherence)
    }
    func sample(_ time: Double) -> Int {
      Int((time.clamped(to: 0...output.duration) * Double(Thresholds.sampleRate)).rounded())
    }
    let stretch = sample(start)..<max(sample(start), sample(end))
    places += ShortCandidates(attributor: attributor, output: output).places(overlapping: stretch).filter { place in
      !places.contains { $0.isSame(as: place) }
    }
    var result = window(from: start, to: end, places: places).judge()
    if result.attribution == .unknown {
      // At an end of the output one side is missing, and the other may be another source.
      if sides.count == 1 { return window(from: start, to: end, places: nil).judge() }
      result.coherence = max(result.coherence, min(coherence, Thresholds.explained))
    }
    if !places.contains(where: { attributor.candidates[$0.candidate].isOriginal }) {
      result.originalCoherence = originalCoherence
    }
    return result
  }

  private func window(from start: Double, to end: Double, places: [Placement]?) -> WindowJudge {
    WindowJudge(
      attributor: attributor, output: output, start: start, end: end, memory: memory, places: places,
      isConfirmed: places != nil)
  }
}
