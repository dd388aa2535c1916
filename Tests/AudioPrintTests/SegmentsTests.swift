import AudioPrint
import Testing

@Suite("Segments without a schedule")
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
}
