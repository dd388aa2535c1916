/// Stretches in which a recording is silent where its source, at the same moment, sounds.
///
/// Levels are compared frame by frame: what the source has within 25 dB of its own loudness, and the recording not within 30 dB of what
/// is to be expected, is muted. Pauses between two muted frames belong to the stretch; stretches below half a second are left out, as
/// codecs and noise gates make such.
struct MutedStretches {
  /// Frames of the recording.
  let ranges: [Range<Int>]
  /// Seconds from one frame to the next.
  private let step: Double

  private static let (loudness, depth, shortest, least) = (25.0, 30.0, 0.5, 0.25)

  var seconds: Double { ranges.reduce(0) { $0 + Double($1.count) } * step }

  /// - Parameters:
  ///   - levels: of the recording's frames, in dBFS.
  ///   - source: of the source's frames at the same moments; nil where it does not reach.
  init(levels: [Double], source: [Double?], step: Double) {
    self.step = step
    let known = source.compactMap(\.self).filter(\.isFinite)
    let loud =
      decibels(power: known.map { power(decibels: $0) }.reduce(0, +) / Double(max(1, known.count))) - Self.loudness
    guard loud.isFinite else {
      ranges = []
      return
    }
    // By how much the recording is louder: the median of what both have, so that what is muted does not count.
    let differences = zip(levels, source).compactMap { level, source -> Double? in
      guard let source, source >= loud, level >= Thresholds.silence else { return nil }
      return level - source
    }.sorted()
    let gain = differences.isEmpty ? 0 : differences[differences.count / 2]
    /// Nil: quiet in both.
    func isMuted(_ index: Int) -> Bool? {
      guard let source = source[index] else { return false }
      let isBelow = levels[index] < max(source, loud) + gain - Self.depth
      return source >= loud ? isBelow : isBelow || levels[index] < Thresholds.inaudible ? nil : false
    }
    var (found, current, muted): ([Range<Int>], Range<Int>?, Int) = ([], nil, 0)
    func end() {
      if let current, Double(current.count) * step >= Self.shortest - 1e-9, Double(muted) * step >= Self.least {
        found.append(current)
      }
      (current, muted) = (nil, 0)
    }
    for index in levels.indices {
      switch isMuted(index) {
      case true?: (current, muted) = ((current?.lowerBound ?? index)..<index + 1, muted + 1)
      case false?: end()
      case nil: break
      }
    }
    end()
    ranges = found
  }
}
