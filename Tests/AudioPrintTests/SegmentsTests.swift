import AudioPrint
import ComposeTesting
import Testing

@Suite("Segments without a schedule", .kind(.computing))
struct SegmentsTests {
  @Test("Sources, silence and unknown sound are found with their edges")
  func scene() async throws {
    let scene = try await Scene()
    let d = scene.dubbed
    let parts = [
      scene.originalPart(0), d[1], scene.originalPart(2), try .silence(4), d[0], try .noise(4),
    ]
    let output = try await Media.roundTrip(.joined(parts))
    // Nothing is known about where fragments should be.
    let candidates =
      [Candidate(role: .original, clip: scene.original, expectedStart: 0)]
      + d.enumerated().map { Candidate(role: .dubbed($0), clip: $1) }
    let segments = Attributor(candidates: candidates).segments(output)
    #expect(
      segments.map(\.attribution) == [.passthrough, .dubbed(1), .passthrough, .silent, .dubbed(0), .unknown],
      "\(segments)")
    let edges = [6.0, 12, 18, 22, 28]
    for (segment, edge) in zip(segments, edges) { #expect(abs(segment.end - edge) < 0.6, "\(segment)") }
    // Contiguous, from the first sample to the last.
    #expect(segments.first?.start == 0 && segments.last?.end == output.duration)
    for (left, right) in zip(segments, segments.dropFirst()) { #expect(left.end == right.start) }
  }

  @Test("With only the original at hand, what is not it is unknown")
  func onlyOriginal() async throws {
    let scene = try await Scene()
    let output = try AudioClip.joined([scene.originalPart(0), scene.dubbed[1], scene.originalPart(2)])
    let segments = Attributor(candidates: [scene.candidates[0]]).segments(output)
    #expect(segments.filter { $0.attribution == .unknown }.contains { $0.start < 7 && $0.end > 8 })
    #expect(segments.filter { $0.attribution == .passthrough }.count >= 2)
  }

  @Test("Silence and noise alone", arguments: [SegmentClass.silent, .unknown])
  func alone(expected: SegmentClass) async throws {
    let scene = try await Scene()
    let output = expected == .silent ? try AudioClip.silence(8) : try AudioClip.noise(8)
    let segments = Attributor(candidates: scene.candidates).segments(output)
    #expect(segments.map(\.attribution) == [expected])
  }

  @Test("In a pause the edge is where the next fragment begins, to the sample")
  func pause() throws {
    // 4.02 s are no whole number of the frames of 32 ms in which edges are found.
    let pause = try AudioClip.silence(0.51)
    let fragments = try (1...2).map { try AudioClip.joined([pause, .noise(3, seed: $0), pause]) }
    let candidates = fragments.enumerated().map { Candidate(role: .dubbed($0), clip: $1) }
    let segments = Attributor(candidates: candidates).segments(try .joined(fragments))
    #expect(segments.map(\.attribution) == [.dubbed(0), .dubbed(1)], "\(segments)")
    #expect(abs((segments.first?.end ?? 0) - 4.02) < 0.001, "\(segments)")
  }

  @Test("A fragment that is heard twice is found at both places")
  func twice() throws {
    let fragments = try (1...2).map { try AudioClip.noise(3, seed: $0) }
    let candidates = fragments.enumerated().map { Candidate(role: .dubbed($0), clip: $1) }
    let segments = Attributor(candidates: candidates).segments(
      try .joined([fragments[0], fragments[1], fragments[0]]))
    #expect(segments.map(\.attribution) == [.dubbed(0), .dubbed(1), .dubbed(0)], "\(segments)")
  }

  @Test("A segment's figures are those of all of it, not of its middle")
  func figures() throws {
    let noise = try AudioClip.noise(3)
    let output = try AudioClip.joined([noise, try .noise(3, seed: 2).gain(-20), noise.gain(-1)])
    let candidates = [Candidate(role: .original, clip: output, expectedStart: 0)]
    let segments = Attributor(candidates: candidates).segments(output)
    #expect(segments.count == 1 && abs((segments.first?.level ?? 0) - output.level) < 0.1, "\(segments)")
  }
}
