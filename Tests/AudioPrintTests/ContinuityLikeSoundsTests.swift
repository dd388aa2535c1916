import AudioPrint
import ComposeTesting
import Testing

@Suite("Continuity where the same is heard again and again", .kind(.computing))
struct ContinuityLikeSoundsTests {
  /// A word of noise that ends with a loud sample, before a pause; slots are 201 blocks long, so that in twenty of them it ends once at
  /// each of the twenty places in what is corrected together.
  private func words(_ kinds: Int) throws -> AudioClip {
    let slots = try (0..<24).map { slot in
      let word = try AudioClip.noise(0.4, seed: UInt64(slot % kinds) + 40)
      return try AudioClip.joined([
        AudioClip(samples: word.samples.dropLast(2) + [0.3, 0.1], sampleRate: word.sampleRate), .silence(0.605),
      ])
    }
    return try .joined(slots)
  }

  @Test(
    "A loud sample at a word's end moves no delay, after which a like word would be followed", arguments: [1, 2, 3])
  func wordEnd(kinds: Int) throws {
    let clip = try words(kinds)
    let recording = try clip.mixed(with: .noise(clip.duration, amplitude: 5e-4, seed: 9))
    let found = Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: 0)])
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
    #expect(found.clips.allSatisfy { abs($0.start) < 1e-3 && $0.followed > 0.95 * $0.judged }, "\(found)")
  }
}
