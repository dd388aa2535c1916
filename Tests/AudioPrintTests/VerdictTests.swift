import ComposeTesting
import Testing

// Fits, which only the judge makes, are made here by their synthesized initialiser.
@testable import AudioPrint

/// Verdicts on fits whose coherence is given; only what a second source adds to the first is measured.
@Suite("The verdict on given fits", .kind(.logic))
struct VerdictTests {
  private func judge(_ output: AudioClip, to end: Double, isConfirmed: Bool = false) throws -> WindowJudge {
    let nothing = try AudioClip(samples: [], sampleRate: 8000)
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: nothing), Candidate(role: .dubbed(0), clip: nothing)])
    return WindowJudge(
      attributor: attributor, output: Waveform(output), start: 0, end: end, memory: SearchMemory(),
      isConfirmed: isConfirmed)
  }

  private func fit(_ candidate: Int, _ coherence: Double, _ clip: AudioClip) -> WindowJudge.Fit {
    let spectra = clip.samples.withUnsafeBufferPointer { BandSpectra($0, start: 0, count: $0.count) }
    return WindowJudge.Fit(candidate: candidate, offset: 0, coherence: coherence, spectra: spectra)
  }

  @Test("An echo that was coded once more is nearer to the output than the original, which wins all the same")
  func tie() throws {
    let clip = try AudioClip.noise(3)
    for (lead, expected) in [(0.04, SegmentClass.passthrough), (0.06, .dubbed(0))] {
      let verdict = Verdict(
        judge: try judge(clip, to: 3), fits: [fit(0, 0.9, clip), fit(1, 0.9 + lead, clip)]
      ).attribution()
      #expect(verdict.attribution == expected, "\(verdict)")
    }
  }

  @Test("A second source that nobody hears beside the first does not make a mixture", arguments: [-27.0, -17])
  func audible(decibels: Double) throws {
    let (first, second) = (try AudioClip.noise(3, seed: 1), try AudioClip.noise(3, seed: 2))
    // Noise at -25 dB: the second source is a good part of what the first leaves over, however quiet both are.
    let output = try first.mixed(with: second.gain(decibels)).mixed(with: .noise(3, seed: 3).gain(-25))
    let verdict = Verdict(
      judge: try judge(output, to: 3), fits: [fit(0, 0.99, first), fit(1, 0.01, second)]
    ).attribution()
    #expect(verdict.attribution == (decibels < -25 ? .passthrough : .mixed), "\(verdict)")
    #expect(verdict.secondCoherence > Thresholds.presentPartial, "\(verdict)")
  }

  @Test("The little that a coder added to an echo's audio is no second source", arguments: [-20.0, -14])
  func echo(decibels: Double) throws {
    let original = try AudioClip.noise(3)
    let output = try original.mixed(with: .noise(3, seed: 2).gain(decibels))
    let verdict = Verdict(
      judge: try judge(output, to: 3), fits: [fit(0, 0.97, original), fit(1, 1, output)]
    ).attribution()
    #expect(verdict.attribution == (decibels < -17 ? .passthrough : .mixed), "\(verdict)")
  }

  @Test(
    "The shorter the sound, the more of it must be explained; where longer windows named the source, less",
    arguments: [
      (sound: 0.5, end: 0.5, isConfirmed: false, least: 0.9), (0.5, 0.5, true, 0.8), (1.5, 1.5, false, 0.8),
      (1.5, 1.5, true, 0.6), (2.5, 2.5, false, 0.6),
      // Windows of which most is beyond the end of the output.
      (0.5, 6, false, 0.9), (1.5, 6, false, 0.8),
    ])
  func threshold(sound: Double, end: Double, isConfirmed: Bool, least: Double) throws {
    let clip = try AudioClip.noise(sound)
    let judge = try judge(clip, to: end, isConfirmed: isConfirmed)
    func verdict(_ coherence: Double) -> SegmentClass {
      Verdict(judge: judge, fits: [fit(0, coherence, clip)]).attribution().attribution
    }
    #expect(verdict(least - 0.01) == .unknown)
    #expect(verdict(least + 0.01) == .passthrough)
  }
}
