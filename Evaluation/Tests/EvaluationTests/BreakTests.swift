import AudioPrint
import Testing

@testable import Evaluation

/// What is found is measured against what was put in: a maker that is wrong about it would make any figure look as it likes.
@Suite("Breaks that the evaluation puts into sound")
struct BreakTests {
  private static let rate = 1000
  private static let lengths = [0.05, 0.5, 0.1]

  /// Noise, unlike itself at any other place.
  private func noise(_ seconds: Double, seed: UInt64) -> [Float] {
    var chance = Chance(seed)
    return (0..<Int(seconds * Double(Self.rate))).map { _ in Float.random(in: -1...1, using: &chance) }
  }

  private func samples(_ seconds: Double) -> Int { Int((seconds * Double(Self.rate)).rounded()) }

  @Test("Of what was not measured there is no figure")
  func nothingMeasured() {
    #expect(BreakReport(result: .init()).rows().isEmpty)
  }

  @Test(
    "A break has the length that was asked for and lies where it is said, and all around it is the clip",
    arguments: BreakMaker.kinds, [1, 2, 3, 4] as [UInt64])
  func places(kind: Break.Kind, seed: UInt64) throws {
    let source = noise(30, seed: 100 + seed)
    var maker = BreakMaker(source, rate: Self.rate, seed: seed)
    let (out, breaks) = maker.broken(Self.lengths.map { (kind: kind, length: $0) })
    #expect(breaks.map(\.length) == Self.lengths && breaks.allSatisfy { $0.kind == kind }, "\(breaks)")
    // Where the clip goes on, in what was made and in the clip.
    var (end, place) = (0, 0)
    for found in breaks {
      let (start, count, shift) = (samples(found.start), samples(found.length), samples(found.shift))
      #expect(start >= end && Array(out[end..<start]) == Array(source[place..<start + shift]), "before \(found)")
      let clip = Array(source[start + shift..<start + shift + count])
      let length = kind == .skipped ? 0 : count
      expect(
        Array(out[start..<start + length]), is: kind, of: clip,
        after: Array(source[start + shift - count..<start + shift]))
      end = start + length
      // What is put in may take the clip's place or not; all else does as it says.
      let ways = [start + shift, start + shift + count]
      let following = Array(out[end..<end + 50])
      place = try #require(ways.first { Array(source[$0..<$0 + 50]) == following }, "after \(found)")
      if kind != .doubled, kind != .inserted { #expect(place == ways[1], "after \(found)") }
    }
    #expect(Array(out[end...]) == Array(source[place...]))
  }

  private func expect(_ made: [Float], is kind: Break.Kind, of clip: [Float], after before: [Float]) {
    func power(_ samples: [Float]) -> Float { samples.reduce(0) { $0 + $1 * $1 } }
    let peak = clip.map(abs).max() ?? 0
    switch kind {
    case .missing: #expect(made.allSatisfy { $0 == 0 })
    case .doubled: #expect(made == before)
    case .levelDrop: #expect(zip(made, clip).allSatisfy { abs($0 - 0.1 * $1) < 1e-6 })
    case .clipping:
      #expect(zip(made, clip).allSatisfy { $0 == $1 || abs($0) == 0.25 * peak && abs($1) > 0.25 * peak })
      #expect(made != clip)
    case .inserted:
      let common = zip(made, clip).reduce(0) { $0 + $1.0 * $1.1 } / (power(made) * power(clip)).squareRoot()
      #expect(abs(common) < 0.6 && abs(power(made) / power(clip) - 1) < 1e-3)
    default: #expect(made.isEmpty)
    }
  }

  @Test("Breaks lie where the clip sounds, apart from each other and from its ends")
  func sounding() throws {
    var source = noise(60, seed: 5)
    // Half a second of each second is silent.
    for index in source.indices where index % 1000 >= 500 { source[index] = 0 }
    for seed in 1...20 as ClosedRange<UInt64> {
      var maker = BreakMaker(source, rate: Self.rate, seed: seed)
      let (_, breaks) = maker.broken([0.02, 0.05, 0.1, 0.02].map { (kind: .missing, length: $0) })
      #expect(breaks.count == 4)
      var last = -1.0
      for found in breaks {
        let (start, end) = (found.start, found.start + found.length)
        #expect(source[samples(start)..<samples(end)].allSatisfy { $0 != 0 }, "\(found), seed \(seed)")
        #expect(start - last >= 2.2 && end <= 58.8, "\(found), seed \(seed)")
        last = end
      }
    }
  }

  @Test("What there is no room for is not made, and not said to be")
  func room() {
    let source = noise(4, seed: 6)
    var maker = BreakMaker(source, rate: Self.rate, seed: 1)
    let (out, breaks) = maker.broken([0.1, 0.1, 0.1].map { (kind: .skipped, length: $0) })
    #expect(breaks.count < 3 && out.count == source.count - 100 * breaks.count, "\(breaks)")
  }
}
