import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Continuity where the same is heard again and again", .kind(.computing))
struct ContinuityLikeSoundsTests {
  /// Three words of noise, as hissing as words are at most, said in slots of a second in an order drawn by lot.
  private func words(_ order: [Int]) throws -> AudioClip {
    let words = try (0..<3).map { word in
      try AudioClip.noise(0.3 + 0.05 * Double(word), seed: UInt64(word + 40)).changing(0, 0.02) { 0.1 * $0 }
    }
    return try .joined(order.flatMap { word in [words[word], try .silence(1 - words[word].duration)] })
  }

  private static let order: [Int] = {
    var chance = Chance(11)
    return (0..<24).map { _ in Int(chance.next() % 3) }
  }()

  /// Clocks that drift, and delays by a part of a sample.
  static let codings = [
    ["-af", "aresample=48000", "-c:a", "aac", "-b:a", "128k"],
    ["-af", "asetrate=8004,aresample=48000", "-c:a", "aac", "-b:a", "128k"],
    ["-af", "aresample=48000,adelay=1003S:all=1", "-c:a", "aac", "-b:a", "128k"],
  ]

  private func report(_ clip: AudioClip, on recording: AudioClip) -> Continuity.Report {
    Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: 0)])
  }

  @Test("Another place that sounds the same is no break", arguments: codings)
  func unbroken(coding: [String]) async throws {
    let clip = try words(Self.order)
    let noise = try AudioClip.noise(clip.duration, amplitude: 0.001, seed: 9)
    let found = report(clip, on: try await Media.roundTrip(clip.mixed(with: noise), coding))
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
  }

  @Test(
    "A word that is left out or said once more is found, though it is heard elsewhere",
    arguments: [codings[0], codings[2]])
  func broken(coding: [String]) async throws {
    var order = Self.order
    let clip = try words(order)
    // One that neither neighbour is.
    let index = try #require((9..<20).first { order[$0] != order[$0 + 1] && order[$0] != order[$0 - 1] })
    order.remove(at: index)
    let skipped = report(clip, on: try await Media.roundTrip(words(order), coding))
    #expect(skipped.breaks.map(\.kind) == [.skipped], "\(skipped)")
    #expect(abs((skipped.breaks.first?.length ?? 0) - 1) < 0.02, "\(skipped)")
    order.insert(contentsOf: [Self.order[index], Self.order[index]], at: index)
    let doubled = report(clip, on: try await Media.roundTrip(words(order), coding))
    #expect(doubled.breaks.count == 1 && doubled.breaks.allSatisfy { $0.length > 0.9 && $0.length < 1.1 }, "\(doubled)")
  }

  @Test("A word that ends a sample late in what is compared moves no delay")
  func wordEnd() throws {
    // A pause that is no silence, after an end that is loud: one sample of it outweighs a chunk of the pause.
    let hiss = try AudioClip.noise(0.9, amplitude: 0.0004, seed: 3)
    let clip = try AudioClip.joined(
      (0..<12).map { try AudioClip.noise(1, amplitude: 0.2, seed: UInt64($0 % 3) + 7).changing(0.35, 1) { 0.002 * $0 } }
    )
    let found = report(clip, on: try clip.mixed(with: hiss))
    #expect(found.isUnbroken, "\(found)")
  }
}
