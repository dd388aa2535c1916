/// Attributes at another speed what nothing explains at the candidates' own.
struct OtherSpeed {
  let attributor: Attributor
  let output: Waveform

  /// Another speed is looked for where at least so many seconds are unknown, and they are half of what sounds: a speed belongs to a whole
  /// recording, and the search costs more than all others.
  private static let least = 4.0
  /// Most seconds that are looked at together, which bounds the memory.
  private static let longest = 60.0

  /// The same windows; those that another speed explains have it.
  func windows(_ windows: [(start: Double, end: Double)], _ results: [WindowAttribution]) -> [WindowAttribution] {
    var results = results
    var first = 0
    while first < windows.count {
      var last = first + 1
      while last < windows.count, windows[last].start >= windows[first].start,
        windows[last].end - windows[first].start <= Self.longest
      { last += 1 }
      improve(first..<last, windows, &results)
      first = last
    }
    return results
  }

  private func improve(
    _ range: Range<Int>, _ windows: [(start: Double, end: Double)], _ results: inout [WindowAttribution]
  ) {
    guard isWorthwhile(results[range]) else { return }
    let begin = max(0, (windows[range].map(\.start).min() ?? 0) - 2)
    let end = min(output.duration, (windows[range].map(\.end).max() ?? 0) + 2)
    guard let (ratio, there, stretched) = stretched(from: begin, to: end, results[range]) else { return }
    for index in range where results[index].attribution == .unknown {
      let window = (start: (windows[index].start - begin) * ratio, end: (windows[index].end - begin) * ratio)
      guard let found = there.attributeAtOwnSpeed(stretched, windows: [window]).first, found.candidateIndex != nil
      else { continue }
      results[index] = onTimeline(found, begin, ratio, there)
      (results[index].start, results[index].end) = (windows[index].start, windows[index].end)
    }
  }

  /// The segments at another speed, if they leave less unknown.
  func segments(_ segments: [WindowAttribution]) -> [WindowAttribution] {
    guard isWorthwhile(segments[...]),
      let (ratio, there, stretched) = stretched(from: 0, to: output.duration, segments[...])
    else { return segments }
    let found = Segmentation(attributor: there, output: stretched).segmentsAtOwnSpeed().map {
      onTimeline($0, 0, ratio, there)
    }
    func unknown(_ parts: [WindowAttribution]) -> Double {
      parts.filter { $0.attribution == .unknown }.reduce(0) { $0 + $1.end - $1.start }
    }
    guard unknown(found) < 0.5 * unknown(segments) else { return segments }
    return found.enumerated().map { index, segment in
      var segment = segment
      if index == found.count - 1 { segment.end = output.duration }
      return segment
    }
  }

  private func isWorthwhile(_ results: ArraySlice<WindowAttribution>) -> Bool {
    let audible = results.filter { $0.attribution != .silent }
    let unknown = audible.filter { $0.attribution == .unknown }.reduce(0) { $0 + $1.end - $1.start }
    return unknown >= Self.least && 2 * unknown >= audible.reduce(0) { $0 + $1.end - $1.start }
  }

  /// A part of the output at the candidates' speed, and the candidates on its timeline.
  private func stretched(
    from begin: Double, to end: Double, _ results: ArraySlice<WindowAttribution>
  ) -> (ratio: Double, there: Attributor, stretched: Waveform)? {
    let part = Waveform(output.clip.slice(from: begin, to: end))
    // A window may be asked for that goes on beyond the output, or has no end.
    let unknown = results.filter { $0.attribution == .unknown }.map { result in
      (
        start: (result.start - begin).clamped(to: 0...part.duration),
        end: (result.end - begin).clamped(to: 0...part.duration)
      )
    }
    let here = attributor.shifted(by: -begin)
    guard let found = SpeedSearch(attributor: here, output: part).finding(in: Self.joined(unknown)) else { return nil }
    let starts = here.candidates.indices.map { index in
      found.starts[index] ?? here.candidates[index].expectedStart.map { $0 * found.ratio }
    }
    return (found.ratio, here.placed(starts), Waveform(samples: found.samples))
  }

  /// Neighbouring stretches as one.
  private static func joined(_ stretches: [(start: Double, end: Double)]) -> [(start: Double, end: Double)] {
    stretches.reduce(into: []) { joined, next in
      if let last = joined.last, next.start <= last.end + 0.01, next.start >= last.start {
        joined[joined.count - 1].end = max(last.end, next.end)
      } else {
        joined.append(next)
      }
    }
  }

  /// A result on the output's timeline; its lag is that at its beginning.
  private func onTimeline(
    _ result: WindowAttribution, _ begin: Double, _ ratio: Double, _ there: Attributor
  ) -> WindowAttribution {
    var result = result
    (result.start, result.end) = (begin + result.start / ratio, begin + result.end / ratio)
    guard let index = result.candidateIndex else { return result }
    let position = result.lagSeconds + (there.candidates[index].expectedStart ?? 0)
    let time = (result.start - begin) * ratio - position
    result.speedRatio = ratio
    result.lagSeconds = result.start - time - (attributor.candidates[index].expectedStart ?? 0)
    return result
  }
}
