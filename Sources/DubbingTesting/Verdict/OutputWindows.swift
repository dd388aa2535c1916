import AudioPrint
import Foundation

/// Finds in the output what became of each fragment.
///
/// Each one is first looked for where the picture says that it belongs. A dub that is not there is looked for in the whole output, and
/// its window is where it was found: how late it is does not decide whether it is known.
package struct OutputWindows {
  var output: AudioClip
  /// The fixture's sound.
  var original: Attributor
  var placed: [PlacedFragment]
  /// How much later the picture is in the output than in the fixture, seconds; nil: not known.
  var videoLag: Double?

  /// A dub this far from its place, seconds, is looked for once more: its window would be half another one's.
  private static let farOff = 0.5

  func windows() -> [StreamEvidence.Window] {
    let reference = videoLag ?? 0
    let pieces = placed.filter { $0.start + reference + 0.2 < output.duration }
    let first = attribute(pieces.map { ($0, $0.start + reference) }, originalAt: reference)
    let isSettled = zip(pieces, first).map { piece, window in
      piece.dubbed == nil || window.attribution == .dubbed(piece.sequence) && abs(window.lagSeconds) < Self.farOff
    }
    guard isSettled.contains(false) || pieces.count < placed.count else {
      return zip(pieces, first).map { window($0, $1) }
    }
    return searched(known: Dictionary(uniqueKeysWithValues: zip(pieces, first).map { ($0.sequence, ($0, $1)) }))
  }

  private typealias Attributed = (piece: PlacedFragment, window: WindowAttribution)

  /// The same, with what is not where it was expected looked for everywhere.
  private func searched(known: [Int: Attributed]) -> [StreamEvidence.Window] {
    let reference = videoLag ?? 0
    let whole = Attributor(candidates: [Candidate(role: .original, clip: output)], options: .everywhere)
    // How much later each dub is in the output than its fragment is in the fixture.
    var offsets: [Int: Double] = [:]
    for piece in placed {
      if let (_, window) = known[piece.sequence], window.attribution == .dubbed(piece.sequence),
        abs(window.lagSeconds) < Self.farOff
      {
        offsets[piece.sequence] = reference + window.lagSeconds
      } else if let place = place(of: piece, in: whole, near: piece.start + reference) {
        offsets[piece.sequence] = place - piece.start
      }
    }
    let usual = Self.usual(Array(offsets.values), reference: reference, reach: reach)
    let starts = placed.map { piece in
      let own = offsets[piece.sequence].flatMap { abs($0 - usual) <= reach ? $0 : nil }
      return (piece, piece.start + (own ?? usual))
    }.filter { piece, start in start + 0.2 < output.duration && start + piece.duration > 0.2 }
    let isUnmoved = abs(usual - reference) < 0.02
    let moved = starts.filter { piece, start in
      guard let (_, window) = known[piece.sequence] else { return true }
      // Where nothing new was found out, what was heard holds.
      let isExpected = isUnmoved && abs((offsets[piece.sequence] ?? .infinity) - usual) > reach
      let isKnown = window.attribution == .dubbed(piece.sequence) && abs(window.lagSeconds) < Self.farOff
      return !isExpected && !isKnown
    }
    let again: [Int: Attributed] = Dictionary(
      uniqueKeysWithValues: zip(moved, attribute(moved, originalAt: videoLag ?? usual)).map {
        ($0.0.sequence, ($0.0, $1))
      })
    return starts.compactMap { piece, _ in
      (again[piece.sequence] ?? known[piece.sequence]).map { window($0.piece, $0.window) }
    }
  }

  /// Half of a usual fragment, seconds: a dub that is farther from the others' places lies in another one's window.
  private var reach: Double {
    let lengths = placed.map(\.duration).sorted()
    return lengths.isEmpty ? 3 : lengths[lengths.count / 2] / 2
  }

  /// Where in the output a dub is, seconds; nil when it is nowhere.
  private func place(of piece: PlacedFragment, in whole: Attributor, near guess: Double) -> Double? {
    guard let dub = piece.dubbed else { return nil }
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: output, expectedStart: -guess)], options: .everywhere,
      reusing: whole)
    let found = attributor.attribute(dub, windows: [(start: 0, end: min(dub.duration, piece.duration))]).first
    guard let found, found.attribution == .passthrough else { return nil }
    return guess - found.lagSeconds
  }

  /// How much later dubs are usually.
  ///
  /// Those near the picture's place say so, if there are any; else most of those that agree, so that one that was swapped says nothing.
  package static func usual(_ offsets: [Double], reference: Double, reach: Double) -> Double {
    let near = offsets.filter { abs($0 - reference) <= reach }
    let groups = offsets.map { one in offsets.filter { abs($0 - one) <= reach } }
    let largest = groups.max { ($0.count, -abs($0[0] - reference)) < ($1.count, -abs($1[0] - reference)) } ?? []
    let chosen = near.isEmpty ? (largest.count > 1 || offsets.count == 1 ? largest : []) : near
    return chosen.isEmpty ? reference : chosen.sorted()[chosen.count / 2]
  }

  /// - Parameter start: where the original would be, seconds. Where the picture does not say, it is where the dubs are: one that was
  ///   passed through is as like the answer as like the original, and the one that is nearer to its place would win.
  private func attribute(_ pieces: [(PlacedFragment, Double)], originalAt start: Double) -> [WindowAttribution] {
    var candidates = [Candidate(role: .original, clip: original.candidates[0].clip, expectedStart: start)]
    let starts = Dictionary(uniqueKeysWithValues: pieces.map { ($0.0.sequence, $0.1) })
    for piece in placed {
      guard let dubbed = piece.dubbed else { continue }
      candidates.append(
        Candidate(
          role: .dubbed(piece.sequence), clip: dubbed,
          expectedStart: starts[piece.sequence] ?? piece.start + (videoLag ?? 0)))
    }
    let attributor = Attributor(candidates: candidates, options: .everywhere, reusing: original)
    let windows = pieces.map { piece, start in
      (start: max(0, start), end: min(start + piece.duration, output.duration))
    }
    return attributor.attribute(output, windows: windows).map { window in
      Self.isSilentInside(window, attributor, output) ?? Self.isOneInParts(window, attributor, output) ?? window
    }.map { window in
      // Against where the picture says that it belongs, wherever it was looked for.
      var window = window
      if case .dubbed(let sequence) = window.attribution, let start = starts[sequence],
        let piece = placed.first(where: { $0.sequence == sequence })
      {
        window.lagSeconds += start - piece.start - (videoLag ?? 0)
      }
      return window
    }
  }

  /// An unknown window that is silent but for its edges.
  ///
  /// Fragments that travel in a codec are placed to one of its frames, and what is heard of a neighbour there is no sound of its own.
  private static func isSilentInside(
    _ window: WindowAttribution, _ attributor: Attributor, _ output: AudioClip
  ) -> WindowAttribution? {
    let edge = 0.1
    guard window.attribution == .unknown, window.end - window.start > 4 * edge else { return nil }
    let inside = attributor.attribute(output, windows: [(start: window.start + edge, end: window.end - edge)]).first
    guard var inside, inside.attribution == .silent else { return nil }
    (inside.start, inside.end) = (window.start, window.end)
    return inside
  }

  /// Seconds of a part of a window that is told by itself, and the mean coherence from which all of them together are known.
  private static let (part, explained) = (2.0, 0.6)

  /// An unknown window whose parts are one thing.
  ///
  /// Where something is left out inside of it, or put in, it has two delays, neither of which explains the whole.
  private static func isOneInParts(
    _ window: WindowAttribution, _ attributor: Attributor, _ output: AudioClip
  ) -> WindowAttribution? {
    let count = Int(((window.end - window.start) / part + 0.01).rounded(.down))
    guard window.attribution == .unknown, count > 1 else { return nil }
    let length = (window.end - window.start) / Double(count)
    let parts = attributor.attribute(
      output,
      windows: (0..<count).map {
        (start: window.start + Double($0) * length, end: window.start + Double($0 + 1) * length)
      }
    ).filter { $0.attribution != .silent }
    let known = parts.filter { $0.attribution != .unknown }
    // Of several places the one that is farthest off: what is out of time must not hide behind what is not.
    guard let farthest = known.max(by: { abs($0.lagSeconds) < abs($1.lagSeconds) }),
      farthest.attribution != .mixed, known.allSatisfy({ $0.attribution == farthest.attribution }),
      2 * known.count >= parts.count
    else { return nil }
    var whole = farthest
    (whole.start, whole.end, whole.level) = (window.start, window.end, window.level)
    whole.coherence = parts.map(\.coherence).reduce(0, +) / Double(parts.count)
    return whole.coherence >= explained ? whole : nil
  }

  private func window(_ piece: PlacedFragment, _ found: WindowAttribution) -> StreamEvidence.Window {
    let (start, end) = (Duration.seconds(found.start), Duration.seconds(max(found.start, found.end)))
    return StreamEvidence.Window(
      sequence: piece.sequence, content: WindowContent(found.attribution), coherence: found.coherence,
      originalCoherence: found.originalCoherence, lag: .seconds(found.lagSeconds), level: found.level,
      place: .init(fixtureStart: .seconds(piece.start), output: start..<end))
  }
}
