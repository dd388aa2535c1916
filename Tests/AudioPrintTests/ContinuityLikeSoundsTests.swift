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

  // MARK: Clocks that drift

  /// Four words of one voice, in an order drawn by lot, one in each second: each is itself, sample by sample, a few seconds away.
  private func numbers() async throws -> AudioClip {
    let speech = try await Media.original()
    let words = [(0.15, 0.65), (0.68, 0.98), (1.1, 1.42), (1.6, 2.0)].map { speech.slice(from: $0.0, to: $0.1) }
    var chance = Chance(11)
    return try .joined(
      (0..<60).flatMap { _ in
        let word = words[Int(chance.next() % 4)]
        return [word, try .silence(1 - word.duration)]
      })
  }

  private func report(_ clip: AudioClip, playing sound: AudioClip, at clock: Int) async throws -> Continuity.Report {
    let recording = try await Media.roundTrip(
      sound, ["-af", "asetrate=\(clock),aresample=48000", "-c:a", "aac", "-b:a", "128k"])
    return Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: 0)])
  }

  /// Hz at which 8000 samples a second are played: too slow for its own delay to be seen to change within a word, but not behind a pause.
  static let clocks = [7997, 7998, 8001, 8002, 8003]

  @Test("A word's twin is not followed behind a pause in which a slow drift went on unseen", arguments: clocks)
  func drift(clock: Int) async throws {
    let clip = try await numbers()
    let found = try await report(clip, playing: clip, at: clock)
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
    #expect(abs((found.clips.first?.speedRatio ?? 0) - Double(clock) / 8000) < 2e-4, "\(found.clips)")
    #expect(found.clips.allSatisfy { $0.followed > 0.98 * $0.judged }, "\(found.clips)")
  }

  @Test(
    "A break under it is found, and nothing else",
    arguments: [ContinuityTests.Fault.missing, .skipped, .doubled, .doubledInPlace, .inserted], [7998, 8002])
  func brokenDrift(fault: ContinuityTests.Fault, clock: Int) async throws {
    let clip = try await numbers()
    let start = clip.sounding(from: 20, for: 0.25) + 0.12
    let found = try await report(clip, playing: fault.put(into: clip, at: start, length: 0.1), at: clock)
    #expect(found.breaks.map(\.kind) == [fault.kind], "\(found)")
    let (first, ratio) = (try #require(found.breaks.first), Double(clock) / 8000)
    #expect(abs(first.start - start / ratio) < 0.012 && abs(first.length - 0.1) < 0.012, "\(first), put at \(start)")
  }
}
