import ComposeKit
import ComposeTesting
import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("Nothing is left, however a run ends", .kind(.containers), .serialized, .besideAnotherProject)
struct ExitPathEngineTests {
  typealias Fixture = EngineFixture

  private struct BodyFailed: Error {}

  @Test("The body throws")
  func bodyThrows() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      await #expect(throws: BodyFailed.self) {
        try await withComposeStack(fixture.project, options: Fixture.options()) { _ in throw BodyFailed() }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("The task is cancelled", arguments: [ServiceProgress.Phase.starting, .healthy])
  func cancelled(at phase: ServiceProgress.Phase) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let (steps, input) = AsyncStream<ServiceProgress.Phase>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: CancellationError.self) {
            try await withComposeStack(fixture.project, options: Fixture.options(), progress: { input.yield($0.phase) })
            { _ in
              try await Task.sleep(for: .seconds(100))
            }
          }
        }
        for await step in steps where step == phase { break }
        #expect(try await !fixture.leftovers().isEmpty)
        group.cancelAll()
        try await group.waitForAll()
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A service that ignores SIGTERM is killed after the stop timeout")
  func ignoresTermination() async throws {
    // Who gives it the file's own time to stop is seen to, however busy the machine is.
    let yaml =
      "services:\n"
      + Fixture.service("deaf", "trap '' TERM; while true; do sleep 1; done", "stop_grace_period: 2m")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.stopTimeout = .seconds(2)
      let began = Mutex(ContinuousClock.now)
      try await withComposeStack(fixture.project, options: options) { _ in began.withLock { $0 = .now } }
      let took = began.withLock { ContinuousClock.now - $0 }
      #expect(took >= .seconds(2))
      #expect(took < .seconds(100))
      try await fixture.expectNothingLeft()
    }
  }

  @Test("What a dead owner left is swept at the next start; others' projects are not touched")
  func sweep() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      // A process of this machine that has ended, in the form of a run id.
      let dead = try await Subprocess.run(.path("/bin/true"), output: .discarded).processIdentifier.value
      let alive = try await withComposeStack(fixture.project, options: Fixture.options()) { $0.projectName }
      let id = Array(try #require(alive.split(separator: "-").last))
      let digits = String(dead, radix: 36)
      let abandoned = String(id[0...10]) + String(repeating: "0", count: 5 - digits.count) + digits + "1"
      let kept = "k" + abandoned.dropFirst()
      let foreign = "r00000" + abandoned.dropFirst(6)
      for runID in [abandoned, kept, foreign] {
        try await Fixture.docker([
          "volume", "create", "--label", "com.docker.compose.project=\(fixture.name)-\(runID)",
          "\(fixture.name)-\(runID)_data",
        ])
      }
      // In a process of its own: this one has swept already.
      let owner = try await Owner.run("body", fixture) { owner in
        try await owner.waitFor("at body")
        #expect(
          try await fixture.leftovers().filter { $0.hasPrefix("volume") }.sorted() == [
            "volume of \(fixture.name)-\(kept)", "volume of \(fixture.name)-\(foreign)",
          ])
        owner.send(SIGTERM)
      }
      #expect(owner.status == .signaled(SIGTERM))
      for runID in [kept, foreign] { try await Fixture.docker(["volume", "rm", "\(fixture.name)-\(runID)_data"]) }
      try await fixture.expectNothingLeft()
    }
  }
}
