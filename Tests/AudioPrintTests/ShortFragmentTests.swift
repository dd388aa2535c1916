import AudioPrint
import ComposeTesting
import Testing

@Suite("Short fragments, end to end", .kind(.computing))
struct ShortFragmentTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var source: String
    var seconds: Double
    var testDescription: String { "\(source), \(seconds) s" }
  }
  static let cases = ["original", "dubbed", "noise"].flatMap { source in
    [1.5, 2, 2.5].map { Case(source: source, seconds: $0) }
  }

  /// Fragments in an order of their own, each heard once, and after a codec.
  static func scene(_ test: Case) async throws -> (fragments: [AudioClip], order: [Int], output: AudioClip) {
    let clip = try await MutedTests.clip(test.source)
    let fragments = (0..<Int(30 / test.seconds)).map {
      clip.slice(from: Double($0) * test.seconds, to: Double($0 + 1) * test.seconds)
    }
    var chance = Chance(7)
    let order = fragments.indices.shuffled(using: &chance)
    let output = try await Media.roundTrip(.joined(order.map { fragments[$0] }))
    return (fragments, order, output)
  }

  /// Share of the time in which something sounds that is given to the fragment that is heard.
  static func share(
    _ found: [WindowAttribution], _ order: [Int], _ seconds: Double, _ output: AudioClip
  ) -> Double {
    let times = stride(from: 0, to: Double(order.count) * seconds - 0.05, by: 0.05).filter {
      output.slice(from: $0, to: $0 + 0.05).level > -45
    }
    let right = times.count { time in
      let middle = time + 0.025
      return found.contains {
        $0.start <= middle && middle < $0.end && $0.attribution == .dubbed(order[Int(middle / seconds)])
      }
    }
    return Double(right) / Double(times.count)
  }

  @Test("Nineteen twentieths of the time are given to the right one", arguments: cases)
  func segments(test: Case) async throws {
    let (fragments, order, output) = try await Self.scene(test)
    let attributor = Attributor(candidates: fragments.enumerated().map { Candidate(role: .dubbed($0), clip: $1) })
    let found = attributor.segments(output)
    let share = Self.share(found, order, test.seconds, output)
    #expect(share >= 0.95, "\(share) \(found.map { "\($0.start)-\($0.end) \($0.attribution)" })")
  }

  @Test("So are windows of their length", arguments: cases)
  func windows(test: Case) async throws {
    let (fragments, order, output) = try await Self.scene(test)
    let attributor = Attributor(
      candidates: order.enumerated().map {
        Candidate(role: .dubbed($1), clip: fragments[$1], expectedStart: Double($0) * test.seconds)
      })
    let windows = order.indices.map { (start: Double($0) * test.seconds, end: Double($0 + 1) * test.seconds) }
    let found = attributor.attribute(output, windows: windows)
    #expect(
      Self.share(found, order, test.seconds, output) >= 0.95,
      "\(found.map { "\($0.start) \($0.attribution) \($0.coherence)" }) \(order)")
  }

  @Test("Short fragments that are not heard are not found", arguments: cases)
  func absent(test: Case) async throws {
    let (fragments, _, _) = try await Self.scene(test)
    let other = test.source == "original" ? try AudioClip.joined(try await Media.dubbed()) : try await Media.original()
    let attributor = Attributor(candidates: fragments.enumerated().map { Candidate(role: .dubbed($0), clip: $1) })
    let found = attributor.segments(try await Media.roundTrip(other))
    #expect(found.allSatisfy { $0.candidateIndex == nil }, "\(found)")
  }
}
