import Foundation
import Testing

@testable import AudioPrint

@Suite("Attribution of a stream")
struct StreamAttributionTests {
  /// 30 s: dubbed fragments 0 and 1, the original, a dubbed one in another's place, noise.
  private static func output(_ scene: Scene) throws -> AudioClip {
    try .joined([scene.dubbed[0], scene.dubbed[1], scene.originalPart(2), scene.dubbed[2], .noise(6)])
  }

  private func run(_ stream: inout StreamAttribution, _ output: AudioClip, _ original: AudioClip) -> [WindowAttribution]
  {
    var results: [WindowAttribution] = []
    var fed = 0
    // Pieces of an odd size, as a pipe gives them.
    for start in stride(from: 0, to: output.samples.count, by: 7919) {
      while stream.wantsOriginal {
        let piece = Array(original.samples[fed..<min(original.samples.count, fed + 5003)])
        fed += piece.count
        if piece.isEmpty { stream.endOriginal() } else { stream.append(original: piece) }
      }
      results += stream.append(output: Array(output.samples[start..<min(output.samples.count, start + 7919)]))
    }
    return results + stream.finish()
  }

  @Test(
    "The part of an original that passes by has the mel energies of one that stays, computed when they are asked for")
  func deferredEnergies() async throws {
    let original = try await Scene().original
    let (passing, staying) = (PreparedClip(original, isPassing: true), PreparedClip(original))
    #expect(!passing.hasEnergies && staying.hasEnergies)
    #expect(passing.mel.frames > 0 && passing.mel.energies == staying.mel.energies)
    #expect(passing.hasEnergies)
  }

  @Test("Windows of a stream in blocks are those of the whole", arguments: [6.0, 2.5])
  func windows(length: Double) async throws {
    let scene = try await Scene()
    let output = try Self.output(scene)
    let fragments = Attributor(candidates: Array(scene.candidates.dropFirst()))
    var stream = StreamAttribution(attributor: fragments, hasOriginal: true, window: length, block: 12)
    let found = run(&stream, output, scene.original)
    let windows = stride(from: 0, to: 30, by: length).map { (start: $0, end: min(30, $0 + length)) }
    let whole = Attributor(candidates: scene.candidates).attribute(output, windows: windows)
    #expect(found.map(\.attribution) == whole.map(\.attribution))
    for (one, other) in zip(found, whole) {
      #expect(abs(one.start - other.start) < 1e-9 && abs(one.end - other.end) < 1e-9)
      #expect(
        abs(one.lagSeconds - other.lagSeconds) < 0.002 && abs(one.coherence - other.coherence) < 0.02, "\(one) \(other)"
      )
    }
  }

  @Test("Segments of a stream have the edges of the whole, and a lag from the stream's beginning")
  func segments() async throws {
    let scene = try await Scene()
    let output = try Self.output(scene)
    // Fragments that are expected nowhere: their lags are their places.
    let fragments = Attributor(candidates: scene.dubbed.enumerated().map { Candidate(role: .dubbed($0), clip: $1) })
    var stream = StreamAttribution(attributor: fragments, hasOriginal: true, window: nil, block: 10)
    let found = run(&stream, output, scene.original)
    #expect(found.map(\.attribution) == [.dubbed(0), .dubbed(1), .passthrough, .dubbed(2), .unknown], "\(found)")
    for (segment, edge) in zip(found, [6.0, 12, 18, 24, 30]) { #expect(abs(segment.end - edge) < 0.06) }
    for (segment, lag) in zip(found, [0.0, 6, 0, 18]) { #expect(abs(segment.lagSeconds - lag) < 0.002, "\(segment)") }
  }

  @Test(
    "A recording is attributed while it is decoded, by an original that is longer or shorter", arguments: [30.0, 8])
  func files(seconds: Double) async throws {
    let scene = try await Scene()
    try await Media.withFolder { folder in
      let (output, original) = ("\(folder)/output.wav", "\(folder)/original.wav")
      try await Media.write(.joined([scene.originalPart(0), scene.dubbed[1]]), to: output, [])
      try await Media.write(scene.original.slice(from: 0, to: seconds), to: original, [])
      var (classes, decoded): ([SegmentClass], Double) = ([], 0)
      try await Attributor.attribute(
        recording: output, original: original, fragments: [scene.candidates[2]], window: 6, progress: { decoded = $0 }
      ) { classes.append($0.attribution) }
      #expect(classes == [.passthrough, .dubbed(1)])
      #expect(decoded == 12)
      await #expect(throws: AudioError.self) {
        try await Attributor.attribute(recording: output, original: folder + "/none.wav") { _ in }
      }
      await #expect(throws: AudioError.self) {
        try await Attributor.attribute(recording: output, original: original, window: .nan) { _ in }
      }
    }
  }

  @Test("A reader that stops early leaves no ffmpeg behind, and one that reads on gets every sample")
  func reader() async throws {
    let path = try Media.resource("original.opus")
    let first = try await AudioDecoder.withReader(of: path) { reader in try await reader.next()?.count ?? 0 }
    #expect(first > 0)
    let all = try await AudioDecoder.withReader(of: path) { reader in
      while try await reader.next() != nil {}
      return reader.count
    }
    #expect(all == (try await Media.original()).samples.count)
  }
}
