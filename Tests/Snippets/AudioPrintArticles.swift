// swift-format-ignore-file
import AudioPrint
import Foundation
import Testing

// The Swift of AudioPrint's articles; scripts/check-docs.py compares the two.

func audioPrint1() async throws {
  let output = try await AudioDecoder.decode("output.flv")
  let original = try await AudioDecoder.decode("original.mp4")
  let result = Similarity.compare(original, output)
  print(result.isSame, result.lagSeconds, result.speedRatio, result.coherence)
}

func whatIsThisAudio1(output: AudioClip, original: AudioClip, fragments: [AudioClip]) async throws {
  let attributor = Attributor(
    candidates: [Candidate(role: .original, clip: original, expectedStart: 0)]
      + fragments.enumerated().map { Candidate(role: .dubbed($0), clip: $1, expectedStart: Double($0) * 6) })

  for window in attributor.attribute(output, windows: [(0, 6), (6, 12)]) {
    print(window.attribution, window.lagSeconds, window.coherence)
  }
  for segment in attributor.segments(output) {       // no schedule: the edges are found
    print(segment.start, segment.end, segment.attribution)
  }
}

func whatIsThisAudio2(fragments: [Candidate]) async throws {
  try await Attributor.attribute(recording: "output.flv", original: "original.mp4", fragments: fragments, window: 6) { window in
    print(window.start, window.attribution)
  }
}

func whatIsThisAudio3(output: AudioClip, original: AudioClip) async throws {
  let stored = try JSONEncoder().encode(Fingerprint(original))
  let match = try JSONDecoder().decode(Fingerprint.self, from: stored).compare(output)
  #expect(match.isSame, "\(match.explainedBlocks) of \(match.audibleBlocks) blocks, lag \(match.lagSeconds) s")
}
