import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Continuity under sample clocks that drift", .kind(.computing))
struct ContinuityDriftTests {
  /// Hz at which 8000 samples a second are played: 0.025, 0.1, 0.2, 0.3, 0.5, 1 and 3 % too slow and too fast.
  static let clocks = [8000, 7998, 8002, 7992, 8008, 7984, 8016, 7976, 8024, 7960, 8040, 7920, 8080, 7760, 8240]

  enum Damage: String, CaseIterable, Sendable {
    case none, skipped, doubled, doubledInPlace, missing

    /// Seconds.
    var length: Double { self == .missing ? 0.04 : 0.1 }

    func put(into clip: AudioClip, at start: Double) throws -> AudioClip {
      switch self {
      case .none: clip
      case .skipped: try ContinuityTests.Fault.skipped.put(into: clip, at: start, length: length)
      case .doubled: try ContinuityTests.Fault.doubled.put(into: clip, at: start, length: length)
      case .doubledInPlace: try ContinuityTests.Fault.doubledInPlace.put(into: clip, at: start, length: length)
      case .missing: try ContinuityTests.Fault.missing.put(into: clip, at: start, length: length)
      }
    }

    var kinds: [Break.Kind] {
      switch self {
      case .none: []
      case .skipped: [.skipped]
      case .doubled, .doubledInPlace: [.doubled]
      case .missing: [.missing]
      }
    }
  }

  private static func coding(_ clock: Int) -> [String] {
    ["-af", "asetrate=\(clock),aresample=48000", "-c:a", "aac", "-b:a", "128k"]
  }

  /// What a pipeline makes of a clip whose clock runs at another speed.
  private func played(_ clip: AudioClip, at clock: Int) async throws -> AudioClip {
    try await Media.roundTrip(clip, Self.coding(clock))
  }

  /// The same for one of several, which are coded together.
  private func played(_ clip: AudioClip, among all: [AudioClip], at clock: Int) async throws -> AudioClip {
    try await Media.roundTrip(clip, among: all, Self.coding(clock))
  }

  @Test(
    "A clock that drifts is no break, and a break in it is found, named and placed", arguments: clocks, Damage.allCases)
  func drift(clock: Int, damage: Damage) async throws {
    let (clip, ratio) = (try await Media.dubbed()[3], Double(clock) / 8000)
    let start = clip.sounding(from: 2, for: 0.25) + 0.12
    func put(_ damage: Damage) throws -> AudioClip { try damage.put(into: clip, at: start).delayed(0.4) }
    let recording = try await played(put(damage), among: Damage.allCases.map(put), at: clock)
    let found = Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: 0.4)])
    #expect(found.breaks.map(\.kind) == damage.kinds, "\(found)")
    #expect(found.isUnbroken == (damage == .none) && found.clips.count == 1, "\(found)")
    let speed = found.clips.first?.speedRatio ?? 0
    #expect(abs(speed - ratio) < 0.0035 && (abs(ratio - 1) < 0.004 || abs(speed - ratio) < 2e-4), "\(speed)")
    for first in found.breaks {
      #expect(abs(first.start - (start + 0.4) / ratio) < 0.012, "\(first), put at \((start + 0.4) / ratio)")
      #expect(abs(first.length - damage.length) < 0.012 && abs(first.clipStart - start) < 0.012, "\(first)")
    }
  }

  @Test("Of several fragments each is followed up to the next one", arguments: [7960, 8040, 7920, 8080, 7760, 8240])
  func fragments(clock: Int) async throws {
    let (clips, ratio) = (try await Media.dubbed(), Double(clock) / 8000)
    let recording = try await played(.joined(clips), at: clock)
    let placements = clips.indices.map { Continuity.Placement(clip: $0, start: 6 * Double($0) / ratio) }
    let found = Continuity(clips: clips, options: .init(gap: 60)).report(on: recording, placements: placements)
    #expect(found.isUnbroken && found.clips.map(\.clip) == [0, 1, 2, 3, 4], "\(found)")
    #expect(found.clips.allSatisfy { abs($0.speedRatio - ratio) < 2e-4 }, "\(found.clips)")
  }

  private static let lengths = [1, 2, 3.5]

  @Test("Short clips drift as well", arguments: [7960, 8040, 7760, 8240], lengths)
  func short(clock: Int, length: Double) async throws {
    let ratio = Double(clock) / 8000
    func clips(_ length: Double) async throws -> [AudioClip] {
      try await Media.dubbed().prefix(3).map { dub in
        let start = dub.sounding(from: 1, for: 0.3)
        return dub.slice(from: start, to: start + length)
      }
    }
    var all: [AudioClip] = []
    for length in Self.lengths { all += try await clips(length).map { try $0.delayed(0.4) } }
    for clip in try await clips(length) {
      let recording = try await played(clip.delayed(0.4), among: all, at: clock)
      let found = Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: 0.4 / ratio)])
      #expect(found.isUnbroken, "\(found)")
    }
  }

  @Test("Without being told where, a clip of any length is found at another speed", arguments: [7960, 8080], [2, 6])
  func anywhere(clock: Int, length: Double) async throws {
    let clip = try await Media.dubbed()[3].slice(from: 0, to: length)
    let recording = try await played(clip.delayed(7), at: clock)
    let found = Continuity(clips: [clip]).report(on: recording)
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
  }

  @Test("Another sound is none of the clip at any speed")
  func another() async throws {
    let dubbed = try await Media.dubbed()
    let others = try dubbed.indices.map { try AudioClip.noise(6, seed: UInt64($0 + 1)) }
    for (clip, other) in zip(dubbed, others) {
      let recording = try await played(other, among: others, at: 8040)
      let found = Continuity(clips: [clip, clip.slice(from: 1, to: 2)]).report(
        on: recording, placements: [.init(clip: 0, start: 0), .init(clip: 1, start: 1)])
      #expect(found.clips.isEmpty && found.breaks.isEmpty, "\(found)")
    }
  }
}
