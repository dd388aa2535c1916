/// Every constant that a verdict depends on.
package enum Thresholds {
  // MARK: Analysis

  /// Rate at which everything is compared, in Hz: all features lie below 3.4 kHz, which every codec and a telephone keep.
  static let sampleRate = 8000
  /// Band in which coherence and lag are measured, in Hz.
  static let band = 150.0...3400.0
  /// Log-mel envelope: 64 ms frames every 16 ms, 24 bands from 120 to 3800 Hz.
  static let (envelopeFrame, envelopeHop, melBands) = (512, 128, 24)
  static let melRange = 120.0...3800.0
  /// Coherence: 128 ms Hann frames every 32 ms, and every 64 ms in windows of at least so many seconds.
  package static let (coherenceFrame, coherenceHop) = (1024, 256)
  static let longWindow = 4.0

  // MARK: Silence

  /// Below this level, in dBFS, a window is silent whatever is in it: 16-bit dither through AAC is at -90.
  static let silence = -70.0
  /// Below this level a window that nothing explains is silent too: in a programme at -20 dBFS nobody hears it.
  static let inaudible = -55.0

  // MARK: Verdicts

  // Measured in November 2026 on 60 s of flite numbers (slt) as the original and 100 fragments of 6 s of espeak-ng Spanish numbers, whose
  // neighbours share most of their syllables sample for sample. True: the least coherence of windows inside one fragment with the right
  // source. False: the greatest coherence with any of 100 candidates after the right ones were taken out. Dubbed output, hop 0.5 s at
  // 1 s windows, else half a window.
  //
  //                             6 s windows        2 s windows        1 s windows
  //                            true    false      true    false      true    false
  //   AAC 128k stereo, FLV     0.998   0.158      0.993   0.378
  //   AAC 64k                  0.977   0.155      0.952   0.377      0.901   0.711
  //   gain -12 dB              0.998   0.156      0.994   0.380
  //   gain -40 dB              1.000              0.999
  //   low-pass 4 kHz           0.999   0.162      0.994   0.394
  //   noise 10 dB below        0.968   0.154      (0.978) 0.372      (0.970) 0.679
  //   untouched original, 128k 0.999   0.019      0.995   0.271      0.995   0.271
  //   white noise, rate × 1.09         0.022
  //
  // The false maximum at 1 s is one word that two fragments share. In brackets: the median, because with noise some short windows lie
  // in pauses and hold noise alone; the right source explains nothing of those, and they are unknown.
  //
  // Mixtures through AAC 128k, the verdicts on 19 windows of 6 s, every other one of which straddles two fragments:
  //   original under the dub   equal: 19 mixed   -12 dB: 10 mixed, 2 dubbed, 7 unknown    -24 dB: 7 mixed, 5 dubbed, 7 unknown
  //   dub under the original   -12 dB: 19 mixed  -18 dB: 18 mixed, 1 passthrough          -24 dB: 6 mixed, 13 passthrough
  // A window half of one fragment and half of another is explained by neither, hence the unknown ones.
  /// Coherence from which a candidate explains a window of 2 s or more.
  static let explained = 0.6
  /// The same for windows of 1 to 2 s, and for still shorter ones.
  static let (explainedShort, explainedShortest) = (0.8, 0.9)
  /// Seconds from which a window needs no more than that.
  static let surelyLong = 1.999
  /// Seconds from which a window is judged by itself alone: in 2 s a jingle of 1.2 s outweighs the words beside it, and is the same at
  /// every place.
  static let alone = 2.999
  /// What a shorter one is judged together with: seconds before it or after it, those for one of at least 2 s, and the least that is of
  /// use. A 2 s window explains two thirds of what it is judged with, even if its source begins and ends with it.
  static let (side, shorterSide, shortestSide) = (1.5, 1.0, 0.999)
  /// The original wins against a dubbed candidate that explains at most this much more: an echo must be called passthrough.
  static let tie = 0.05
  /// Coherence with an expected candidate from which no other needs to be looked at. It saves time only: below it all are
  /// compared, which matters where fragments share nearly all of their words (0.9 was reached by a neighbour that shared 7 of 8).
  static let certain = 0.98
  /// Mixed: partial coherence of the second source, given the first, from which it is present.
  static let presentPartial = 0.3
  /// Mixed: share of the window's energy, from which a second source is audible (-25 dB).
  static let audibleShare = 0.003
  /// Coherence from which no second source can be audible: the search ends, and nothing is asked of the others. AAC at 128 kbit/s leaves
  /// 0.998 of 6 s.
  static let complete = 1 - audibleShare
  /// A window with fewer seconds of sound than this (two coherence frames) names no source.
  static let shortestWindow = 0.256
  /// Seconds below which a file is no recording that could be compared or attributed, nor a window that anybody may ask for: what two
  /// coherence frames say of it is the same for many sounds.
  static let shortestClip = 0.5
  /// Share of differing bits of fingerprints below which 3 s are the same: Haitsma & Kalker's threshold, for 256 sub-fingerprints.
  static let bitErrors = 0.35

  // MARK: Segments

  /// Windows in which sources are looked for, in seconds, and from one to the next.
  static let (probe, probeStep) = (3.0, 1.5)
  /// Cost of a change of source, in frames of 32 ms that are wholly unexplained.
  static let changeCost: Float = 3
  /// Cost of a frame of which the source explains nothing in sight: between an equal mixture (0.5) and a wrong source (1).
  static let unknownCost: Float = 0.7
  /// Cost of saying that a source sounds where the output is silent, or beyond the source's ends.
  static let impossibleCost: Float = 2
  /// Costs that decide where nothing else does: the original before fragments, sources before silence.
  static let (dubbedCost, silentCost): (Float, Float) = (0.02, 0.05)
  /// A segment longer than this, in seconds, is judged by its middle, which bounds the memory.
  static let longestJudged = 30.0

  // MARK: Search

  /// Candidates that are looked at closely besides the expected ones, best envelopes first.
  static let shortlist = 5
}
