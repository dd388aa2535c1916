/// A clip as everything is compared: at 8 kHz, with its mel energies.
struct PreparedClip: Sendable {
  let samples: [Float]
  let mel: MelSpectrogram

  init(_ clip: AudioClip) {
    let rate = Thresholds.sampleRate
    samples =
      clip.sampleRate == rate ? clip.samples : Resampler(from: clip.sampleRate, to: rate).resample(clip.samples)
    mel = samples.withUnsafeBufferPointer { MelSpectrogram($0) }
  }

  var duration: Double { Double(samples.count) / Double(Thresholds.sampleRate) }

  /// Level in dBFS between two sample positions, which may lie outside the clip.
  func level(from first: Int, count: Int) -> Double {
    let (first, last) = (max(0, first), min(samples.count, first + count))
    guard first < last else { return -.infinity }
    return samples.withUnsafeBufferPointer {
      decibels(power: Vector.meanSquare(UnsafeBufferPointer(rebasing: $0[first..<last])))
    }
  }

  /// Frames whose first sample lies in the span.
  func frames(from first: Int, count: Int) -> Range<Int> {
    let hop = Thresholds.envelopeHop
    let from = min(max(0, (first + hop - 1) / hop), mel.frames)
    // A frame belongs to the span if it ends in it as well.
    let to = min(mel.frames, (first + count - Thresholds.envelopeFrame) / hop + 1)
    return from..<max(from, to)
  }
}
