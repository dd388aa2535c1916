import AudioPrint
import ComposeTesting
import DubbingTesting
import Foundation
import Testing

@Suite("Continuity of the dubs in an output", .kind(.computing))
struct DubContinuityTests {
  @Test(
    "A whole dub, uneven or swapped channels, and another level are no breaks",
    arguments: [nil, "pan=stereo|c0=0.4*c0|c1=c0", "pan=stereo|c0=c0|c1=0.4*c0", "volume=-9dB"] as [String?])
  func whole(filter: String?) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    stream.filter = filter
    let verdict = try await stream.verdict()
    #expect(verdict[.continuity]?.state == .passed, "\(verdict.checks)")
  }

  @Test("Windows that do not hold their dub are left to identity, and where none does nobody asks")
  func notDubbed() async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"), sounds: [1: .original])
    let one = try await stream.verdict()
    #expect(one[.continuity]?.state == .passed && one[.identity]?.state == .failed, "\(one.checks)")
    stream.sounds = [0: .silence, 1: .original]
    #expect(try await stream.verdict()[.continuity]?.state == .notAsked)
  }
}
