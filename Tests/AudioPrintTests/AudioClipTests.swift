import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Audio clips", .kind(.logic))
struct AudioClipTests {
  private func bytes(_ values: [Int16]) -> [UInt8] {
    values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  @Test("16-bit PCM becomes floats, and channels are mixed with equal weight")
  func pcm16() throws {
    let mono = try AudioClip(pcm16: bytes([0, 16384, -32768]), sampleRate: 16000)
    #expect(mono.samples == [0, 0.5, -1])
    let stereo = try AudioClip(pcm16: bytes([16384, 0, -32768, -32768]), sampleRate: 16000, channels: 2)
    #expect(stereo.samples == [0.25, -1])
    // A slice of an array has another base address and start index than the array.
    #expect(try AudioClip(pcm16: bytes([1, 16384]).dropFirst(2), sampleRate: 16000).samples == [0.5])
    #expect(try AudioClip(pcm16: Data(bytes([16384])), sampleRate: 16000).duration == 1.0 / 16000)
  }

  @Test("Float PCM is kept as it is, beyond full scale too, at 8 channels and 192 kHz")
  func pcmFloat() throws {
    let frames: [Float] = [0.5, -2, 1, 1, 1, 1, 1, 1] + [Float](repeating: 0.25, count: 8)
    let raw = frames.withUnsafeBytes { Array($0) }
    let clip = try AudioClip(pcmFloat32: raw, sampleRate: 192_000, channels: 8)
    #expect(clip.samples == [4.5 / 8, 0.25])
  }

  @Test(
    "Input that cannot be audio is refused with the right error",
    arguments: [
      (count: 3, rate: 8000, channels: 1), (count: 6, rate: 8000, channels: 2), (count: 4, rate: 0, channels: 1),
      (count: 4, rate: -8000, channels: 1), (count: 4, rate: 8000, channels: 0),
      (count: 4, rate: 2_000_000, channels: 1),
      (count: 4, rate: 8000, channels: 65),
    ])
  func badFormat(count: Int, rate: Int, channels: Int) {
    let error = #expect(throws: AudioError.self) {
      try AudioClip(pcm16: [UInt8](repeating: 0, count: count), sampleRate: rate, channels: channels)
    }
    #expect(error?.code == .badFormat)
  }

  @Test(
    "NaN and infinity are refused, and the error says where they are", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(bad: Float) {
    let error = #expect(throws: AudioError.self) { try AudioClip(samples: [0, 0, bad], sampleRate: 2) }
    #expect(error?.code == .notFinite)
    #expect(error?.description.contains("sample 2") == true)
    let raw = [bad].withUnsafeBytes { Array($0) }
    #expect(throws: AudioError.self) { try AudioClip(pcmFloat32: raw, sampleRate: 8000) }
  }

  @Test("Level is RMS in dBFS, and -infinity for nothing")
  func level() throws {
    #expect(abs(try AudioClip.tone(1000, 1, amplitude: 1).level + 3.01) < 0.01)
    #expect(try AudioClip.silence(1).level == -.infinity)
    let greatest = try AudioClip(samples: [Float](repeating: .greatestFiniteMagnitude, count: 3), sampleRate: 8000)
    #expect(abs(greatest.level - 770.64) < 0.01)
    #expect(try AudioClip(samples: [], sampleRate: 8000).level == -.infinity)
  }

  @Test("A slice keeps to the clip, whatever is asked for")
  func slice() throws {
    let clip = try AudioClip(samples: (0..<8).map(Float.init), sampleRate: 4)
    #expect(clip.slice(from: 0.5, to: 1).samples == [2, 3])
    #expect(clip.slice(from: -1, to: 0.25).samples == [0])
    #expect(clip.slice(from: 1.75, to: .infinity).samples == [7])
    #expect(clip.slice(from: 3, to: 1).samples.isEmpty)
    #expect(clip.slice(from: .nan, to: 1).samples.isEmpty)
  }
}

@Suite("Resampling", .kind(.logic))
struct ResamplerTests {
  @Test(
    "A tone keeps its phase and level, and the length is exact",
    arguments: [
      (8000, 48000), (48000, 8000), (22050, 8000), (44100, 48000), (192_000, 8000), (8000, 11025), (16000, 8000),
      (44101, 8000),
    ])
  func tone(from: Int, to: Int) throws {
    let source = try AudioClip.tone(997, 0.7, sampleRate: from)
    let result = try source.resampled(to: to)
    #expect(result.samples.count == Int((Double(source.samples.count) * Double(to) / Double(from)).rounded()))
    let wanted = try AudioClip.tone(997, 0.7, sampleRate: to)
    // The tone's abrupt ends ring, as they must in a band-limited signal.
    let inside = (to / 20)..<(min(wanted.samples.count, result.samples.count) - to / 20)
    let error = inside.map { abs(result.samples[$0] - wanted.samples[$0]) }.max() ?? 1
    #expect(error < 0.001, "\(from) → \(to)")
  }

  @Test("What the new rate cannot hold is removed, not folded back")
  func alias() throws {
    let result = try AudioClip.tone(5000, 1, sampleRate: 48000).resampled(to: 8000)
    let inside = try AudioClip(samples: Array(result.samples[400..<7600]), sampleRate: 8000)
    #expect(inside.level < -70)
  }

  @Test("Samples near the greatest float stay finite and keep their size", arguments: [8000, 192_000])
  func tooLoud(rate: Int) throws {
    let greatest = Float.greatestFiniteMagnitude
    let source = try AudioClip(samples: [Float](repeating: greatest, count: 20_000), sampleRate: 48000)
    let result = try source.resampled(to: rate)
    let isFinite = result.samples.allSatisfy(\.isFinite)
    #expect(isFinite)
    #expect(result.samples[result.samples.count / 2] > 0.99 * greatest)
  }

  @Test("Short and empty clips", arguments: [0, 1, 2, 7])
  func short(count: Int) throws {
    let clip = try AudioClip(samples: [Float](repeating: 0.5, count: count), sampleRate: 8000)
    #expect(try clip.resampled(to: 48000).samples.count == 6 * count)
    #expect(try clip.resampled(to: 8000) == clip)
    #expect(throws: AudioError.self) { try clip.resampled(to: 0) }
  }
}
