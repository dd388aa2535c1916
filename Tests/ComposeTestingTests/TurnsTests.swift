import ComposeTesting
import Testing

@Suite("Turns", .kind(.logic))
struct TurnsTests {
  private actor Room {
    var groups: [Int: Int] = [:]
    var order: [Int] = []
    var mixed = false

    func enter(_ group: Int) {
      groups[group, default: 0] += 1
      if order.last != group { order.append(group) }
      mixed = mixed || groups.values.filter { $0 > 0 }.count > 1
    }

    func leave(_ group: Int) { groups[group, default: 0] -= 1 }

    func count(_ group: Int) -> Int { groups[group, default: 0] }
  }

  @Test("One group at a time, all of it at once, and the lowest of those who wait comes next")
  func groups() async throws {
    let turns = Turns()
    let room = Room()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await turns.during(2) {
          await room.enter(2)
          while turns.waiting < 9 { await Task.yield() }
          await room.leave(2)
        }
      }
      while await room.count(2) == 0 { await Task.yield() }
      for number in 0..<9 {
        group.addTask {
          let own = [3, 0, 1][number % 3]
          try await turns.during(own) {
            await room.enter(own)
            // Returns only if all three are in at once.
            while await room.count(own) < 3 { await Task.yield() }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await room.order == [2, 0, 1, 3])
  }

  @Test("Nobody is in with another group, whoever comes when")
  func apart() async throws {
    let turns = Turns()
    let room = Room()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask {
          try await turns.during(number % 3) {
            await room.enter(number % 3)
            await Task.yield()
            await room.leave(number % 3)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await !room.mixed)
  }

  @Test("Who throws, or is cancelled while waiting, keeps nobody out")
  func leaving() async throws {
    struct Failure: Error {}
    let turns = Turns()
    await #expect(throws: Failure.self) { try await turns.during(0) { throw Failure() } }
    try await turns.during(1) {
      let waiter = Task { try await turns.during(0) {} }
      while turns.waiting < 1 { await Task.yield() }
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
    }
    try await turns.during(2) {}
  }
}
