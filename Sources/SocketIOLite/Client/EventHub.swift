import Synchronization

/// Which queues want which events. Queues are held weakly: one that nobody reads any more is forgotten.
final class EventHub: Sendable {
  private struct Subscription {
    weak var queue: EventQueue<SocketIOEvent>?
    var wants: (@Sendable (SocketIOEvent) -> Bool)?

    /// Queues what is wanted of `events` and says which those are.
    func take(_ events: ArraySlice<SocketIOEvent>) -> [Int] {
      guard let queue else { return [] }
      let wanted = wants.map { wants in events.indices.filter { wants(events[$0]) } } ?? Array(events.indices)
      queue.push(contentsOf: wanted.map { events[$0] })
      return wanted
    }
  }

  private struct State {
    var byName: [String: [Subscription]] = [:]
    var byPredicate: [Subscription] = []
    var unclaimed = 0
  }

  // Entered once per event from the event loop, and when a queue is made.
  private let state = Mutex(State())

  var unclaimed: Int { state.withLock { $0.unclaimed } }

  func queue(named name: String, capacity: Int) -> EventQueue<SocketIOEvent> {
    let queue = EventQueue<SocketIOEvent>(name: "event “\(name)”", capacity: capacity)
    state.withLock {
      $0.byName[name, default: []].removeAll { $0.queue == nil }
      $0.byName[name, default: []].append(Subscription(queue: queue))
    }
    return queue
  }

  func queue(
    of what: String, capacity: Int, wants: (@Sendable (SocketIOEvent) -> Bool)?
  ) -> EventQueue<SocketIOEvent> {
    let queue = EventQueue<SocketIOEvent>(name: what, capacity: capacity)
    state.withLock {
      $0.byPredicate.removeAll { $0.queue == nil }
      $0.byPredicate.append(Subscription(queue: queue, wants: wants))
    }
    return queue
  }

  /// Hands events to every queue that wants them, in order; those with one name go together, which costs little more than one.
  func deliver(_ events: [SocketIOEvent]) {
    var rest = events[...]
    while let name = rest.first?.name {
      let end = rest.firstIndex { $0.name != name } ?? rest.endIndex
      deliver(rest[..<end], named: name)
      rest = rest[end...]
    }
  }

  private func deliver(_ events: ArraySlice<SocketIOEvent>, named name: String) {
    let (named, others) = state.withLock { ($0.byName[name]?.compactMap(\.queue) ?? [], $0.byPredicate) }
    for queue in named { queue.push(contentsOf: events) }
    var unclaimed = named.isEmpty ? events.count : 0
    if !others.isEmpty {
      // Predicates are the caller's code: they run outside the lock.
      let claimed = Set(others.flatMap { $0.take(events) })
      if unclaimed > 0 { unclaimed -= claimed.count }
    }
    if unclaimed > 0 { state.withLock { $0.unclaimed += unclaimed } }
  }

  func forEachQueue(_ body: (EventQueue<SocketIOEvent>) -> Void) {
    let all = state.withLock { state in
      (state.byName.values.joined() + state.byPredicate).compactMap(\.queue)
    }
    for queue in all { body(queue) }
  }
}
