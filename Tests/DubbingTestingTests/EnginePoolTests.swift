import ComposeTesting
import DubbingTesting
import Foundation
import Synchronization
import Testing

/// Pools whose engines are a word each: what is said of places, losses and second attempts needs no docker.
@Suite("A pool of engines", .kind(.logic), .timeLimit(.minutes(2)))
struct EnginePoolTests {
  /// What has been started and run on engines, and which answer.
  private final class Log: Sendable {
    struct Off: Error {}
    private struct State {
      var off: Set<Int> = []
      var started: [Int] = []
      var ran: [Int] = []
      var ranAgain: [String] = []
      var asked = 0
      var failures: [Int: Int] = [:]
    }
    private let state = Mutex(State())

    func answer(_ index: Int) throws {
      try state.withLock { state in
        state.asked += 1
        let left = state.failures[index, default: 0]
        state.failures[index] = max(0, left - 1)
        if left > 0 || state.off.contains(index) { throw Off() }
      }
    }

    func switchOff(_ index: Int) { state.withLock { _ = $0.off.insert(index) } }
    func fail(_ index: Int, times: Int) { state.withLock { $0.failures[index] = times } }
    func start(_ index: Int) { state.withLock { $0.started.append(index) } }
    func run(_ index: Int) { state.withLock { $0.ran.append(index) } }
    func runAgain(_ value: String) { state.withLock { $0.ranAgain.append(value) } }
    var started: [Int] { state.withLock { $0.started.sorted() } }
    var ran: [Int] { state.withLock { $0.ran } }
    var ranAgain: [String] { state.withLock { $0.ranAgain } }
    var asked: Int { state.withLock { $0.asked } }
  }

  /// Engines that answer until they are switched off.
  @dynamicMemberLookup
  private struct Engines: Sendable {
    let log = Log()
    let pool: EnginePool

    init(places: [Int]) {
      let log = log
      pool = EnginePool { maker in
        places.enumerated().map { index, places in
          EngineMember(
            name: "engine\(index)", cores: places,
            places: maker.places(fixed: places, first: 2, cores: places, of: "engine\(index)"),
            watch: EngineMember.Watch(interval: .milliseconds(5), pause: .zero) { try log.answer(index) })
        }
      }
    }

    subscript<T>(dynamicMember path: KeyPath<Log, T>) -> T { log[keyPath: path] }
    func switchOff(_ index: Int) { log.switchOff(index) }
    func run(_ index: Int) { log.run(index) }

    /// A suite with an environment on each, which is called after its engine.
    func group(isNested: Bool = false) -> EnvironmentGroup<String> {
      let environments = pool.members.indices.map { index in
        LazyEnvironment<String>("on \(index)") { ready in
          log.start(index)
          try await pool.members[index].watched { try await ready("on \(index)") }
        }
      }
      return EnvironmentGroup(
        LazyEnvironment<String>("unused") { _ in }, isNested: isNested,
        several: .init(environments) { try await pool.anyEnvironment(of: $0) })
    }
  }

  /// Lets all who come wait until so many are there.
  private final class Crowd: Sendable {
    private let (arrivals, arrival) = AsyncStream<Void>.makeStream()
    private let door = WaitingLine(Door())
    func arrive() { arrival.yield() }
    func wait() async {
      arrive()
      try? await door.enter(())
    }
    func gathered(_ count: Int) async {
      var seen = 0
      for await _ in arrivals {
        seen += 1
        if seen == count { return }
      }
    }
    func open() { door.change { $0.isOpen = true } }
  }

  @Test("Streams are spread by free places, and the next waits for whichever engine has room first")
  func spread() async throws {
    let engines = Engines(places: [1, 2, 3])
    let group = engines.group()
    try await group.scope {
      let (arrivals, crowds) = (Crowd(), (0..<3).map { _ in Crowd() })
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<9 {
          tasks.addTask {
            try await engines.pool.withEnvironment(of: group, isFirst: false) { index, value, _ in
              #expect(value == "on \(index)")
              engines.run(index)
              arrivals.arrive()
              await crowds[index].wait()
            }
          }
        }
        await arrivals.gathered(6)
        #expect(engines.started == [0, 1, 2])
        #expect(engines.ran.sorted() == [0, 1, 1, 2, 2, 2])
        // Least is to be done on the last one for each of its places: that is where they would wait if each had its own line.
        crowds[0].open()
        await arrivals.gathered(3)
        #expect(engines.ran.dropFirst(6) == [0, 0, 0])
        for crowd in crowds { crowd.open() }
        try await tasks.waitForAll()
      }
      #expect(engines.ran.count == 9)
      for member in engines.pool.members { #expect(member.places.live.free == member.places.live.limit) }
    }
  }

  @Test("One stream starts one environment; a suite inside of another one has one engine for all of its streams")
  func fewEnvironments() async throws {
    let engines = Engines(places: [2, 2])
    let outer = engines.group()
    try await outer.scope {
      try await engines.pool.withEnvironment(of: outer, isFirst: false) { index, _, _ in
        #expect(index == 0 && engines.started == [0])
        // The first has something to do: the suite inside goes to the other.
        let inner = engines.group(isNested: true)
        try await inner.scope {
          for _ in 0..<3 {
            try await engines.pool.withEnvironment(of: inner, isFirst: true) { index, _, _ in #expect(index == 1) }
          }
        }
        #expect(engines.started == [0, 1])
      }
    }
  }

  @Test("A test without a stream takes an environment that is there already")
  func withoutStream() async throws {
    let engines = Engines(places: [1, 4])
    let group = engines.group()
    try await group.scope {
      _ = try await group.environments[0].value()
      #expect(try await engines.pool.anyEnvironment(of: group).index == 0)
      #expect(engines.started == [0])
    }
  }

  @Test("An engine that goes away: its streams run again on another, each once, and nobody else's")
  func lost() async throws {
    let engines = Engines(places: [2, 2])
    let group = engines.group()
    try await group.scope {
      let crowd = Crowd()
      try await withThrowingTaskGroup(of: String.self) { tasks in
        for _ in 0..<4 {
          tasks.addTask {
            try await engines.pool.withEnvironment(of: group, isFirst: false) { index, value, places in
              try await engines.pool.surviving(on: index, in: group) {
                engines.run(index)
                await crowd.wait()
                // What is cancelled leaves the crowd, and has no result.
                try Task.checkCancellation()
                return value
              } again: { loss, index, value, _ in
                #expect(loss.engine == "engine1" && index == 0)
                engines.log.runAgain(value)
                return value
              }
            }
          }
        }
        await crowd.gathered(4)
        #expect(engines.ran.sorted() == [0, 0, 1, 1])
        engines.switchOff(1)
        await #expect(throws: EngineLoss.self) {
          try await engines.pool.members[1].orLost { try await Task.sleep(for: .seconds(60)) }
        }
        crowd.open()
        var results: [String] = []
        for try await result in tasks { results.append(result) }
        #expect(results == Array(repeating: "on 0", count: 4))
      }
      #expect(engines.ranAgain == ["on 0", "on 0"])
      #expect(engines.pool.members[0].loss == nil)
      #expect("\(try #require(engines.pool.members[1].loss))".contains("'engine1' has gone away after"))
    }
  }

  @Test("The second engine goes away, too: that is said, and there is no third attempt")
  func lostTwice() async throws {
    let engines = Engines(places: [1, 1, 1])
    let group = engines.group()
    try await group.scope {
      let loss = await #expect(throws: EngineLoss.self) {
        try await engines.pool.surviving(on: 0, in: group) {
          engines.run(0)
          engines.switchOff(0)
          throw CocoaError(.fileReadUnknown)
        } again: { _, index, _, _ in
          engines.run(index)
          engines.switchOff(index)
          throw CocoaError(.fileReadUnknown)
        }
      }
      #expect(engines.ran == [0, 1] && loss?.engine == "engine1", "\(engines.ran)")
    }
  }

  @Test("An error on an engine that is there is the stream's own: it is not run again")
  func ownError() async throws {
    let engines = Engines(places: [1, 1])
    let group = engines.group()
    try await group.scope {
      await #expect(throws: CocoaError.self) {
        try await engines.pool.surviving(on: 0, in: group) {
          engines.run(0)
          throw CocoaError(.fileReadUnknown)
        } again: { _, index, _, _ in
          engines.run(index)
        }
      }
      #expect(engines.ran == [0] && engines.asked >= 1)
    }
  }

  @Test("One question that is not answered is none: two are", arguments: [1, 2])
  func askedTwice(failures: Int) async throws {
    let engines = Engines(places: [1, 1])
    engines.log.fail(0, times: failures)
    let member = engines.pool.members[0]
    do {
      try await member.requireAnswer()
      #expect(failures == 1 && member.loss == nil)
    } catch is EngineLoss {
      #expect(failures == 2 && member.loss != nil)
    }
  }

  @Test("A suite inside of another one goes to another engine when its own is gone, also before its first stream")
  func nestedMoves() async throws {
    let engines = Engines(places: [2, 2])
    let group = engines.group(isNested: true)
    try await group.scope {
      try await engines.pool.withEnvironment(of: group, isFirst: true) { index, _, _ in #expect(index == 0) }
      engines.switchOff(0)
      await #expect(throws: EngineLoss.self) { try await engines.pool.members[0].requireAnswer() }
      try await engines.pool.withEnvironment(of: group, isFirst: true) { index, _, _ in #expect(index == 1) }
      #expect(engines.started == [0, 1])
    }
  }

  @Test("Who waits for a place on an engine that goes away gets one on another")
  func waitsElsewhere() async throws {
    let engines = Engines(places: [1, 1])
    let group = engines.group(isNested: true)
    try await group.scope {
      try await engines.pool.withEnvironment(of: group, isFirst: true) { index, _, _ in
        #expect(index == 0)
        let waiter = Task { try await engines.pool.withEnvironment(of: group, isFirst: true) { index, _, _ in index } }
        while engines.pool.waiting == 0, !Task.isCancelled { await Task.yield() }
        engines.switchOff(0)
        await #expect(throws: EngineLoss.self) { try await engines.pool.members[0].requireAnswer() }
        let moved = try await waiter.value
        #expect(moved == 1)
      }
    }
  }

  @Test("An engine that goes away while its environment starts is left out; all gone is one sentence")
  func lostAtStart() async throws {
    let engines = Engines(places: [2, 1])
    let environments = (0..<2).map { index in
      LazyEnvironment<String>("on \(index)") { ready in
        if index == 0 {
          engines.switchOff(0)
          throw CocoaError(.fileReadUnknown)
        }
        try await ready("on \(index)")
      }
    }
    let group = EnvironmentGroup(
      LazyEnvironment<String>("unused") { _ in },
      several: .init(environments) { try await engines.pool.anyEnvironment(of: $0) })
    try await group.scope {
      try await engines.pool.withEnvironment(of: group, isFirst: false) { index, _, _ in #expect(index == 1) }
      engines.switchOff(1)
      await #expect(throws: EngineLoss.self) { try await engines.pool.members[1].requireAnswer() }
      let error = await #expect(throws: DubbingError.self) {
        try await engines.pool.withEnvironment(of: group, isFirst: false) { _, _, _ in }
      }
      #expect(error?.code == .enginePool && error?.summary == "every engine of E2E_ENGINES has gone away")
    }
  }

  @Test("An environment that cannot be started on an engine that is there is an error, and not moved")
  func startFails() async throws {
    let engines = Engines(places: [2, 1])
    let environments = (0..<2).map { index in
      LazyEnvironment<String>("on \(index)") { ready in
        if index == 0 { throw CocoaError(.fileReadUnknown) }
        try await ready("on \(index)")
      }
    }
    let group = EnvironmentGroup(
      LazyEnvironment<String>("unused") { _ in },
      several: .init(environments) { try await engines.pool.anyEnvironment(of: $0) })
    try await group.scope {
      await #expect(throws: CocoaError.self) {
        try await engines.pool.withEnvironment(of: group, isFirst: false) { _, _, _ in }
      }
      #expect(engines.pool.members[0].loss == nil)
    }
  }

  @Test("An engine that has no other beside it is never asked")
  func alone() async throws {
    let engines = Engines(places: [1])
    engines.switchOff(0)
    let group = engines.group()
    try await group.scope {
      await #expect(throws: CocoaError.self) {
        try await engines.pool.withEnvironment(of: group, isFirst: false) { index, _, _ in
          try await engines.pool.surviving(on: index, in: group) {
            // Long enough for the questions that others are asked while they have an environment.
            try await Task.sleep(for: .milliseconds(50))
            throw CocoaError(.fileReadUnknown)
          } again: { _, _, _, _ in
          }
        }
      }
      #expect(engines.asked == 0)
    }
  }

  @Test("Who waits for a place that never comes can be cancelled, and leaves the line")
  func cancelled() async throws {
    let engines = Engines(places: [1])
    let group = engines.group()
    try await group.scope {
      try await engines.pool.withEnvironment(of: group, isFirst: false) { _, _, _ in
        let waiter = Task { try await engines.pool.withEnvironment(of: group, isFirst: false) { _, _, _ in } }
        while engines.pool.waiting == 0, !Task.isCancelled { await Task.yield() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(engines.pool.waiting == 0)
      }
      try await engines.pool.withEnvironment(of: group, isFirst: false) { _, _, _ in }
    }
  }

  @Test("Whoever waits in the line of the pool makes an engine try one place more")
  func placesGrow() async throws {
    let pool = EnginePool { maker in
      [EngineMember(name: "a", cores: 2, places: maker.places(fixed: nil, first: 2, cores: 2, of: "a"), watch: nil)]
    }
    let environment = LazyEnvironment<String>("on a") { ready in try await ready("a") }
    let group = EnvironmentGroup(
      LazyEnvironment<String>("unused") { _ in },
      several: .init([environment]) { try await pool.anyEnvironment(of: $0) })
    try await group.scope {
      let crowd = Crowd()
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<3 {
          tasks.addTask {
            try await pool.withEnvironment(of: group, isFirst: false) { _, _, _ in await crowd.wait() }
          }
        }
        await crowd.gathered(2)
        let places = pool.members[0].places
        // Until the third stands in the line, room that nobody uses proves nothing.
        while places.publishing.limit == 2, !Task.isCancelled {
          places.note(.answer(0.02))
          await Task.yield()
        }
        #expect(places.publishing.limit == 3)
        await crowd.gathered(1)
        crowd.open()
        try await tasks.waitForAll()
      }
    }
  }
}
