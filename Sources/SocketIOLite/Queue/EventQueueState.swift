import DequeModule
import NIOCore

/// What happens in an `EventQueue`, without its lock: every method says whom to wake, and the queue wakes them outside the lock.
extension EventQueue {
  enum Item: Sendable {
    case element(Element)
    /// Elements may be missing here, and why.
    case gap(any Error)
  }

  struct Request: Sendable {
    var needed: Int
    var matches: (@Sendable (Element) -> Bool)?
  }

  struct Waiter: Sendable {
    var id: UInt64
    var request: Request
    var what: String
    var timeout: Duration?
    var deadline: NIODeadline?
    var continuation: CheckedContinuation<[Element], any Error>
    var collected: [Element] = []
  }

  struct Completion: Sendable {
    var continuation: CheckedContinuation<[Element], any Error>
    var result: Result<[Element], any Error>
    func resume() { continuation.resume(with: result) }
  }

  struct State: Sendable {
    var items: Deque<Item> = []
    var elementCount = 0
    var terminal: (any Error)?
    var lost = 0
    private var waiters: [Waiter] = []
    private var cancelled: Set<UInt64> = []
    private var nextID: UInt64 = 0
    private var armed: NIODeadline?

    mutating func makeID() -> UInt64 {
      defer { nextID += 1 }
      return nextID
    }

    mutating func push(_ element: Element, capacity: Int, name: String) -> (Bool, [Completion]) {
      if terminal != nil {
        if lost > 0 {
          lost += 1
          terminal = Overflow(name: name, capacity: capacity, lost: lost)
        }
        return (false, [])
      }
      for index in waiters.indices where waiters[index].request.matches?(element) ?? true {
        waiters[index].collected.append(element)
        guard waiters[index].collected.count == waiters[index].request.needed else { return (true, []) }
        let done = waiters.remove(at: index)
        return (true, [Completion(continuation: done.continuation, result: .success(done.collected))])
      }
      guard elementCount < capacity else {
        lost = 1
        // Only waiters whom nothing matched can be here, and they will never be served.
        return (false, end(Overflow(name: name, capacity: capacity, lost: 1), forGood: true))
      }
      items.append(.element(element))
      elementCount += 1
      return (true, [])
    }

    mutating func push(contentsOf elements: some Sequence<Element>, capacity: Int, name: String) -> [Completion] {
      var completions: [Completion] = []
      for element in elements {
        // Most often nobody waits, and there is room.
        if waiters.isEmpty, terminal == nil, elementCount < capacity {
          items.append(.element(element))
          elementCount += 1
        } else {
          completions += push(element, capacity: capacity, name: name).1
        }
      }
      return completions
    }

    /// The first element, if there is one and no gap before it.
    mutating func takeFirst() -> Element? {
      guard case .element(let element)? = items.first else { return nil }
      items.removeFirst()
      elementCount -= 1
      return element
    }

    /// Serves a waiter from what is buffered; nil if it must wait.
    mutating func enter(_ waiter: Waiter) -> Completion? {
      var waiter = waiter
      func failure(_ error: any Error) -> Completion {
        Completion(continuation: waiter.continuation, result: .failure(error))
      }
      if cancelled.remove(waiter.id) != nil { return failure(CancellationError()) }
      if let matches = waiter.request.matches {
        for index in items.indices {
          switch items[index] {
          case .gap(let error):
            items.remove(at: index)
            return failure(error)
          case .element(let element) where matches(element):
            items.remove(at: index)
            elementCount -= 1
            return Completion(continuation: waiter.continuation, result: .success([element]))
          case .element: continue
          }
        }
      } else {
        while waiter.collected.count < waiter.request.needed, let item = items.first {
          switch item {
          case .element(let element):
            waiter.collected.append(element)
            items.removeFirst()
            elementCount -= 1
          case .gap(let error):
            items.removeFirst()
            giveBack(waiter)
            return failure(error)
          }
        }
        if waiter.collected.count == waiter.request.needed {
          return Completion(continuation: waiter.continuation, result: .success(waiter.collected))
        }
      }
      if let terminal {
        giveBack(waiter)
        return failure(terminal)
      }
      waiters.append(waiter)
      return nil
    }

    mutating func end(_ error: any Error, forGood: Bool) -> [Completion] {
      if forGood, terminal == nil { terminal = error }
      if waiters.isEmpty {
        if !forGood { items.append(.gap(error)) }
        return []
      }
      let all = waiters
      waiters = []
      return all.map {
        giveBack($0)
        return Completion(continuation: $0.continuation, result: .failure(error))
      }
    }

    mutating func cancel(_ id: UInt64) -> Completion? {
      guard let index = waiters.firstIndex(where: { $0.id == id }) else {
        // Cancelled between taking its number and entering.
        cancelled.insert(id)
        return nil
      }
      let waiter = waiters.remove(at: index)
      giveBack(waiter)
      return Completion(continuation: waiter.continuation, result: .failure(CancellationError()))
    }

    /// Forgets a cancellation that came when the wait was over.
    mutating func forget(_ id: UInt64) { cancelled.remove(id) }

    mutating func expire(now: NIODeadline) -> ([Completion], NIODeadline?) {
      armed = nil
      var completions: [Completion] = []
      for waiter in waiters where waiter.deadline.map({ $0 <= now }) ?? false {
        let error = Timeout(
          waitedFor: waiter.what, timeout: waiter.timeout ?? .zero,
          arrived: waiter.request.matches == nil ? waiter.collected : buffered)
        completions.append(Completion(continuation: waiter.continuation, result: .failure(error)))
      }
      waiters.removeAll { $0.deadline.map { $0 <= now } ?? false }
      return (completions, timerToArm(for: waiters.compactMap(\.deadline).min()))
    }

    /// The deadline to arm the timer for, or nil if one is armed that is early enough.
    mutating func timerToArm(for deadline: NIODeadline?) -> NIODeadline? {
      guard let deadline else { return nil }
      if let armed, armed <= deadline { return nil }
      armed = deadline
      return deadline
    }

    private var buffered: [Element] {
      items.compactMap {
        if case .element(let element) = $0 { return element }
        return nil
      }
    }

    /// Puts what a failed wait had collected back in front, so that nothing is lost.
    private mutating func giveBack(_ waiter: Waiter) {
      items.prepend(contentsOf: waiter.collected.map(Item.element))
      elementCount += waiter.collected.count
    }
  }
}
