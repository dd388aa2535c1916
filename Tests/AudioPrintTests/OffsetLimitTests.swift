import AudioPrint
import ComposeTesting
import Testing

@Suite("How far a clip may be shifted", .kind(.computing))
struct OffsetLimitTests {
  @Test("A lag beyond the offset that is allowed is another recording", arguments: MutedTests.sources)
  func beyond(source: String) async throws {
    let clip = try await MutedTests.clip(source)
    let (late, early) = (try clip.slice(from: 0, to: 16).delayed(12), clip.slice(from: 12, to: 30))
    for offset in [0.0, 5, 11.9] {
      let (one, other) = (
        Similarity.compare(clip, late, maxOffset: offset), Similarity.compare(clip, early, maxOffset: offset)
      )
      #expect(!one.isSame, "\(offset): \(one)")
      #expect(!other.isSame, "\(offset): \(other)")
    }
    for (b, lag) in [(late, 12.0), (early, -12)] {
      let result = Similarity.compare(clip, b, maxOffset: 12.1)
      #expect(result.isSame && abs(result.lagSeconds - lag) < 0.002, "\(result)")
    }
  }

  @Test(
    "Without any offset the same recording is the same, and one that is 30 ms late is not",
    arguments: MutedTests.sources)
  func none(source: String) async throws {
    let clip = try await MutedTests.clip(source)
    let back = try await Media.roundTrip(clip)
    #expect(Similarity.compare(clip, back, maxOffset: 0).isSame)
    let late = Similarity.compare(clip, try clip.delayed(0.03), maxOffset: 0)
    #expect(!late.isSame, "\(late)")
  }
}
