import AudioPrint
import Foundation

/// A break that was put into a recording.
struct MadeBreak: Sendable {
  var kind: Break.Kind
  /// Seconds on the recording's timeline.
  var start: Double
  var length: Double
  /// Seconds from there to the same place in the clip.
  var shift = 0.0
}

/// Puts breaks into a clip, at places where it sounds.
struct BreakMaker {
  static let kinds: [Break.Kind] = [.missing, .doubled, .skipped, .inserted, .levelDrop, .clipping]
  static let lengths = [0.01, 0.02, 0.04, 0.05, 0.1, 0.5, 2]
  /// Seconds from the end of one break to the begin of the next, and that are left whole at both ends.
  private static let (spacing, margin) = (2.2, 1.2)

  let source: [Float]
  let rate: Int
  var chance: Chance
  private let level: Float

  init(_ source: [Float], rate: Int, seed: UInt64) {
    (self.source, self.rate, chance) = (source, rate, Chance(seed))
    // Of what sounds: pauses must not make the rest look loud.
    let size = max(1, rate / 100)
    let powers = stride(from: 0, to: source.count - size, by: size).map { Self.power(source[$0..<$0 + size]) }
    let mean = powers.reduce(0, +) / Float(max(1, powers.count))
    let loud = powers.filter { $0 > 0.1 * mean }
    level = loud.reduce(0, +) / Float(max(1, loud.count))
  }

  private static func power(_ part: ArraySlice<Float>) -> Float {
    part.reduce(0) { $0 + $1 * $1 } / Float(max(1, part.count))
  }

  /// The clip with breaks of the given kinds and lengths, in that order, as far as there is room.
  mutating func broken(_ wanted: [(kind: Break.Kind, length: Double)]) -> (samples: [Float], breaks: [MadeBreak]) {
    var (out, made): ([Float], [MadeBreak]) = ([], [])
    var done = 0
    for (kind, length) in wanted {
      let count = Int((length * Double(rate)).rounded())
      let earliest = done + Int((made.isEmpty ? Self.margin : Self.spacing) * Double(rate))
      // What is played twice must sound as well.
      let before = kind == .doubled ? count : 0
      guard let start = place(from: max(earliest, count) - before, count: before + count) else { break }
      let place = start + before
      out += source[done..<place]
      made.append(
        MadeBreak(
          kind: kind, start: Double(out.count) / Double(rate), length: length,
          shift: Double(place - out.count) / Double(rate)))
      done = put(kind, at: place, count: count, into: &out)
    }
    return (out + source[done...], made)
  }

  /// A place in the next second and a half where the clip sounds at both ends of the span, and, if that is short, all through it.
  private mutating func place(from first: Int, count: Int) -> Int? {
    let size = rate / 100
    for attempt in 0..<200 {
      let place = first + Int.random(in: 0..<Int(Double(rate) * (attempt < 100 ? 1.5 : 4)), using: &chance)
      guard place + count + Int(Self.margin * Double(rate)) < source.count else { continue }
      let inner =
        count <= rate / 5
        ? Array(stride(from: place - size, through: place + count, by: size))
        : [place - size, place, place + count / 2, place + count / 2 - size, place + count - size, place + count]
      if inner.allSatisfy({ Self.power(source[$0..<min(source.count, $0 + size)]) > 0.02 * level }) { return place }
    }
    return nil
  }

  /// Returns where the clip goes on.
  private mutating func put(_ kind: Break.Kind, at place: Int, count: Int, into out: inout [Float]) -> Int {
    let span = source[place..<place + count]
    let isInPlace = Bool.random(using: &chance)
    switch kind {
    case .missing: out += [Float](repeating: 0, count: count)
    case .doubled:
      out += source[place - count..<place]
      return isInPlace ? place + count : place
    case .skipped: break
    case .inserted:
      out += foreign(count, power: Self.power(span))
      return isInPlace ? place + count : place
    case .levelDrop: out += span.map { 0.1 * $0 }
    case .clipping:
      let limit = 0.25 * span.reduce(0) { max($0, abs($1)) }
      out += span.map { max(-limit, min(limit, $0)) }
    default: out += span
    }
    return place + count
  }

  /// Noise in a random band, or tones, as loud as what was there.
  private mutating func foreign(_ count: Int, power: Float) -> [Float] {
    let pole = Float.random(in: 0...0.95, using: &chance)
    var (last, samples): (Float, [Float]) = (0, [])
    let pitch = Float.random(in: 300...2500, using: &chance)
    let isTone = Bool.random(using: &chance)
    for i in 0..<count {
      last = pole * last + Float.random(in: -1...1, using: &chance)
      samples.append(isTone ? sin(2 * .pi * pitch * Float(i) / Float(rate)) : last)
    }
    let scale = (power / max(1e-12, Self.power(samples[...]))).squareRoot()
    return samples.map { scale * $0 }
  }
}
