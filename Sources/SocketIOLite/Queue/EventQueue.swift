import DequeModule
import NIOCore
import NIOPosix
import Synchronization

/// A bounded queue of what arrived, which never loses anything without telling a consumer.
///
/// Each element goes to one consumer, in order. Waiting has a deadline, and what arrived by then is in the error. When the
/// queue is full the next element breaks it: what is buffered can still be read, then every wait throws `Overflow`.
/// A lost connection is an error in the same place of the order: what came before it is read first.
public final class EventQueue<Element: Sendable>: Sendable {
  /// A wait whose deadline passed.
  public struct Timeout: Error, Sendable, CustomStringConvertible {
    /// What was waited for, such as `5 of event “fragment:processed”`.
    public var waitedFor: String
    /// How long.
    public var timeout: Duration
    /// What arrived in the meantime: taken by `collect`, still in the queue after `first(where:)`.
    public var arrived: [Element]

    public var description: String {
      let shown = arrived.prefix(5).map { shortened("\($0)", to: 160) }
      let more = arrived.count > 5 ? ["… and \(arrived.count - 5) more"] : []
      let lines =
        ["waited \(timeout) for \(waitedFor); \(arrived.count) arrived"] + (shown + more).map { "  arrived   \($0)" }
      return lines.joined(separator: "\n")
    }
  }

  /// More arrived than the queue may hold.
  public struct Overflow: Error, Sendable, CustomStringConvertible {
    /// What the queue is for.
    public var name: String
    /// How many elements it may hold.
    public var capacity: Int
    /// How many elements did not fit until now.
    public var lost: Int

    public var description: String {
      """
      the queue of \(name) was full: \(capacity) were waiting and \(lost) more did not fit
        next      read it faster, or make it with a larger capacity
      """
    }
  }

  /// What the queue is for, as it stands in errors.
  public let name: String
  /// How many elements may wait to be read, at least 1; the next one breaks the queue.
  public let capacity: Int

  // One short critical section per operation, entered from event loops and from tasks: a lock is cheaper than a hop.
  private let state: Mutex<State>

  /// A queue of one's own, filled by `push`; those of clients and taps are made by them.
  public init(name: String = "events", capacity: Int = 1024) {
    self.name = name
    self.capacity = Swift.max(1, capacity)
    state = Mutex(State())
  }

  /// How many elements wait to be read.
  public var count: Int { state.withLock { $0.elementCount } }

  // MARK: Consuming

  /// The next element. Throws `Timeout`, `Overflow`, the reason of a lost connection, or `CancellationError`.
  @specialized(where Element == SocketIOEvent)
  public nonisolated(nonsending) func next(timeout: Duration) async throws -> Element {
    // Most often it is there already: no continuation, no hop to another executor.
    if let element = takeBuffered() { return element }
    let taken = try await wait(.init(needed: 1), timeout: timeout, for: "one of \(name)")
    guard let first = taken.first else { throw CancellationError() }
    return first
  }

  /// The next `count` elements in order; on failure what arrived is in `Timeout.arrived`, else it stays in the queue.
  public nonisolated(nonsending) func collect(_ count: Int, timeout: Duration) async throws -> [Element] {
    guard count > 0 else { return [] }
    return try await wait(.init(needed: count), timeout: timeout, for: "\(count) of \(name)")
  }

  /// The first element that `matches`; the others stay in the queue, in order. `matches` must not use the queue itself.
  public nonisolated(nonsending) func first(
    timeout: Duration, where matches: @escaping @Sendable (Element) -> Bool
  ) async throws -> Element {
    let taken = try await wait(.init(needed: 1, matches: matches), timeout: timeout, for: "a matching one of \(name)")
    guard let first = taken.first else { throw CancellationError() }
    return first
  }

  /// Takes what is there now, without waiting; throws nothing and leaves errors where they are.
  public func drain() -> [Element] {
    state.withLock { state in
      var taken: [Element] = []
      while case .element(let element)? = state.items.first {
        taken.append(element)
        state.items.removeFirst()
      }
      state.elementCount -= taken.count
      return taken
    }
  }

  /// Other modules run this class unspecialised, where each element costs several look-ups of its type; not so for events.
  @specialized(where Element == SocketIOEvent)
  fileprivate func takeBuffered() -> Element? { state.withLock { $0.takeFirst() } }

  // MARK: Producing

  /// Adds an element. Returns false if the queue is full or has ended; consumers get an error then.
  @discardableResult
  public func push(_ element: Element) -> Bool {
    let (accepted, completions) = state.withLock { $0.push(element, capacity: capacity, name: name) }
    for completion in completions { completion.resume() }
    return accepted
  }

  /// Adds elements in order, as `push` does, with one look at who waits for each.
  package func push(contentsOf elements: some Sequence<Element>) {
    let completions = state.withLock { $0.push(contentsOf: elements, capacity: capacity, name: name) }
    for completion in completions { completion.resume() }
  }

  /// Tells consumers, once and behind what is buffered, that elements may be missing from here on.
  public func interrupt(_ error: any Error) { end(error, forGood: false) }

  /// Ends the queue: once the buffered elements are read, every wait throws `error`.
  public func finish(throwing error: any Error) { end(error, forGood: true) }

  /// Makes an ended queue usable again.
  public func reopen() {
    state.withLock {
      $0.terminal = nil
      $0.lost = 0
    }
  }

  private func end(_ error: any Error, forGood: Bool) {
    let completions = state.withLock { $0.end(error, forGood: forGood) }
    for completion in completions { completion.resume() }
  }

  // MARK: Waiting

  private nonisolated(nonsending) func wait(_ request: Request, timeout: Duration?, for what: String) async throws
    -> [Element]
  {
    let id = state.withLock { $0.makeID() }
    defer { if Task.isCancelled { state.withLock { $0.forget(id) } } }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let deadline = timeout.map { NIODeadline.now() + TimeAmount($0) }
        let waiter = Waiter(
          id: id, request: request, what: what, timeout: timeout, deadline: deadline, continuation: continuation)
        let (completion, timer) = state.withLock { state in
          let completion = state.enter(waiter)
          return (completion, completion == nil ? state.timerToArm(for: deadline) : nil)
        }
        completion?.resume()
        if let timer { arm(timer) }
      }
    } onCancel: {
      state.withLock { $0.cancel(id) }?.resume()
    }
  }

  /// One timer serves all waits: it is armed for the earliest deadline and looks again when it fires.
  private func arm(_ deadline: NIODeadline) {
    MultiThreadedEventLoopGroup.singleton.next().scheduleTask(deadline: deadline) { [weak self] in
      guard let self else { return }
      let (completions, next) = self.state.withLock { $0.expire(now: .now()) }
      for completion in completions { completion.resume() }
      if let next { self.arm(next) }
    }
  }
}

extension EventQueue: AsyncSequence {
  /// Iterates without a deadline until the queue ends; a lost connection or overflow is thrown.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let queue: EventQueue
    public mutating func next() async throws -> Element? {
      if let element = queue.takeBuffered() { return element }
      return try await queue.wait(.init(needed: 1), timeout: nil, for: "one of \(queue.name)").first
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }
}
