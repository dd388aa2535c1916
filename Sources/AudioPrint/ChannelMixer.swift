/// Mixes interleaved channels to mono, after a look at them: a channel that is another one upside down would vanish in the sum, and
/// what everybody hears would be silence.
///
/// The look is at blocks of 128 ms. Where the sum has less than a fiftieth of the power that channels without relation would give, the
/// loudest channel stands for all, until the sum has a tenth of it again. Everywhere else the result is the sum, to the bit.
struct ChannelMixer: Sendable {
  private let channels: Int
  /// What a sum of the channels is multiplied with.
  private let gain: Float
  /// Frames that are decided on at once.
  private let block: Int
  private var standIn = StandInChannel()
  /// Samples of a block that is not complete.
  private var rest: [Float] = []

  init(channels: Int, gain: Float, sampleRate: Int) {
    self.channels = channels
    self.gain = gain
    block = StandInChannel.block(sampleRate: sampleRate)
  }

  /// Mixes whole blocks; what is left waits for the next call, or for ``finish()``.
  mutating func mix(_ samples: UnsafeBufferPointer<Float>) -> [Float] {
    guard channels > 1 else { return samples.map { $0 * gain } }
    if rest.isEmpty { return mixBlocks(samples) }
    let joined = rest + samples
    return joined.withUnsafeBufferPointer { mixBlocks($0) }
  }

  /// What has been left over.
  mutating func finish() -> [Float] {
    let last = rest
    rest = []
    return last.withUnsafeBufferPointer { samples in
      [Float](unsafeUninitializedCapacity: samples.count / channels) { out, count in
        count = samples.count / channels
        guard let source = samples.baseAddress, let out = out.baseAddress else { return }
        mixBlock(source, count, out)
      }
    }
  }

  private mutating func mixBlocks(_ samples: UnsafeBufferPointer<Float>) -> [Float] {
    let frames = samples.count / (channels * block) * block
    rest = Array(samples[(frames * channels)...])
    guard frames > 0, let source = samples.baseAddress else { return [] }
    return [Float](unsafeUninitializedCapacity: frames) { out, count in
      guard let out = out.baseAddress else { return }
      while count < frames {
        mixBlock(source + count * channels, block, out + count)
        count += block
      }
    }
  }

  private mutating func mixBlock(_ source: UnsafePointer<Float>, _ frames: Int, _ out: UnsafeMutablePointer<Float>) {
    let mixed = sum(source, frames, out)
    let power = self.power(source, frames)
    let channels = channels
    let stand = standIn.after(mixed: mixed, unrelated: power) { Self.loudest(of: channels, source, frames) }
    guard let stand else { return }
    // As loud as if the others were the right way round.
    let factor = gain * Float(channels)
    var frame = 0
    while frame < frames {
      out[frame] = source[frame * channels + stand] * factor
      frame += 1
    }
  }

  /// Writes the sum of the channels, and says what power it has.
  private func sum(_ source: UnsafePointer<Float>, _ frames: Int, _ out: UnsafeMutablePointer<Float>) -> Float {
    var frame = 0
    while frame < frames {
      if channels == 2 {
        out[frame] = (source[2 * frame] + source[2 * frame + 1]) * gain
      } else {
        var sum: Float = 0
        var channel = 0
        while channel < channels {
          sum += source[frame * channels + channel]
          channel += 1
        }
        out[frame] = sum * gain
      }
      frame += 1
    }
    return Vector.dot(out, out, frames)
  }

  /// What channels without relation would have after mixing.
  private func power(_ source: UnsafePointer<Float>, _ frames: Int) -> Float {
    Vector.dot(source, source, frames * channels) * gain * gain
  }

  private static func loudest(of channels: Int, _ source: UnsafePointer<Float>, _ frames: Int) -> Int {
    let energies = (0..<channels).map { channel in
      (0..<frames).reduce(Float(0)) { $0 + source[$1 * channels + channel] * source[$1 * channels + channel] }
    }
    return energies.indices.max { energies[$0] < energies[$1] } ?? 0
  }
}

/// The channel that stands for all of them while they cancel.
struct StandInChannel: Sendable {
  private var channel: Int?
  private static let (entering, leaving): (Float, Float) = (0.02, 0.1)

  /// Frames that are decided on at once.
  static func block(sampleRate: Int) -> Int { max(16, sampleRate * 128 / 1000) }

  /// Decides on one block, by the power of its mix and that which channels without relation would have after mixing; nil: the mix is right.
  mutating func after(mixed: Float, unrelated power: Float, loudest: () -> Int) -> Int? {
    // Of silence nothing can be told. What is no number is mixed, so that it is found.
    if power > 0 {
      let cancels = mixed < (channel == nil ? Self.entering : Self.leaving) * power
      if !cancels { channel = nil } else if channel == nil { channel = loudest() }
    }
    return channel
  }
}
