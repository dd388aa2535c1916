import Synchronization

/// Audio as everything is compared: mono at 8 kHz.
struct Waveform: Sendable {
  let samples: [Float]

  init(_ clip: AudioClip) {
    let rate = Thresholds.sampleRate
    samples =
      clip.sampleRate == rate ? clip.samples : Resampler(from: clip.sampleRate, to: rate).resample(clip.samples)
  }

  /// Samples that are at the rate of the analysis already.
  init(samples: [Float]) { self.samples = samples }

  var clip: AudioClip { AudioClip(unchecked: samples, sampleRate: Thresholds.sampleRate) }
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
  private let energies: Energies

  /// - Parameter isPassing: whether the clip is part of a stream and soon forgotten. Its mel energies are computed when they are first asked
  ///   for: most windows of a stream are explained where they are expected and ask for none, and 3/4 of such a clip are in the next too.
  init(_ clip: AudioClip, isPassing: Bool = false) {
    waveform = Waveform(clip)
    energies = Energies()
    if !isPassing { _ = mel }
  }

  var mel: MelSpectrogram { energies.of(waveform) }
  /// Whether they have been computed.
  var hasEnergies: Bool { energies.areKnown }

  /// Computed once, by whoever asks first.
  private final class Energies: Sendable {
    private let known = Mutex<MelSpectrogram?>(nil)

    var areKnown: Bool { known.withLock { $0 != nil } }

    func of(_ waveform: Waveform) -> MelSpectrogram {
      known.withLock { known in
        if let known { return known }
        let made = waveform.samples.withUnsafeBufferPointer { MelSpectrogram($0) }
        known = made
        return made
      }
    }
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
