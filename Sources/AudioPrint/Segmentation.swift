/// A candidate at a place of the output.
struct Placement: Hashable {
  var candidate: Int
  /// Output sample at which the candidate's sample 0 lies.
  var position: Double

  /// Two placements of a candidate within 20 ms are the same one.
  static let tolerance = 160

  func isSame(as other: Placement) -> Bool {
    candidate == other.candidate && abs(position - other.position) <= Double(Self.tolerance)
  }
}

/// Divides an output into segments: finds which candidates lie where, asks of every frame how much each explains, and takes the
/// cheapest sequence of sources (Viterbi), in which a change costs as much as 0.1 s of unexplained sound.
struct Segmentation {
  let attributor: Attributor
  let output: Waveform

  private static let hop = Thresholds.coherenceHop
  private static let frame = Thresholds.coherenceFrame
  private static let rate = Double(Thresholds.sampleRate)

  private struct Span {
    /// Index into the sources; nil for silence and the unknown.
    var source: Int?
    var frames: Range<Int>
  }

  func segments() -> [WindowAttribution] {
    let plain = segmentsAtOwnSpeed()
    guard attributor.options.findsSpeed else { return plain }
    return OtherSpeed(attributor: attributor, output: output).segments(plain)
  }

  /// The same with candidates that play as fast as they are.
  func segmentsAtOwnSpeed() -> [WindowAttribution] {
    let duration = output.duration
    guard duration > 0 else { return [] }
    let sources = findSources()
    let frames = max(1, (output.samples.count + Self.hop - 1) / Self.hop)
    let costs = FrameCosts(attributor: attributor, output: output, sources: sources, frames: frames)
    let spans = self.spans(of: CheapestPath.states(costs), silent: sources.count)
    var (joiner, segments) = (SegmentJoiner(), [WindowAttribution]())
    var start = 0.0
    for (index, span) in spans.enumerated() {
      let end = index == spans.count - 1 ? duration : edge(span, spans[index + 1], sources, costs)
      guard end > start else { continue }
      segments += joiner.join(judged(span, from: start, to: end, sources.map(\.placement)), from: start, to: end)
      start = end
    }
    return Pause(attributor: attributor, output: output).assigned(segments + joiner.finish(), joins: true)
  }

  // MARK: Sources

  /// Looks for candidates in overlapping windows and keeps each place once, with the windows in which it was heard.
  private func findSources() -> [FrameCosts.Source] {
    let memory = SearchMemory()
    let short = ShortCandidates(attributor: attributor, output: output)
    var sources: [FrameCosts.Source] = []
    var start = 0.0
    func add(_ place: Placement, heard window: Range<Int>) {
      if let known = sources.firstIndex(where: { $0.placement.isSame(as: place) }) {
        sources[known].heard.append(window)
      } else {
        sources.append(FrameCosts.Source(placement: place, heard: [window]))
      }
    }
    repeat {
      let end = min(start + Thresholds.probe, output.duration)
      let judge = WindowJudge(attributor: attributor, output: output, start: start, end: end, memory: memory)
      let (found, places) = judge.judgeWithPlacements()
      for place in places { add(place, heard: judge.first..<judge.first + judge.count) }
      // Where one source explains nearly all, there is room for no other.
      if found.attribution != .silent, found.coherence < Thresholds.certain {
        for place in short.places(overlapping: judge.first..<judge.first + judge.count) {
          let begin = max(0, Int(place.position.rounded()))
          let end = min(output.samples.count, begin + attributor.prepared[place.candidate].samples.count)
          add(place, heard: begin..<end)
        }
      }
      start += Thresholds.probeStep
    } while start + Thresholds.probe / 2 < output.duration
    return sources
  }

  // MARK: Edges

  private func spans(of states: [Int], silent: Int) -> [Span] {
    var spans: [Span] = []
    var start = 0
    for frame in states.indices where frame == states.count - 1 || states[frame + 1] != states[frame] {
      spans.append(Span(source: states[frame] < silent ? states[frame] : nil, frames: start..<frame + 1))
      start = frame + 1
    }
    return spans
  }

  /// Seconds at which one span ends and the next begins.
  ///
  /// Where the sound alone does not tell, which is in pauses, a fragment's own begin or end is the better guess.
  private func edge(_ left: Span, _ right: Span, _ sources: [FrameCosts.Source], _ costs: FrameCosts) -> Double {
    let found = left.frames.upperBound
    var bounds: [Double] = []
    if let source = right.source { bounds.append(sources[source].placement.position) }
    if let source = left.source {
      let place = sources[source].placement
      bounds.append(place.position + Double(attributor.prepared[place.candidate].samples.count))
    }
    for bound in bounds {
      let frame = Int((bound / Double(Self.hop)).rounded())
      guard frame > left.frames.lowerBound, frame < right.frames.upperBound else { continue }
      if costs.movingEdge(from: found, to: frame, left: left.source, right: right.source) <= 0.5 {
        return bound.clamped(to: 0...Double(output.samples.count)) / Self.rate
      }
    }
    return Double(found * Self.hop) / Self.rate
  }

  // MARK: Verdicts

  /// One verdict, or several where a quiet second source is heard in parts of a span only: of 6 s of a voice that is 18 dB under 30 s of
  /// another sound nothing shows in the whole.
  private func judged(
    _ span: Span, from start: Double, to end: Double, _ places: [Placement]
  ) -> [WindowAttribution] {
    let whole = judge(from: start, to: end, places)
    guard let source = span.source else { return [whole] }
    var cuts = [start]
    for (index, place) in places.enumerated() where index != source {
      let first = place.position / Self.rate
      let last = first + attributor.prepared[place.candidate].duration
      cuts += [first, last].filter { $0 > start + Thresholds.surelyLong && $0 < end - Thresholds.surelyLong }
    }
    cuts.sort()
    // Two fragments end to end have one edge, which is found twice.
    cuts = cuts.reduce(into: []) { kept, cut in
      if let last = kept.last, cut - last < Thresholds.surelyLong { return }
      kept.append(cut)
    }
    guard cuts.count > 1 else { return [whole] }
    let parts = zip(cuts, cuts.dropFirst() + [end]).map { judge(from: $0, to: $1, places) }
    return parts.contains { $0.attribution == .mixed } ? parts : [whole]
  }

  private func judge(from start: Double, to end: Double, _ places: [Placement]) -> WindowAttribution {
    let middle = (start + end) / 2
    let half = min(end - start, Thresholds.longestJudged) / 2
    var result = WindowJudge(
      attributor: attributor, output: output, start: middle - half, end: middle + half, memory: SearchMemory(),
      places: places
    ).judge()
    (result.start, result.end) = (start, end)
    return result
  }
}
