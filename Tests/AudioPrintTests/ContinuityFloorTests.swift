import AudioPrint
import ComposeTesting
import Testing

@Suite("Continuity over a noise that is there in every pause", .kind(.computing))
struct ContinuityFloorTests {
  private func report(_ clip: AudioClip, on recording: AudioClip) async throws -> Continuity.Report {
    Continuity(clips: [clip]).report(
      on: try await Media.roundTrip(recording), placements: [.init(clip: 0, start: 0)])
  }

  /// White noise, so many dB below the clip's mean level.
  private func noise(_ below: Double, under clip: AudioClip, seed: UInt64 = 21) throws -> AudioClip {
    let noise = try AudioClip.noise(clip.duration, seed: seed)
    return try noise.gain(clip.level - below - noise.level)
  }

  @Test("A steady noise is one sound, not one for each pause", arguments: [15, 20, 25, 30.0])
  func steady(below: Double) async throws {
    let clip = try await Media.original()
    let found = try await report(clip, on: clip.mixed(with: noise(below, under: clip)))
    #expect(found.breaks.map(\.kind) == [.inserted] && !found.isUnbroken, "\(found)")
    #expect(found.breaks.allSatisfy { $0.start < 1 && $0.range.upperBound > 28 }, "\(found)")
  }

  @Test("A hum is one as well; what nobody hears is none")
  func humAndHiss() async throws {
    let clip = try await Media.original()
    let hum = try await report(clip, on: clip.mixed(with: .tone(1000, clip.duration, amplitude: 0.03)))
    #expect(hum.breaks.map(\.kind) == [.inserted], "\(hum)")
    #expect(try await report(clip, on: clip.mixed(with: noise(45, under: clip))).isUnbroken)
  }

  @Test("Noise in one pause is found, with and without another one in all of them", arguments: [nil, 25.0])
  func inserted(below: Double?) async throws {
    let clip = try await Media.original()
    let loud = try noise(10, under: clip, seed: 22)
    // The numbers pause from 2.75 to 6.2 s.
    var recording = try clip.replacing(4, 4.5, with: loud.slice(from: 4, to: 4.5).samples)
    if let below { recording = try recording.mixed(with: noise(below, under: clip)) }
    let found = try await report(clip, on: recording)
    let one = try #require(found.breaks.last)
    #expect(found.breaks.map(\.kind) == (below == nil ? [.inserted] : [.inserted, .inserted]), "\(found)")
    #expect(one.start > 2 && one.start < 4.05 && one.range.upperBound > 4.45 && one.length < 4, "\(found)")
  }

  @Test("What is put into pauses of its own, and not into others, is told apart")
  func apart() async throws {
    let clip = try await Media.original()
    let loud = try noise(15, under: clip, seed: 23)
    var recording = clip
    for start in [4.0, 11, 16.5] {
      recording = try recording.replacing(start, start + 0.5, with: loud.slice(from: start, to: start + 0.5).samples)
    }
    let found = try await report(clip, on: recording)
    #expect(found.breaks.map(\.kind) == [.inserted, .inserted, .inserted], "\(found)")
  }

  @Test("Words that are missing under it are no pause of the clip's")
  func missing() async throws {
    let clip = try await Media.original()
    let start = clip.sounding(from: 7, for: 0.3)
    let found = try await report(
      clip, on: clip.changing(start, start + 0.3) { _ in 0 }.mixed(with: noise(25, under: clip)))
    #expect(found.breaks.count == 2, "\(found)")
    #expect(found.breaks.contains { abs($0.start - start) < 0.02 && abs($0.length - 0.3) < 0.03 }, "\(found)")
  }
}
