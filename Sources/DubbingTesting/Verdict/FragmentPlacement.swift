import AudioPrint

/// A stretch of the fixture, seconds on its time line, and what was made of it.
struct PlacedFragment: Sendable {
  var sequence: Int
  var start: Double
  var duration: Double
  /// dBFS (RMS) of the original.
  var level = -Double.infinity
  var dubbed: AudioClip?
  /// Whether its sound was recognised there.
  var isFound = false
  /// Whether a fragment was cut there; what was never sent is in the output all the same, and has to be something.
  var isSent = true

  var end: Double { start + duration }
}

/// Finds where in the fixture each fragment was cut, by its sound.
///
/// Workers cut where they joined and as long as their codec's frames make it, so there is no grid: each one is first looked for behind
/// the one before it, and then everywhere. One without a sound of its own lies between its neighbours.
struct FragmentPlacement {
  var fixture: Fixture
  /// The fixture's sound.
  var original: Attributor
  /// Length of a fragment, seconds, where none was sent that could be measured.
  var segment: Double

  /// Pieces of less than this are rounding of containers and codecs.
  private static let shortest = 0.05

  /// - Parameters:
  ///   - fragments: what was sent, by sequence number.
  ///   - sounds: what could be decoded of it.
  /// - Returns: those that lie in the fixture, and what of it was never sent, by sequence number.
  func place(_ fragments: [StreamEvents.Fragment], _ sounds: StreamSounds) -> [PlacedFragment] {
    var placed: [PlacedFragment] = []
    for fragment in fragments {
      let sequence = fragment.sequence
      let guess = placed.last.map { $0.end + Double(sequence - $0.sequence - 1) * $0.duration } ?? 0
      var next = PlacedFragment(
        sequence: sequence, start: guess, duration: max(0, fragment.data.audio.durationMs / 1000))
      if let clip = sounds.fragments[sequence] { place(&next, clip) }
      next.dubbed = sounds.dubs[sequence]
      placed.append(next)
    }
    // What was silent before the first sound ends where that begins.
    if let first = placed.firstIndex(where: \.isFound) {
      for index in (0..<first).reversed() { placed[index].start = placed[index + 1].start - placed[index].duration }
    }
    let inside = placed.filter { $0.end > Self.shortest && $0.start < fixture.duration - Self.shortest }
    return (inside + unsent(placed)).sorted { $0.sequence < $1.sequence }
  }

  private func place(_ fragment: inout PlacedFragment, _ clip: AudioClip) {
    fragment.duration = clip.duration
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: original.candidates[0].clip, expectedStart: -fragment.start)],
      options: .everywhere, reusing: original)
    guard let found = attributor.attribute(clip, windows: [(start: 0, end: clip.duration)]).first else { return }
    fragment.level = found.level
    fragment.isFound = found.attribution == .passthrough
    if fragment.isFound { fragment.start -= found.lagSeconds }
  }

  /// What lies before, between and behind what was sent, as far as sequence numbers leave room for it.
  private func unsent(_ sent: [PlacedFragment]) -> [PlacedFragment] {
    guard let first = sent.first, let last = sent.last else {
      return tiles(from: 0, to: fixture.duration, length: segment, sequence: 0)
    }
    var tiles = spread(0..<first.sequence, from: 0, to: first.start)
    for (one, next) in zip(sent, sent.dropFirst()) {
      tiles += spread(one.sequence + 1..<max(one.sequence + 1, next.sequence), from: one.end, to: next.start)
    }
    let lengths = sent.map(\.duration).sorted()
    return tiles
      + self.tiles(
        from: last.end, to: fixture.duration, length: max(lengths[lengths.count / 2], 0.5), sequence: last.sequence + 1)
  }

  private func spread(_ sequences: Range<Int>, from start: Double, to end: Double) -> [PlacedFragment] {
    let length = (end - start) / Double(max(1, sequences.count))
    guard length > Self.shortest else { return [] }
    return sequences.map { sequence in
      PlacedFragment(
        sequence: sequence, start: start + Double(sequence - sequences.lowerBound) * length, duration: length,
        isSent: false)
    }
  }

  private func tiles(from start: Double, to end: Double, length: Double, sequence: Int) -> [PlacedFragment] {
    stride(from: start, to: end - Self.shortest, by: length).enumerated().map { index, start in
      PlacedFragment(
        sequence: sequence + index, start: start, duration: min(length, end - start), isSent: false)
    }
  }
}

extension AttributionOptions {
  /// However long the candidates are, they are looked for in all of it.
  static let everywhere = AttributionOptions(wideSearchRange: 600)
}
