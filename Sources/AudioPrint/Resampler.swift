#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

extension AudioClip {
  /// The clip at another rate, band-limited; sample 0 stays at time 0.
  ///
  /// The result has `round(samples.count · rate / sampleRate)` samples. Frequencies below 94 % of the lower Nyquist frequency are kept
  /// within 0.01 dB, those above it are removed.
  ///
  /// - Parameter rate: the wanted rate in Hz, 1…768,000.
  /// - Throws: ``AudioError`` with `badFormat` if the rate is out of range.
  public func resampled(to rate: Int) throws -> AudioClip {
    try Self.check(sampleRate: rate)
    if rate == sampleRate { return self }
    return AudioClip(unchecked: Resampler(from: sampleRate, to: rate).resample(samples), sampleRate: rate)
  }
}

/// Changes the rate of a signal block by block in the frequency domain (overlap-save).
///
/// A block of whole periods of both rates is transformed, cut or widened to the other rate's spectrum with a raised-cosine edge, and
/// transformed back; its outer quarters, into which the filter's response wraps, are thrown away. Memory does not depend on the length.
struct Resampler {
  private let inputBlock: Int
  private let outputBlock: Int
  /// Share of the band at whose upper end the gain falls from 1 to 0. The response then decays within a few hundred samples.
  private static let edge = 0.06

  init(from inputRate: Int, to outputRate: Int) {
    let divisor = Self.greatestCommonDivisor(inputRate, outputRate)
    let (inputPeriod, outputPeriod) = (inputRate / divisor, outputRate / divisor)
    // About 4096 samples of the lower rate, and a multiple of 4 periods so that quarters are whole. Between rates that differ more than
    // 256-fold it is fewer, so that the other block stays near 2^20 samples: 1 Hz would make one of 33 million.
    let (lower, higher) = (min(inputPeriod, outputPeriod), max(inputPeriod, outputPeriod))
    let wanted = min(4096, max(16, (1 << 20) * lower / higher))
    let periods = 4 * max(1, (wanted + 4 * lower - 1) / (4 * lower))
    inputBlock = periods * inputPeriod
    outputBlock = periods * outputPeriod
  }

  func resample(_ input: [Float]) -> [Float] {
    let output = filtered(input)
    guard output.withUnsafeBufferPointer({ Vector.firstNotFinite($0) }) != nil else { return output }
    // Samples near the greatest float overflow in the sums of a transform: once more at full scale, and as loud as a float can be.
    let (peak, limit) = (input.reduce(0) { max($0, abs($1)) }, Float.greatestFiniteMagnitude)
    return filtered(input.map { $0 / peak }).map { ($0 * peak).clamped(to: -limit...limit) }
  }

  private func filtered(_ input: [Float]) -> [Float] {
    let outputCount = Int((Double(input.count) * Double(outputBlock) / Double(inputBlock)).rounded())
    guard outputCount > 0 else { return [] }
    let (down, up) = (FourierTransform.of(size: inputBlock), FourierTransform.of(size: outputBlock))
    let (timeIn, spectrumIn) = (AlignedBuffer<Float>(inputBlock), AlignedBuffer<Complex>(down.bins))
    let (spectrumOut, timeOut) = (AlignedBuffer<Complex>(up.bins), AlignedBuffer<Float>(outputBlock))
    let gains = Self.gains(bins: min(down.bins, up.bins), scale: 1 / Float(inputBlock))
    return [Float](unsafeUninitializedCapacity: outputCount) { output, count in
      var inputStart = -inputBlock / 4
      while count < outputCount {
        load(input, at: inputStart, into: timeIn)
        down.forward(timeIn, spectrumIn)
        spectrumOut.zero()
        gains.withUnsafeBufferPointer { gains in
          var i = 0
          while i < gains.count {
            spectrumOut.pointer[i] = Complex(
              re: spectrumIn.pointer[i].re * gains[i], im: spectrumIn.pointer[i].im * gains[i])
            i += 1
          }
        }
        up.inverse(spectrumOut, timeOut)
        let usable = min(outputBlock / 2, outputCount - count)
        (output.baseAddress! + count).initialize(from: timeOut.pointer + outputBlock / 4, count: usable)
        count += usable
        inputStart += inputBlock / 2
      }
    }
  }

  private func load(_ input: [Float], at start: Int, into buffer: AlignedBuffer<Float>) {
    let first = max(0, start)
    let last = min(input.count, start + inputBlock)
    buffer.zero()
    guard first < last else { return }
    input.withUnsafeBufferPointer {
      (buffer.pointer + (first - start)).update(from: $0.baseAddress! + first, count: last - first)
    }
  }

  private static func gains(bins: Int, scale: Float) -> [Float] {
    let edgeStart = Double(bins - 1) * (1 - edge)
    return (0..<bins).map { bin in
      let position = (Double(bin) - edgeStart) / (Double(bins - 1) - edgeStart)
      return position <= 0 ? scale : scale * Float(0.5 + 0.5 * cos(Double.pi * position))
    }
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
}
