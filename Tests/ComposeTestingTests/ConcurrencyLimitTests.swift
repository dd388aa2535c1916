import ComposeTesting
import Testing

@Suite("ConcurrencyLimit", .kind(.logic))
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

  @Test("More places let in those who wait, at once and in order")
  func grows() async throws {
    let limit = ConcurrencyLimit(limit: 1)
    let order = Order()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await limit.withPlace { _ in
          while limit.waiting < 2 { await Task.yield() }
          limit.resize(to: 3)
          // Both are in while this one is.
          while await order.numbers.count < 2 { await Task.yield() }
        }
      }
      while limit.free > 0 { await Task.yield() }
      for number in 0..<2 {
        group.addTask { try await limit.withPlace { _ in await order.append(number) } }
        while number == 0, limit.waiting < 1 { await Task.yield() }
      }
      try await group.waitForAll()
    }
    #expect(await Set(order.numbers) == [0, 1])
    #expect(limit.free == 3)
  }

  @Test("Fewer places send nobody away, and let nobody in until there is room; there is one at least")
  func shrinks() async throws {
    let limit = ConcurrencyLimit(limit: 2)
    let order = Order()
    try await limit.withPlace { first in
      try await limit.withPlace { second in
        limit.resize(to: 0)
        #expect(limit.limit == 1 && limit.free == 0)
        async let third: Void = limit.withPlace { _ in await order.append(3) }
        while limit.waiting < 1 { await Task.yield() }
        second.leave()
        #expect(limit.waiting == 1, "one is still in, and there is one place")
        await order.append(1)
        first.leave()
        try await third
      }
    }
    #expect(await order.numbers == [1, 3])
    #expect(limit.free == 1)
  }

  @Test("Who wants to be alone waits for all who are in, and all others wait for it")
  func alone() async throws {
    let limit = ConcurrencyLimit(limit: 3)
    let counter = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<30 {
        group.addTask {
          try await limit.withPlace(isAlone: number % 5 == 0) { _ in
            await counter.enter()
            await Task.yield()
            if number % 5 == 0 { #expect(await counter.now == 1) }
            await counter.leave()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await counter.turns == 30)
    #expect(limit.free == 3)
  }

  @Test("Who is cancelled while it waits to be alone keeps nobody back any more")
  func cancelledAlone() async throws {
    let limit = ConcurrencyLimit(limit: 2)
    try await limit.withPlace { _ in
      let alone = Task { try await limit.withPlace(isAlone: true) { _ in } }
      while limit.waiting < 1 { await Task.yield() }
      async let next: Void = limit.withPlace { _ in }
      while limit.waiting < 2 { await Task.yield() }
      alone.cancel()
      try await next
      await #expect(throws: CancellationError.self) { try await alone.value }
    }
  }

  private actor Order {
    var numbers: [Int] = []

    func append(_ number: Int) { numbers.append(number) }
  }
}
