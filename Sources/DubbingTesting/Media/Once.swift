/// A value that is made when it is first asked for; whoever asks meanwhile waits for the same one.
///
/// An error is given to all who wait, and not kept: the next one who asks tries again.
package actor Once<Value: Sendable> {
  private var making: Task<Value, any Error>?

  package init() {}

  package func callAsFunction(_ make: @escaping @Sendable () async throws -> Value) async throws -> Value {
    if let making { return try await making.value }
    // Not a child of who asks first, for that one may be cancelled while others wait. It is owned by this actor, and ends by the
    // deadline of what it runs.
    let task = Task { try await make() }
    making = task
    do {
      return try await task.value
    } catch {
      if making == task { making = nil }
      throw error
    }
  }
}

/// The same for several values, each with its key.
package actor OnceEach<Key: Hashable & Sendable, Value: Sendable> {
  private var values: [Key: Once<Value>] = [:]

  package init() {}

  package func callAsFunction(_ key: Key, _ make: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let value = values[key] ?? Once()
    values[key] = value
    return try await value(make)
  }
}
