import Testing

@testable import ComposeTesting

@Suite("ConcurrencyLimit")
struct ConcurrencyLimitTests {
  @Test("Never more than the limit at once, and everyone has a turn")
  func limit() async throws {
    let limit = ConcurrencyLimit(limit: 3)
    let counter = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await limit.withPlace { _ in
            await counter.enter()
            await Task.yield()
            await counter.leave()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await counter.most <= 3)
    #expect(await counter.turns == 50)
  }

  private actor Counter {
    var now = 0
    var most = 0
    var turns = 0

    func enter() {
      now += 1
      turns += 1
      most = max(most, now)
    }

    func leave() { now -= 1 }
  }

  @Test("A place that is left by an error is free again")
  func errors() async throws {
    struct Failure: Error {}
    let limit = ConcurrencyLimit(limit: 1)
    await #expect(throws: Failure.self) { try await limit.withPlace { _ in throw Failure() } }
    try await limit.withPlace { _ in }
  }

  @Test("A place that is left early lets one in, and one only, however often it is left")
  func leftEarly() async throws {
    let limit = ConcurrencyLimit(limit: 1)
    try await limit.withPlace { place in
      place.leave()
      place.leave()
      #expect(limit.free == 1)
      try await limit.withPlace { _ in
        place.leave()
        #expect(limit.free == 0)
      }
    }
    // Who has left early does not leave again at its end.
    #expect(limit.free == 1)
  }

  @Test("Someone who is cancelled while waiting goes away and takes no place")
  func cancellation() async throws {
    let limit = ConcurrencyLimit(limit: 1)
    try await limit.withPlace { _ in
      let waiter = Task { try await limit.withPlace { _ in } }
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
    }
    try await limit.withPlace { _ in }
  }

  @Test("Who is first goes before all who waited already, and behind those who are first too")
  func first() async throws {
    let limit = ConcurrencyLimit(limit: 1)
    let order = Order()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await limit.withPlace { _ in
          await order.append(-1)
          while limit.waiting < 4 { await Task.yield() }
        }
      }
      while await order.numbers.isEmpty { await Task.yield() }
      for (number, isFirst) in [false, true, false, true].enumerated() {
        group.addTask { try await limit.withPlace(isFirst: isFirst) { _ in await order.append(number) } }
        // Each is in the line before the next is sent there; the last one lets the line move.
        while number < 3, limit.waiting <= number { await Task.yield() }
      }
      try await group.waitForAll()
    }
    #expect(await order.numbers == [-1, 1, 3, 0, 2])
  }

  private actor Order {
    var numbers: [Int] = []

    func append(_ number: Int) { numbers.append(number) }
  }
}
