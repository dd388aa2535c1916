import ComposeTesting
import Foundation
import Testing

// Windows with thirteen figures each are made here by the synthesized initialiser.
@testable import AudioPrint

@Suite("Attribution of a stream", .kind(.computing))
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
    // Not in the expectation: it would print 45,000 numbers.
    let areEqual = passing.mel.energies == staying.mel.energies
    #expect(passing.mel.frames > 0 && areEqual)
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

  @Test("The original is fed far enough to be found where it is early")
  func early() throws {
    let original = try AudioClip.noise(56)
    let output = original.slice(from: 20, to: 44)
    var stream = StreamAttribution(attributor: Attributor(candidates: []), hasOriginal: true, window: 6, block: 6)
    let found = run(&stream, output, original)
    #expect(found.map(\.attribution) == [SegmentClass](repeating: .passthrough, count: 4))
    #expect(found.allSatisfy { abs($0.lagSeconds + 20) < 0.001 }, "\(found)")
  }

  @Test("A fragment that is expected nowhere has its place as its lag, also where the beginning is forgotten")
  func lagFromTheBeginning() throws {
    let fragment = try AudioClip.noise(6)
    let fragments = Attributor(candidates: [Candidate(role: .dubbed(0), clip: fragment)])
    var stream = StreamAttribution(attributor: fragments, hasOriginal: false, window: 6, block: 6)
    // With 12 s around each block the stream has forgotten its first 6 s when the fourth is judged.
    let found = run(&stream, try .joined([.silence(18), fragment, .silence(12)]), fragment)
    #expect(found.map(\.attribution) == [.silent, .silent, .silent, .dubbed(0), .silent, .silent])
    #expect(found.contains { abs($0.lagSeconds - 18) < 0.001 }, "\(found)")
  }

  @Test(
    "A remainder in which nothing can be told belongs to the window before it",
    arguments: [(4.05, 2), (4.2, 2), (4.3, 3)])
  func remainder(seconds: Double, count: Int) throws {
    var stream = StreamAttribution(attributor: Attributor(candidates: []), hasOriginal: false, window: 2)
    let found = stream.append(all: try AudioClip.noise(seconds).samples)
    #expect(found.count == count && found.last?.end == seconds, "\(found)")
  }

  @Test("Neighbours are joined where a source goes on, not where its lag jumps, and slivers with what is before them")
  func joiner() {
    func segment(_ start: Double, _ end: Double, _ attribution: SegmentClass, lag: Double = 0) -> WindowAttribution {
      WindowAttribution(
        start: start, end: end, attribution: attribution, candidateIndex: attribution == .silent ? nil : 0,
        secondCandidateIndex: nil, lagSeconds: lag, coherence: 1, originalCoherence: 0, secondCoherence: 0, level: -20,
        residualLevel: -60, confidence: 1)
    }
    var joiner = SegmentJoiner()
    let parts = [
      segment(0, 3, .dubbed(0)), segment(3, 4, .dubbed(0), lag: 0.01), segment(4, 6, .dubbed(0), lag: 0.1),
      segment(6, 6.03, .silent), segment(6.03, 8, .dubbed(1)),
    ]
    let found = joiner.join(parts, from: 0, to: 8) + joiner.finish()
    #expect(found.map(\.start) == [0, 4, 6.03] && found.map(\.end) == [4, 6.03, 8], "\(found)")
  }
}
