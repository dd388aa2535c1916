import ComposeTesting
import Synchronization
import Testing

@Suite("A shared environment", .kind(.logic))
struct LazyEnvironmentTests {
  private struct StartFailed: Error {}
  private struct EndFailed: Error {}

  /// Counts what an environment does.
  private final class Log: Sendable {
    private let entries = Mutex<[String]>([])
    func add(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }
  }

  private func environment(_ log: Log) -> LazyEnvironment<Int> {
    LazyEnvironment("the answer") { ready in
      log.add("start")
      try await ready(42)
      log.add("end")
    }
  }

  @Test("Nobody asks: nothing is started")
  func unused() async throws {
    let log = Log()
    let result = try await environment(log).scope { "done" }
    #expect(result == "done")
    #expect(log.all == [])
  }

  @Test("Everyone who asks gets the value of one start, which ends with the scope")
  func shared() async throws {
    let log = Log()
    let environment = environment(log)
    for _ in 1...2 {
      try await environment.scope {
        #expect(!environment.isStarted)
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<100 { group.addTask { try await environment.value() } }
          return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(values == Array(repeating: 42, count: 100))
        #expect(environment.valueIfReady == 42)
        log.add("body")
      }
    }
    #expect(log.all == ["start", "body", "end", "start", "body", "end"])
  }

  @Test("The environment ends when the body throws, and the body's error is the one that is seen")
  func bodyThrows() async throws {
    let log = Log()
    let environment = LazyEnvironment<Int>("the answer") { ready in
      try await ready(42)
      log.add("end")
      throw EndFailed()
    }
    await #expect(throws: StartFailed.self) {
      try await environment.scope {
        _ = try await environment.value()
        throw StartFailed()
      }
    }
    #expect(log.all == ["end"])
    await #expect(throws: EndFailed.self) { try await environment.scope { _ = try await environment.value() } }
  }

  @Test("A failed start is told in full once; everyone else is pointed there")
  func startFails() async throws {
    let starts = Log()
    let environment = LazyEnvironment<Int>("the answer") { _ in
      starts.add("start")
      throw StartFailed()
    }
    try await environment.scope {
      let errors = await withTaskGroup(of: (any Error)?.self) { group in
        for _ in 0..<20 {
          group.addTask {
            do {
              _ = try await environment.value()
              return nil
            } catch { return error }
          }
        }
        return await group.reduce(into: [(any Error)?]()) { $0.append($1) }
      }
      #expect(errors.count { $0 is StartFailed } == 1)
      #expect(errors.count { ($0 as? EnvironmentError)?.kind == .failedBefore } == 19)
    }
    #expect(starts.all == ["start"])
  }

  @Test("A start that fails while nobody waits for it any more: the next who asks gets the reason")
  func failsUnwatched() async throws {
    let (gate, open) = AsyncStream<Void>.makeStream()
    let environment = LazyEnvironment<Int>("the answer") { _ in
      for await _ in gate {}
      throw StartFailed()
    }
    try await environment.scope {
      let asker = Task { try await environment.value() }
      while !environment.isStarted { await Task.yield() }
      asker.cancel()
      await #expect(throws: CancellationError.self) { try await asker.value }
      open.finish()
      // As a rule it has failed by then; the reason is due either way.
      for _ in 0..<1_000 { await Task.yield() }
      await #expect(throws: StartFailed.self) { try await environment.value() }
      let pointed = await #expect(throws: EnvironmentError.self) { try await environment.value() }
      #expect(pointed?.kind == .failedBefore)
    }
  }

  @Test("A start that fails while nobody waits for it, and nobody asks again: the suite gets the reason")
  func failsUnseen() async throws {
    let (gate, open) = AsyncStream<Void>.makeStream()
    let environment = LazyEnvironment<Int>("the answer") { _ in
      for await _ in gate {}
      throw StartFailed()
    }
    await #expect(throws: StartFailed.self) {
      try await environment.scope {
        let asker = Task { try await environment.value() }
        while !environment.isStarted { await Task.yield() }
        asker.cancel()
        _ = try? await asker.value
        open.finish()
        // As a rule it has failed when the scope ends; the reason is due either way.
        for _ in 0..<1_000 { await Task.yield() }
      }
    }
  }

  @Test("Two suites side by side with one trait: the second is told what to do")
  func siblings() async throws {
    let environment = environment(Log())
    try await environment.scope {
      let again = await #expect(throws: EnvironmentError.self) { try await environment.scope {} }
      #expect(again?.description.contains("at the same time") == true, "\(String(describing: again))")
      #expect(again?.description.contains("one suite around both") == true)
    }
  }

  @Test("A start that never becomes ready, and a value outside of the scope, are errors")
  func misuse() async throws {
    let environment = LazyEnvironment<Int>("the answer") { _ in }
    let outside = await #expect(throws: EnvironmentError.self) { try await environment.value() }
    #expect(outside?.kind == .outsideScope)
    try await environment.scope {
      let never = await #expect(throws: EnvironmentError.self) { try await environment.value() }
      #expect(never?.kind == .neverReady)
      let again = await #expect(throws: EnvironmentError.self) { try await environment.scope {} }
      #expect(again?.kind == .alreadyOpen)
    }
  }

  @Test("Who is cancelled stops waiting; the others go on, and a cancelled scope ends the environment")
  func cancellation() async throws {
    let log = Log()
    let (gate, open) = AsyncStream<Void>.makeStream()
    let environment = LazyEnvironment<Int>("the answer") { ready in
      for await _ in gate {}
      try await ready(42)
      log.add("end")
    }
    try await environment.scope {
      await withThrowingTaskGroup(of: Int.self) { group in
        group.addTask { try await environment.value() }
        group.cancelAll()
        await #expect(throws: CancellationError.self) { try await group.next() }
      }
      async let value = environment.value()
      open.finish()
      let answer = try await value
      #expect(answer == 42)
    }
    #expect(log.all == ["end"])
    let (isReady, ready) = AsyncStream<Void>.makeStream()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: CancellationError.self) {
          try await environment.scope {
            _ = try await environment.value()
            ready.finish()
            try await Task.sleep(for: .seconds(100))
          }
        }
      }
      for await _ in isReady {}
      group.cancelAll()
    }
    #expect(log.all == ["end", "end"])
  }
}
