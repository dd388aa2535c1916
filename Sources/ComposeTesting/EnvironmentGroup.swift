import Synchronization

/// The environments of a suite while it runs: one, or several that are alike, such as one on each engine of a pool.
package final class EnvironmentGroup<Value: Sendable>: Sendable {
  /// Of several that are alike, which a test case gets.
  package struct Several: Sendable {
    /// Each belongs to one group alone.
    package var environments: [LazyEnvironment<Value>]
    /// Chooses one of them by its place in the list, and waits until it is there.
    package var choose: @Sendable (EnvironmentGroup<Value>) async throws -> (index: Int, value: Value)

    package init(
      _ environments: [LazyEnvironment<Value>],
      choose: @escaping @Sendable (EnvironmentGroup<Value>) async throws -> (index: Int, value: Value)
    ) {
      (self.environments, self.choose) = (environments, choose)
    }
  }

  /// That of the trait: tells groups apart.
  let identity: LazyEnvironment<Value>
  package let environments: [LazyEnvironment<Value>]
  /// Whether a test case gets one of several that are alike, be it of one.
  package let isSpread: Bool
  /// Whether it is inside of another suite with such environments.
  package let isNested: Bool
  private let choose: (@Sendable (EnvironmentGroup<Value>) async throws -> (index: Int, value: Value))?
  /// The one that all test cases get, once it is chosen; nil: each case may get another one.
  // A lock: test cases ask side by side.
  private let fixed = Mutex<Int?>(nil)

  package init(_ identity: LazyEnvironment<Value>, isNested: Bool = false, several: Several? = nil) {
    self.identity = identity
    (self.isNested, isSpread) = (isNested, several != nil)
    environments = several?.environments ?? [identity]
    choose = several?.choose
  }

  /// Runs `body` while the value of each may be asked for.
  package func scope<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    try await Self.open(environments[...], body)
  }

  private static func open<R: Sendable>(
    _ environments: ArraySlice<LazyEnvironment<Value>>, _ body: @Sendable () async throws -> R
  ) async throws -> R {
    guard let first = environments.first else { return try await body() }
    return try await first.scope { try await open(environments.dropFirst(), body) }
  }

  /// The value for the current test case, which keeps the environment that it has got.
  package func value() async throws -> Value {
    if let index = choice?.index { return try await environments[index].value() }
    guard let choose else { return try await environments[0].value() }
    let (index, value) = try await choose(self)
    settle(on: index)
    return value
  }

  /// What the current test case has got, if that is there.
  var valueIfReady: Value? { environments.count == 1 ? environments[0].valueIfReady : chosen }
  private var chosen: Value? { choice?.index.flatMap { environments[$0].valueIfReady } }

  /// The current test case has this one from now on.
  package func settle(on index: Int) { choice?.settle(on: index) }

  /// The one that all test cases share; chosen by `choose` when nobody has before, or the one that was has gone.
  package func shared(unless isGone: (Int) -> Bool, choose: () -> Int) -> Int {
    fixed.withLock { fixed in
      if let index = fixed, !isGone(index) { return index }
      let index = choose()
      fixed = index
      return index
    }
  }

  private var choice: CaseChoice? { OpenEnvironments.choice.flatMap { $0.group === self ? $0 : nil } }
}

/// Which environment of a group a test case has got.
final class CaseChoice: Sendable {
  let group: any AnyObject & Sendable
  // A lock: several tasks of one case may ask.
  private let state = Mutex<Int?>(nil)

  init(_ group: any AnyObject & Sendable) { self.group = group }

  var index: Int? { state.withLock { $0 } }
  func settle(on index: Int) { state.withLock { $0 = index } }
}

/// The environments of the suites around the current test, of all kinds, the innermost last.
enum OpenEnvironments {
  // Not in the generic types, which cannot have stored statics.
  @TaskLocal static var all: [any AnyObject & Sendable] = []
  @TaskLocal static var choice: CaseChoice?
}
