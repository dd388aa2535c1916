@testable import AudioPrint

/// Reads an input as instructions for making sound, so that a few bytes make seconds of it; behind its end everything is 0.
struct Script {
  private var bytes: Slice<UnsafeBufferPointer<UInt8>>
  /// Of the next noise: no two are the same.
  private var seed: UInt64 = 1

  /// Seconds of a step; 255 of them are the longest sound.
  private let step: Double

  init(_ bytes: UnsafeBufferPointer<UInt8>, step: Double = 0.02) { (self.bytes, self.step) = (bytes[...], step) }

  mutating func next(_ count: Int) -> Int { Int(bytes.popFirst() ?? 0) % count }
  mutating func pick<T>(_ choices: [T]) -> T { choices[next(choices.count)] }
  /// 0…255 steps.
  var seconds: Double { mutating get { Double(next(256)) * step } }

  /// A clip, and whether it holds nothing but noise of its own and silence, which no other clip explains.
  mutating func clip(from sources: [AudioClip]) -> (clip: AudioClip, isForeign: Bool) {
    let rate = pick(AudioInputs.rates + [8000, 8000, 8000, 8000, 8000, 8000, 8000])
    var (samples, isForeign): ([Float], Bool) = ([], true)
    for _ in 0..<next(5) {
      let count = Int(seconds * 8000)
      switch next(8) {
      case 0: samples += [Float](repeating: 0, count: count)
      case 1, 2: samples += noise(count)
      case 3 where !sources.isEmpty, 4 where !sources.isEmpty:
        isForeign = false
        samples += excerpt(of: pick(sources), count)
      case 5 where !sources.isEmpty:
        isForeign = false
        samples += zip(excerpt(of: pick(sources), count), excerpt(of: pick(sources), count)).map(+)
      case 6:
        isForeign = false
        let period = next(200) + 1
        samples += (0..<count).map { Float($0 % period) / Float(period) - 0.5 }
      default:
        isForeign = false
        samples += (0..<next(64)).map { _ in next(2) == 0 ? pick(AudioInputs.oddities) : Float(next(256)) / 256 }
          .map { $0.isFinite ? $0 : 0 }
      }
    }
    let gain = pick([Float](repeating: 1, count: 8) + [0.1, 1e-3, 1e-6, 1e-30])
    // A sum of two of the greatest numbers is none that a clip may hold.
    let limit = Float.greatestFiniteMagnitude
    let clip = AudioClip(unchecked: samples.map { $0.clamped(to: -limit...limit) * gain }, sampleRate: rate)
    // At another rate noise may be so slow or so short that it is hardly noise.
    return (clip, isForeign && rate == 8000)
  }

  private mutating func noise(_ count: Int) -> [Float] {
    seed += 1
    var state = seed
    return (0..<count).map { _ in
      // SplitMix64.
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return Float((z ^ (z >> 31)) >> 40) / Float(1 << 24) - 0.5
    }
  }

  private mutating func excerpt(of source: AudioClip, _ count: Int) -> [Float] {
    let samples = source.samples.dropFirst(Int(seconds * 8000)).prefix(count)
    return Array(samples)
  }
}
