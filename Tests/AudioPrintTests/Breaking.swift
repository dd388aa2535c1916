import AudioPrint

extension AudioClip {
  /// The clip with the samples between two times replaced by others.
  func replacing(_ start: Double, _ end: Double, with samples: [Float]) throws -> AudioClip {
    var all = self.samples
    all.replaceSubrange(index(start)..<index(end), with: samples)
    return try AudioClip(samples: all, sampleRate: sampleRate)
  }

  /// The clip with the samples between two times changed.
  func changing(_ start: Double, _ end: Double, _ change: (Float) -> Float) throws -> AudioClip {
    try replacing(start, end, with: samples[index(start)..<index(end)].map(change))
  }

  func index(_ seconds: Double) -> Int { min(samples.count, Int((seconds * Double(sampleRate)).rounded())) }

  /// The first place from a time on where it sounds without a pause for so long.
  func sounding(from start: Double, for length: Double) -> Double {
    let loud = level - 15
    var time = start
    while time + length + 0.02 < duration {
      let steps = stride(from: time - 0.01, through: time + length, by: 0.01)
      if steps.allSatisfy({ slice(from: $0, to: $0 + 0.01).level > loud }) { return time }
      time += 0.01
    }
    return start
  }
}
