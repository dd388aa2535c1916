import DubbingTesting
import Testing

@Suite("VideoMatch", .kind(.logic))
struct VideoMatchTests {
  private func packets(_ hashes: String, every step: Double = 0.04, from start: Double = 0) -> [MediaPacket] {
    hashes.enumerated().map {
      MediaPacket(hash: String($1), pts: start + Double($0) * step, dts: start + Double($0) * step)
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var output: String
    var matched: Int
    var head = 0, tail = 0, inside = 0, repeated = 0, reordered = 0, foreign = 0
    var testDescription: String { "abcdefgh → \(output)" }
  }

  @Test(
    "Counts what became of each packet",
    arguments: [
      Case(output: "abcdefgh", matched: 8),
      Case(output: "bcdefgh", matched: 7, head: 1),
      Case(output: "abcdef", matched: 6, tail: 2),
      Case(output: "abcfgh", matched: 6, inside: 2),
      Case(output: "abccdefgh", matched: 8, repeated: 1),
      Case(output: "abdcefgh", matched: 8, reordered: 1),
      Case(output: "abxdefgh", matched: 7, inside: 1, foreign: 1),
      Case(output: "", matched: 0, inside: 8),
    ])
  func counts(expected: Case) {
    let match = VideoMatch(input: packets("abcdefgh"), output: packets(expected.output))
    #expect(match.matched == expected.matched)
    #expect(match.missingHead == expected.head)
    #expect(match.missingTail == expected.tail)
    #expect(match.missingInside == expected.inside)
    #expect(match.repeated == expected.repeated)
    #expect(match.reordered == expected.reordered)
    #expect(match.foreign == expected.foreign)
  }

  @Test("Equal payloads of a still picture are matched in turn")
  func equalPayloads() {
    let match = VideoMatch(input: packets("aaaab"), output: packets("aaaab"))
    #expect(match.matched == 5)
    #expect(match.jitter < .nanoseconds(1))
  }

  @Test("The lag is how much later the output shows a packet")
  func lag() throws {
    let match = VideoMatch(input: packets("abcdef"), output: packets("abcdef", from: 1.5))
    #expect(abs(try #require(match.lag).seconds - 1.5) < 1e-9)
  }

  @Test("Decoding times that do not grow, and pictures shown before they are decoded, are counted")
  func times() {
    var output = packets("abcd")
    output[2].dts = output[1].dts
    output[3].pts = 0
    let match = VideoMatch(input: packets("abcd"), output: output)
    #expect(match.nonMonotonic == 1)
    #expect(match.presentedBeforeDecoded == 1)
  }
}
