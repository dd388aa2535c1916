import Synchronization

/// Which queues want which events. Queues are held weakly: one that nobody reads any more is forgotten.
final class EventHub: Sendable {
  private struct Subscription {
    weak var queue: EventQueue<SocketIOEvent>?
    var wants: (@Sendable (SocketIOEvent) -> Bool)?
  }

  private struct State {
    var byName: [String: [Subscription]] = [:]
    var byPredicate: [Subscription] = []
  }

  // Entered once per event from the event loop, and when a queue is made.
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

  func deliver(_ event: SocketIOEvent) {
    var others: [Subscription] = []
    state.withLock { state in
      for subscription in state.byName[event.name] ?? [] {
        subscription.queue?.push(event)
      }
      others = state.byPredicate
    }
    // Predicates are the caller's code: they run outside the lock.
    for subscription in others {
      guard let queue = subscription.queue, subscription.wants?(event) ?? true else { continue }
      queue.push(event)
    }
  }

  func forEachQueue(_ body: (EventQueue<SocketIOEvent>) -> Void) {
    let all = state.withLock { state in
      (state.byName.values.joined() + state.byPredicate).compactMap(\.queue)
    }
    for queue in all { body(queue) }
  }
}
