import ComposeTesting

/// Engines among which the streams of a process are spread (`E2E_ENGINES`).
package final class EnginePool: Sendable {
  package let members: [EngineMember]
  private let line: WaitingLine<Rule>

  /// The two places that a stream has on its engine.
  package typealias Places = (publishing: ConcurrencyLimit.Place, live: ConcurrencyLimit.Place)

  /// Makes the places of the members, which tell of room.
  package struct Maker: Sendable {
    fileprivate let line: WaitingLine<Rule>

    package func places(fixed: Int?, first: Int, cores: Int, of engine: String) -> StreamPlaces {
      StreamPlaces(fixed: fixed, first: first, cores: cores, of: engine) { [line] in
        line.count > 0
      } onRoom: { [line] in
        line.change { _ in }
      }
    }
  }

  package init(_ make: (Maker) -> [EngineMember]) {
    let line = WaitingLine(Rule())
    let members = make(Maker(line: line))
    line.change { $0.members = members }
    for member in members { member.onLoss { line.change { _ in } } }
    // There is no other to go to.
    if members.count == 1 { members[0].isAlone = true }
    (self.line, self.members) = (line, members)
  }

  /// How many streams wait for a place.
  package var waiting: Int { line.count }

  /// One line for all engines: the first for whom one of its engines has room.
  fileprivate struct Rule: Admission {
    struct Wish: Sendable {
      var isFirst: Bool
      /// The engines that would do, at any moment; none: there is nothing to wait for.
      var candidates: @Sendable () -> [Int]
    }
    /// nil: no engine is left that would do.
    typealias Grant = (index: Int, live: ConcurrencyLimit.Place, publishing: ConcurrencyLimit.Place)?
    var members: [EngineMember] = []

    func place(of wish: Wish, in line: [Wish]) -> Int {
      (wish.isFirst ? line.firstIndex { !$0.isFirst } : nil) ?? line.count
    }

    func admit(of line: [Wish]) -> (place: Int, grant: Grant)? {
      let rooms = members.map(\.room)
      for (place, wish) in line.enumerated() {
        let candidates = wish.candidates()
        if candidates.isEmpty { return (place, nil) }
        // Places are taken in here only, and elsewhere left: what is free stays free, unless there are fewer from now on.
        guard let index = EngineRoom.place(in: rooms, among: candidates),
          let publishing = members[index].places.publishing.placeIfFree()
        else { continue }
        guard let live = members[index].places.live.placeIfFree() else {
          publishing.giveBack()
          continue
        }
        return (place, (index, live, publishing))
      }
      return nil
    }
  }

  // MARK: An environment and places on its engine

  /// Runs `body` in one of the environments, with places on its engine: where most are free, of those that are there.
  ///
  /// An engine that goes away before `body` begins is left out, and another one taken.
  /// - Parameters:
  ///   - group: has an environment for each member.
  ///   - isFirst: whether it comes before all others that wait.
  ///   - body: may leave its places before it ends.
  /// - Throws: what `body` throws; why the environment could not be started; ``DubbingError`` when all engines are gone.
  package func withEnvironment<Value: Sendable, R: Sendable>(
    of group: EnvironmentGroup<Value>, isFirst: Bool,
    _ body: @Sendable (Int, Value, Places) async throws -> R
  ) async throws -> R {
    while true {
      let home = try home(of: group)
      members[home].count(1)
      let isStarted: Bool
      do { isStarted = try await value(of: group, at: home) != nil } catch {
        members[home].count(-1)
        throw error
      }
      var grant: Rule.Grant = nil
      if isStarted { grant = try? await place(isFirst: isFirst) { self.candidates(of: group, home) } }
      members[home].count(-1)
      guard let (index, live, publishing) = grant else {
        try Task.checkCancellation()
        continue
      }
      members[index].count(1)
      defer {
        members[index].count(-1)
        publishing.leave()
        live.leave()
      }
      guard let value = group.environments[index].valueIfReady else { continue }
      group.settle(on: index)
      return try await body(index, value, (publishing, live))
    }
  }

  /// Runs `body` as ``withEnvironment(of:isFirst:_:)`` does, and once more on another engine if its own goes away meanwhile.
  ///
  /// - Parameters:
  ///   - index: the engine that it runs on first.
  ///   - first: what is done there.
  ///   - again: what is done in its place on another engine, after the first has been left.
  /// - Throws: what they throw; ``EngineLoss`` if the second engine goes away, too.
  package func surviving<Value: Sendable, R: Sendable>(
    on index: Int, in group: EnvironmentGroup<Value>, _ first: @escaping @Sendable () async throws -> R,
    again: @escaping @Sendable (EngineLoss, Int, Value, Places) async throws -> R
  ) async throws -> R {
    do {
      return try await members[index].orLost(first)
    } catch let loss as EngineLoss {
      return try await withEnvironment(of: group, isFirst: true) { index, value, places in
        try await self.members[index].orLost { try await again(loss, index, value, places) }
      }
    }
  }

  /// Where a test case without a stream finds an environment: one that is there already, if there is one.
  package func anyEnvironment<Value: Sendable>(
    of group: EnvironmentGroup<Value>
  ) async throws -> (index: Int, value: Value) {
    while true {
      let index = try home(of: group, prefersStarted: true)
      if let value = try await value(of: group, at: index) { return (index, value) }
    }
  }

  private func place(
    isFirst: Bool, _ candidates: @escaping @Sendable () -> [Int]
  ) async throws -> Rule.Grant {
    try await CaseClock.waiting { try await line.enter(Rule.Wish(isFirst: isFirst, candidates: candidates)) }
  }

  /// The engine on which a test case has its environment started. A suite inside of another one has one for all of its cases.
  private func home<Value: Sendable>(of group: EnvironmentGroup<Value>, prefersStarted: Bool = false) throws -> Int {
    let rooms = members.map(\.room)
    let started = prefersStarted ? Set(group.environments.indices.filter { group.environments[$0].isStarted }) : []
    guard let home = EngineRoom.home(in: rooms, preferring: started) else { throw DubbingError.allGone(members) }
    return group.isNested ? group.shared(unless: { rooms[$0].isLost }, choose: { home }) : home
  }

  private func candidates<Value: Sendable>(of group: EnvironmentGroup<Value>, _ home: Int) -> [Int] {
    (group.isNested ? [home] : Array(members.indices)).filter {
      members[$0].loss == nil && group.environments[$0].valueIfReady != nil
    }
  }

  /// The environment's value, which is started if need be; nil: its engine is gone.
  private func value<Value: Sendable>(of group: EnvironmentGroup<Value>, at index: Int) async throws -> Value? {
    do {
      return try await CaseClock.waiting { try await group.environments[index].value() }
    } catch {
      if error is CancellationError { throw error }
      do { try await members[index].requireAnswer() } catch { return nil }
      throw error
    }
  }
}

extension DubbingError {
  fileprivate static func allGone(_ members: [EngineMember]) -> DubbingError {
    DubbingError(
      .enginePool, "every engine of E2E_ENGINES has gone away",
      evidence: members.map { "\($0.name.padded(to: 10))\($0.loss?.reason ?? "")" },
      next: "look at the hosts of these contexts: docker context ls")
  }
}
