import DubbingTesting
import Foundation
import Testing

extension E2E {
  /// Measured by `make bench GROUP=e2e`, with nothing beside it: among the other streams of a run its figures would say nothing.
  @Suite(
    "Streams side by side, measured", .tags(.slow),
    .enabled(if: ProcessInfo.processInfo.environment["E2E_BENCH"] == "1", "measured by make bench GROUP=e2e"))
  struct ParallelStreams {
    @Test("Four 30 s streams at once, and one alone before them", .stream())
    func fourAndOne() async throws {
      let stream = try LiveStream.current
      let fixture = try Fixture.named("counting")
      let clock = ContinuousClock()
      let one = try await clock.measure { try await stream.sibling("alone").expectDubbed(fixture) }
      let four = try await clock.measure {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...4 {
            group.addTask { try await stream.sibling("beside\(number)").expectDubbed(fixture) }
          }
          try await group.waitForAll()
        }
      }
      try await RunReporter.shared.add(measured: "one 30 s stream (s)", one.seconds)
      try await RunReporter.shared.add(measured: "four 30 s streams at once (s)", four.seconds)
    }
  }
}
