import Synchronization

/// Which queues want which events. Queues are held weakly: one that nobody reads any more is forgotten.
final class EventHub: Sendable {
  private struct Subscription {
    weak var queue: EventQueue<SocketIOEvent>?
    var wants: (@Sendable (SocketIOEvent) -> Bool)?

    /// Queues what is wanted of `events`.
    func take(_ events: ArraySlice<SocketIOEvent>) {
      guard let queue else { return }
      if let wants { queue.push(contentsOf: events.filter(wants)) } else { queue.push(contentsOf: events) }
    }
  }

  private struct State {
    var byName: [String: [Subscription]] = [:]
    var byPredicate: [Subscription] = []
  }

  // Entered from the event loop once for each run of events with one name, and when a queue is made.
  private let state = Mutex(State())

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

  /// Hands events of one name to every queue that wants them, in order: all of them cost little more than one.
  func deliver(_ events: ArraySlice<SocketIOEvent>) {
    guard let name = events.first?.name else { return }
    let (named, others) = state.withLock { ($0.byName[name]?.compactMap(\.queue) ?? [], $0.byPredicate) }
    for queue in named { queue.push(contentsOf: events) }
    // Predicates are the caller's code: they run outside the lock.
    for subscription in others { subscription.take(events) }
  }

  func forEachQueue(_ body: (EventQueue<SocketIOEvent>) -> Void) {
    let all = state.withLock { state in
      (state.byName.values.joined() + state.byPredicate).compactMap(\.queue)
    }
    for queue in all { body(queue) }
  }
}

extension ArraySlice<SocketIOEvent> {
  /// Calls `body`, in order, with each stretch of events of one name and namespace: most bursts are a single one.
  package func forEachRun(_ body: (ArraySlice<SocketIOEvent>) -> Void) {
    var rest = self
    while let first = rest.first {
      let end = rest.firstIndex { !$0.isNamed(like: first) } ?? rest.endIndex
      body(rest[..<end])
      rest = rest[end...]
    }
  }
}
