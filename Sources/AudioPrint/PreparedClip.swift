/// Audio as everything is compared: mono at 8 kHz.
struct Waveform: Sendable {
  let samples: [Float]

  init(_ clip: AudioClip) {
    let rate = Thresholds.sampleRate
    samples =
      clip.sampleRate == rate ? clip.samples : Resampler(from: clip.sampleRate, to: rate).resample(clip.samples)
  }

  var duration: Double { Double(samples.count) / Double(Thresholds.sampleRate) }

  /// Level in dBFS between two sample positions, which may lie outside the audio.
  func level(from first: Int, count: Int) -> Double {
    let (first, last) = (max(0, first), min(samples.count, first + count))
    guard first < last else { return -.infinity }
    return samples.withUnsafeBufferPointer {
      decibels(power: Vector.meanSquare(UnsafeBufferPointer(rebasing: $0[first..<last])))
    }
  }
}

/// A waveform with its mel energies: what windows are looked for in.
struct PreparedClip: Sendable {
  let waveform: Waveform
  let mel: MelSpectrogram

  init(_ clip: AudioClip) {
    waveform = Waveform(clip)
    mel = waveform.samples.withUnsafeBufferPointer { MelSpectrogram($0) }
  }

  var samples: [Float] { waveform.samples }
  var duration: Double { waveform.duration }

  /// Frames that lie whole in a span of samples.
  func frames(from first: Int, count: Int) -> Range<Int> {
    let hop = Thresholds.envelopeHop
    let from = min(max(0, (first + hop - 1) / hop), mel.frames)
    let to = min(mel.frames, (first + count - Thresholds.envelopeFrame) / hop + 1)
    return from..<max(from, to)
  }
}
