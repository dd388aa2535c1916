import AudioPrint
import ComposeTesting
import Foundation
import Testing

@testable import DubbingTesting

@Suite("Continuity of the dubs in an output", .kind(.computing))
struct DubContinuityTests {
  /// What is done to the output, and the kinds of break that it may be called.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kinds: Set<Break.Kind>
    var filter: String?
    var damage: @Sendable (inout [Float]) -> Void = { _ in }
  }

  private static let rate = Double(MadeStream.rate)

  private static func samples(_ start: Double, _ length: Double) -> Range<Int> {
    Int(start * rate)..<Int((start + length) * rate)
  }

  /// Seconds at which the loudest stretch of a length begins, between two times.
  private static func loudest(_ length: Double, in sound: [Float], from: Double, to: Double) -> Double {
    func power(_ start: Double) -> Float { sound[samples(start, length)].reduce(0) { $0 + $1 * $1 } }
    return stride(from: from, to: to - length, by: 0.01).max { power($0) < power($1) } ?? from
  }

  static let faults: [Fault] = [
    Fault(testDescription: "a stutter: 100 ms missing every 500 ms", kinds: [.missing]) { sound in
      for start in stride(from: 0.25, to: Double(sound.count) / rate - 0.2, by: 0.5) {
        for index in samples(start, 0.1) { sound[index] = 0 }
      }
    },
    Fault(testDescription: "half a second repeated", kinds: [.doubled]) { sound in
      let start = loudest(1, in: sound, from: 6.5, to: 11)
      sound.replaceSubrange(samples(start + 0.5, 0.5), with: Array(sound[samples(start, 0.5)]))
    },
    Fault(testDescription: "the last two seconds are silent", kinds: [.missing]) { sound in
      for index in sound.count - Int(2 * rate)..<sound.count { sound[index] = 0 }
    },
    Fault(testDescription: "20 ms are missing once", kinds: [.missing]) { sound in
      let start = loudest(0.1, in: sound, from: 6.5, to: 11) + 0.04
      for index in samples(start, 0.02) { sound[index] = 0 }
    },
    Fault(testDescription: "a click where two fragments meet", kinds: [.inserted]) { sound in
      for index in samples(5.999, 0.003) { sound[index] = index.isMultiple(of: 4) ? 0.9 : -0.7 }
    },
    Fault(
      testDescription: "one channel is silent", kinds: [.channelLost], filter: "pan=stereo|c0=c0|c1=0*c0"),
  ]

  @Test("A break turns continuity red, and nothing else", arguments: faults)
  func breaks(fault: Fault) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    (stream.damage, stream.filter) = (fault.damage, fault.filter)
    let verdict = try await verdict(stream)
    // What made events lack is red with and without the fault.
    let whole = try await self.verdict(MadeStream(fixture: stream.fixture))
    let red = Set(verdict.failedChecks.map(\.name)).subtracting(whole.failedChecks.map(\.name))
    #expect(red == [.continuity], "\(verdict.failedChecks)")
    #expect(Set(verdict.breaks.map(\.kind)) == fault.kinds, "\(verdict.breaks)")
  }

  @Test(
    "A whole dub, uneven or swapped channels, and another level are no breaks",
    arguments: [nil, "pan=stereo|c0=0.4*c0|c1=c0", "pan=stereo|c0=c0|c1=0.4*c0", "volume=-9dB"] as [String?])
  func whole(filter: String?) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    stream.filter = filter
    let verdict = try await verdict(stream)
    #expect(verdict[.continuity]?.state == .passed, "\(verdict.checks)")
  }

  @Test("Windows that do not hold their dub are left to identity, and where none does nobody asks")
  func notDubbed() async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"), sounds: [1: .original])
    let one = try await verdict(stream)
    #expect(one[.continuity]?.state == .passed && one[.identity]?.state == .failed, "\(one.checks)")
    stream.sounds = [0: .silence, 1: .original]
    #expect(try await verdict(stream)[.continuity]?.state == .notAsked)
  }

  private func verdict(_ stream: MadeStream) async throws -> DubbingVerdict {
    let made = try await stream.make()
    defer { made.remove() }
    let evidence = try await OutputAnalysis(
      stream: "s", fixture: stream.fixture, budget: .standard, events: made.events, spoken: made.events
    ).evidence(of: MediaFile(made.recording.path), problem: nil)
    return DubbingVerdict(evidence)
  }
}
