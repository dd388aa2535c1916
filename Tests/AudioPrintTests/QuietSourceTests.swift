import AudioPrint
import ComposeTesting
import Testing

@Suite("A second source far below the first", .kind(.computing))
struct QuietSourceTests {
  @Test(
    "A voice 18 dB under the original is heard with one candidate and with five alike", arguments: [-18.0, -15, -12])
  func underOriginal(level: Double) async throws {
    let scene = try await Scene()
    let under = try AudioClip.joined(scene.dubbed).gain(level)
    let output = try await Media.roundTrip(
      try scene.original.mixed(with: under), ["-c:a", "aac", "-b:a", "192k", "-ar", "48000"])
    try expectMixed(scene, output)
  }

  @Test(
    "The original 18 dB under the dub is heard with one candidate and with five alike", arguments: [-18.0, -15, -12])
  func underDub(level: Double) async throws {
    let scene = try await Scene()
    let over = try AudioClip.joined(scene.dubbed)
    let output = try await Media.roundTrip(
      try over.mixed(with: scene.original.gain(level)), ["-c:a", "aac", "-b:a", "192k", "-ar", "48000"])
    try expectMixed(scene, output)
  }

  /// In any list of candidates in which both sources are, what is mixed with the right one alone is mixed.
  private func expectMixed(_ scene: Scene, _ output: AudioClip) throws {
    let original = scene.candidates[0]
    let everywhere = scene.dubbed.enumerated().map { Candidate(role: .dubbed($0), clip: $1) }
    var missed: [String] = []
    for k in 0..<5 {
      let window = (start: Double(k) * 6, end: Double(k + 1) * 6)
      let near = (max(0, k - 1)...min(4, k + 1)).map { scene.candidates[1 + $0] }
      for (name, list) in [
        ("one", [scene.candidates[1 + k]]), ("near", near), ("five", Array(scene.candidates.dropFirst())),
        ("anywhere", everywhere),
      ] {
        let found = Attributor(candidates: [original] + list).attribute(output, windows: [window])[0]
        if found.attribution != .mixed {
          missed.append("\(name) \(k): \(found.attribution) \(found.coherence) \(found.secondCoherence)")
        }
      }
    }
    #expect(missed.isEmpty, "\(missed)")
  }

  @Test("Without windows a quiet voice is heard in the parts that it plays in", arguments: [-18.0, -15])
  func segments(level: Double) async throws {
    let scene = try await Scene()
    let under = try AudioClip.joined(scene.dubbed).gain(level)
    let output = try await Media.roundTrip(
      try scene.original.mixed(with: under), ["-c:a", "aac", "-b:a", "192k", "-ar", "48000"])
    let found = Attributor(candidates: scene.candidates).segments(output)
    let mixed = found.filter { $0.attribution == .mixed }.reduce(0) { $0 + $1.end - $1.start }
    #expect(mixed >= 22, "\(found.map { "\($0.start) \($0.end) \($0.attribution)" })")
    #expect(found.allSatisfy { [.mixed, .passthrough].contains($0.attribution) }, "\(found)")
    // Where there is none, nothing is heard.
    let alone = Attributor(candidates: scene.candidates).segments(try await Media.roundTrip(scene.original))
    #expect(alone.allSatisfy { [.passthrough, .silent].contains($0.attribution) }, "\(alone)")
  }

  @Test("More candidates find no second source where there is none", arguments: [64, 128])
  func nothing(kilobits: Int) async throws {
    let scene = try await Scene()
    let output = try await Media.roundTrip(scene.original, ["-c:a", "aac", "-b:a", "\(kilobits)k", "-ar", "48000"])
    for length in [6.0, 3, 2] {
      let windows = stride(from: 0, to: 30, by: length).map { (start: $0, end: $0 + length) }
      let found = Attributor(candidates: scene.candidates).attribute(output, windows: windows)
      #expect(found.allSatisfy { [.passthrough, .silent].contains($0.attribution) }, "\(found)")
    }
  }
}
