import DubbingTesting
import Foundation
import Testing

extension E2E {
  /// Measured by `make bench GROUP=e2e`, with nothing beside it: among the other streams of a run its figures would say nothing.
  @Suite(
    "Streams side by side, measured", .tags(.slow),
    .enabled(if: Settings.isBenchmark, "measured by make bench GROUP=e2e"))
  struct ParallelStreams {
    @Test("30 s streams: one alone, then several at once", .stream())
    func oneAndSeveral() async throws {
      let stream = try LiveStream.current
      let fixture = try Fixture.named("counting")
      for count in [1, 4, 8] {
        let seconds = try await ContinuousClock().measure {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...count {
              group.addTask { try await stream.sibling("\(count)x\(number)").expectDubbed(fixture) }
            }
            try await group.waitForAll()
          }
        }.seconds
        try await RunReporter.shared.add(measured: "\(count) at once (s)", seconds)
      }
    }
  }
}
