import Synchronization
import Testing

@testable import DubbingTesting

@Suite("StreamWidth")
struct StreamWidthTests {
  @Test("Never more than the limit at once, and everyone has a turn")
  func limit() async throws {
    let width = StreamWidth(limit: 3)
    let live = Mutex((now: 0, most: 0, turns: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await width.withPlace {
            live.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.turns + 1) }
            await Task.yield()
            live.withLock { $0.now -= 1 }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(live.withLock { $0.most } <= 3)
    #expect(live.withLock { $0.turns } == 50)
  }

  @Test("A place that is left by an error is free again")
  func errors() async throws {
    struct Failure: Error {}
    let width = StreamWidth(limit: 1)
    await #expect(throws: Failure.self) { try await width.withPlace { throw Failure() } }
    try await width.withPlace {}
  }

  @Test("Someone who is cancelled while waiting goes away and takes no place")
  func cancellation() async throws {
    let width = StreamWidth(limit: 1)
    try await width.withPlace {
      let waiter = Task { try await width.withPlace {} }
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
    }
    try await width.withPlace {}
  }
}
