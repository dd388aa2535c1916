import ComposeTesting
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Event queue", .kind(.logic))
struct EventQueueTests {
  struct Lost: Error {}

  @Test("Elements come in order to whoever asks, before and after they arrive")
  func order() async throws {
    let queue = EventQueue<Int>()
    queue.push(1)
    #expect(try await queue.next(timeout: wait) == 1)
    async let three = queue.collect(3, timeout: wait)
    for number in 2...5 { queue.push(number) }
    #expect(try await three == [2, 3, 4])
    #expect(try await queue.next(timeout: wait) == 5)
    #expect(queue.count == 0)
  }

  @Test("A timeout holds what arrived, and a cancelled wait gives it back")
  func timeouts() async throws {
    let queue = EventQueue<Int>(name: "numbers")
    queue.push(1)
    let error = await #expect(throws: EventQueue<Int>.Timeout.self) {
      try await queue.collect(2, timeout: .milliseconds(20))
    }
    #expect(error?.arrived == [1])
    #expect(error?.description.contains("2 of numbers; 1 arrived") == true)
    queue.push(2)
    let waiting = Task { try await queue.collect(2, timeout: .seconds(600)) }
    try await eventually("the wait has taken what was there") { queue.count == 0 }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(try await queue.next(timeout: wait) == 2)
    let cancelled = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await queue.next(timeout: .seconds(600))
    }
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }

  @Test("Many short waits beside a long one: each keeps its own deadline")
  func deadlines() async throws {
    let queue = EventQueue<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for milliseconds in [40, 5, 20, 5, 60] {
        group.addTask {
          await #expect(throws: EventQueue<Int>.Timeout.self) {
            try await queue.first(timeout: .milliseconds(milliseconds)) { $0 < 0 }
          }
        }
      }
      group.addTask {
        let seven = try await queue.first(timeout: wait) { $0 == 7 }
        #expect(seven == 7)
      }
      try await Task.sleep(for: .milliseconds(100))
      queue.push(7)
      try await group.waitForAll()
    }
  }

  @Test("A search leaves what does not match, for others")
  func first() async throws {
    let queue = EventQueue<Int>()
    for number in 1...4 { queue.push(number) }
    #expect(try await queue.first(timeout: wait) { $0 == 3 } == 3)
    let error = await #expect(throws: EventQueue<Int>.Timeout.self) {
      try await queue.first(timeout: .milliseconds(10)) { $0 > 9 }
    }
    #expect(error?.arrived == [1, 2, 4])
    async let ten = queue.first(timeout: wait) { $0 == 10 }
    queue.push(9)
    queue.push(10)
    #expect(try await ten == 10)
    #expect(queue.drain() == [1, 2, 4, 9])
  }

  @Test("Overflow is thrown after what fitted, to everyone from then on, with the number of lost elements")
  func overflow() async throws {
    let queue = EventQueue<Int>(capacity: 2)
    for number in 1...5 { queue.push(number) }
    #expect(try await queue.collect(2, timeout: wait) == [1, 2])
    for _ in 0..<2 {
      let error = await #expect(throws: EventQueue<Int>.Overflow.self) { try await queue.next(timeout: wait) }
      #expect(error?.lost == 3 && error?.capacity == 2)
    }
  }

  @Test("Several elements at once go where each alone would have gone: to who waits, to the queue, over its edge")
  func several() async throws {
    let queue = EventQueue<Int>(capacity: 2)
    queue.push(1)
    let waiting = Task { try await queue.collect(2, timeout: wait) }
    try await eventually("the wait has taken what was there") { queue.count == 0 }
    queue.push(contentsOf: 2...6)
    #expect(try await waiting.value == [1, 2])
    #expect(try await queue.collect(2, timeout: wait) == [3, 4])
    let error = await #expect(throws: EventQueue<Int>.Overflow.self) { try await queue.next(timeout: wait) }
    #expect(error?.lost == 2)
  }

  @Test("Overflow wakes a search that nothing matched")
  func overflowWhileSearching() async throws {
    let queue = EventQueue<Int>(capacity: 1)
    let never = Task { try await queue.first(timeout: .seconds(600)) { $0 < 0 } }
    queue.push(1)
    try await eventually("the queue is full") { queue.count == 1 }
    queue.push(2)
    await #expect(throws: EventQueue<Int>.Overflow.self) { try await never.value }
  }

  @Test("An interruption comes once and in its place; an end comes always")
  func ends() async throws {
    let queue = EventQueue<Int>()
    queue.push(1)
    queue.interrupt(Lost())
    queue.push(2)
    #expect(try await queue.next(timeout: wait) == 1)
    await #expect(throws: Lost.self) { try await queue.collect(2, timeout: wait) }
    #expect(try await queue.next(timeout: wait) == 2)
    queue.push(3)
    queue.finish(throwing: Lost())
    var seen: [Int] = []
    await #expect(throws: Lost.self) { for try await number in queue { seen.append(number) } }
    #expect(seen == [3])
    await #expect(throws: Lost.self) { try await queue.next(timeout: wait) }
    queue.reopen()
    queue.push(4)
    #expect(try await queue.next(timeout: wait) == 4)
  }

  @Test("Several consumers share the elements: each goes to one, none is lost")
  func consumers() async throws {
    let queue = EventQueue<Int>(capacity: 10_000)
    let all = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var mine: [Int] = []
          for _ in 0..<250 { mine.append(try await queue.next(timeout: wait)) }
          return mine
        }
      }
      for number in 0..<2_000 { queue.push(number) }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(all.sorted() == Array(0..<2_000))
  }
}
