import AudioPrint
import ComposeTesting
import Testing

@Suite("Coherence and delays", .kind(.logic))
struct CoherenceTests {
  private func spectra(_ clip: AudioClip, hop: Int = Thresholds.coherenceHop) -> BandSpectra {
    clip.samples.withUnsafeBufferPointer { BandSpectra($0, start: 0, count: $0.count, hop: hop) }
  }

  @Test("What unrelated sounds have in common by chance is taken off", arguments: [256, 512])
  func unrelated(hop: Int) throws {
    let (one, other) = (spectra(try .noise(1, seed: 1), hop: hop), spectra(try .noise(1, seed: 2), hop: hop))
    // In a second there are 13 independent frames: plain coherence would be 0.07.
    #expect(one.coherence(with: other) < 0.04)
    #expect(one.coherence(with: one) > 0.999)
  }

  @Test("Silence, and samples beyond what a spectrum can hold, explain nothing and are not explained")
  func notFinite() throws {
    let noise = spectra(try .noise(1))
    for decibels in [-Double.infinity, 300, 380, 400, 750] {
      let other = spectra(try AudioClip.noise(1, seed: 2).gain(decibels))
      #expect(noise.coherence(with: other) < 0.04, "\(decibels) dB")
      #expect(other.coherence(with: noise) < 0.04, "\(decibels) dB")
    }
  }

  @Test("A delay is measured to a fraction of a sample", arguments: [1, 2, 3, 5])
  func fraction(quarters: Int) throws {
    let source = try AudioClip.noise(1, sampleRate: 32_000)
    let late = try AudioClip(samples: Array(source.samples[quarters...]), sampleRate: 32_000).resampled(to: 8000)
    let delay = try source.resampled(to: 8000).samples.withUnsafeBufferPointer {
      DelaySearch(late.samples[400..<4400]).delay(in: $0, centre: 400, radius: 20)
    }
    let offset = try #require(delay)
    // A parabola is not quite the peak's shape; without one a quarter would be missing.
    #expect(abs(offset - 400 - Double(quarters) / 4) < 0.15, "\(offset)")
  }
}
