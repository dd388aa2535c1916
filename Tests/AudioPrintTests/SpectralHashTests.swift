import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("The seed's spectral hash", .kind(.computing))
struct SpectralHashTests {
  @Test("Equal samples have equal hashes; later samples than 5 s do not count")
  func equality() async throws {
    let clip = try await Media.original()
    let changed = try AudioClip.joined([clip.slice(from: 0, to: 5), .noise(3)])
    #expect(SpectralHash(clip) == SpectralHash(changed))
    #expect(SpectralHash(clip) != SpectralHash(try await Media.dubbed()[0]))
  }

  @Test("The hash is the same in every run and on every machine")
  func stable() throws {
    // Tones of falling amplitude at 100 exact bins: the order of the bins is known beforehand.
    let count = 8000 * 5
    var samples = [Double](repeating: 0, count: count)
    for tone in 0..<100 {
      let step = 2 * Double.pi * Double(10 + 7 * tone) / Double(count)
      for i in samples.indices { samples[i] += 0.01 * (1 - 0.009 * Double(tone)) * cos(step * Double(i)) }
    }
    let clip = try AudioClip(samples: samples.map { Float($0) }, sampleRate: 8000)
    #expect(SpectralHash.loudestBins(of: clip) == (0..<100).reversed().map { 10 + 7 * $0 })
    #expect(SpectralHash(clip).description == "2ea79efc403ae965")
    // Of equally loud bins the lower one comes first.
    #expect(SpectralHash.loudestBins(of: try .silence(1)) == Array(3901...4000))
  }

  @Test("A plain AAC round trip changes it: it cannot tell dubbed from untouched")
  func transcode() async throws {
    let clip = try await Media.original().slice(from: 0, to: 6)
    let back = try await Media.roundTrip(
      clip, ["-c:a", "aac", "-aac_coder", "twoloop", "-b:a", "128k", "-ar", "48000", "-ac", "2"])
    #expect(SpectralHash(back) != SpectralHash(clip))
    #expect(Similarity.compare(clip, back).isSame)
  }

  @Test("Clips of no, one and two samples have a hash", arguments: [0, 1, 2])
  func short(count: Int) throws {
    let clip = try AudioClip(samples: [Float](repeating: 1, count: count), sampleRate: 8000)
    #expect(SpectralHash(clip).description.count == 16)
  }

  // The limit runs while it waits for its place among all that compute.
  @Test("Samples so loud that their spectrum is infinite are hashed too", .timeLimit(.minutes(60)))
  func tooLoud() throws {
    var samples = [Float](repeating: 0, count: 800)
    samples[3] = .greatestFiniteMagnitude
    samples[400] = 1e25
    let clip = try AudioClip(samples: samples, sampleRate: 8000)
    #expect(SpectralHash(clip) == SpectralHash(clip))
    // One infinite bin among finite ones.
    let offset = try AudioClip(samples: (0..<800).map { Float($0 % 3) + 1e19 }, sampleRate: 8000)
    #expect(SpectralHash(offset) == SpectralHash(offset))
  }
}
