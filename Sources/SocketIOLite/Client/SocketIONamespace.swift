import NIOCore
import NIOPosix
import Synchronization

/// One namespace of a client: its queues, what is sent in it, its id. Made by `SocketIOClient.namespace`, joined by `join`.
public final class SocketIONamespace: Sendable {
  /// Where it is on the server, "/" or like "/admin".
  public let name: String

  let auth: (@Sendable () async throws -> any Encodable & Sendable)?
  /// How long `auth` may take.
  private let authTimeout: Duration
  let ackTimeout: Duration
  /// Whether a lost connection is made again.
  let reconnects: Bool
  package let link: ClientLink
  let turns = SendTurns()
  private let hub = EventHub()
  /// The queues of what is sent, once somebody asked for one.
  private let sentHub = Mutex<EventHub?>(nil)
  /// Whether there are any: asked on the event loop for each event that goes out.
  private let isWatched = Atomic(false)
  // Entered on the event loop for each burst of events, and for what is asked about it; never contended for long.
  private let recovery = Mutex(ConnectionRecovery())
  /// Whether the server keeps sessions: where it does not, events need not be looked at. Set and read on the event loop.
  private let mayRecover = Atomic(false)

  init(
    name: String, auth: (@Sendable () async throws -> any Encodable & Sendable)?, _ configuration: SocketIOConfiguration
  ) {
    self.name = name
    self.auth = auth
    authTimeout = configuration.connectTimeout
    ackTimeout = configuration.ackTimeout
    reconnects = configuration.reconnection != nil
    link = ClientLink(waitsAlways: configuration.sendsBeforeConnecting)
  }

  // MARK: Events

  /// A queue of the events with this name, from now on; may be made before the namespace is joined.
  public func events(named name: String, capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    hub.queue(named: name, capacity: capacity)
  }

  /// A queue of the events that `wants` picks; it runs on an event loop and must be quick.
  public func events(
    capacity: Int = 1024, where wants: @escaping @Sendable (SocketIOEvent) -> Bool
  ) -> EventQueue<SocketIOEvent> {
    hub.queue(of: "events that match", capacity: capacity, wants: wants)
  }

  /// A queue of all events of the namespace.
  public func allEvents(capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    hub.queue(of: "events", capacity: capacity, wants: nil)
  }

  /// A queue of the events that this side sends, each as it goes out: what waits for a connection is in it once there is one.
  ///
  /// Answers to the server's events are not in it, nor what fails before it goes out. The time of each is when it was handed on.
  public func sentEvents(capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    let hub = sentHub.withLock { hub in
      let known = hub ?? EventHub()
      hub = known
      return known
    }
    defer { isWatched.store(true, ordering: .releasing) }
    return hub.queue(of: "sent events", capacity: capacity, wants: nil)
  }

  // MARK: State

  /// The id that the server gave this client in this namespace; nil while it is not joined. Each connection has another.
  public var id: String? { link.sid }

  /// Whether the namespace is joined at this moment.
  public var isConnected: Bool { state == .connected }

  /// Whether the server went on with the session of the connection before, and so sent what was missed.
  public var isRecovered: Bool { recovery.withLock { $0.isRecovered } }

  /// What the client is doing about the namespace at this moment.
  public var state: SocketIOState { link.current }

  /// The state now and every one that follows, none left out. Each call makes a stream of its own.
  public func states() -> AsyncStream<SocketIOState> { link.states() }

  // MARK: What the connection says

  /// The payload of the request to join: `auth`, evaluated now, and what recovery needs.
  func connectPayload() async throws -> ByteBuffer? {
    let own = if let auth { try await evaluated(auth) } else { nil as ByteBuffer? }
    return recovery.withLock { $0.payload(auth: own) }
  }

  /// What `auth` gives, within its time. It is the caller's code, which need not heed a cancellation: who gives up does not wait for it.
  private func evaluated(
    _ auth: @escaping @Sendable () async throws -> any Encodable & Sendable
  ) async throws -> ByteBuffer {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let given = loop.makePromise(of: ByteBuffer.self)
    // No child of this task, which would wait for its end. Told to stop when this returns; nobody hears what it gives later.
    let working = Task {
      do { given.succeed(try SocketIOJSON.object(try await auth())) } catch { given.fail(error) }
    }
    defer { working.cancel() }
    let (name, timeout) = (name, authTimeout)
    let deadline = loop.scheduleTask(in: TimeAmount(timeout)) {
      given.fail(
        SocketIOError(
          .connectTimedOut, "auth of namespace \(name) gave nothing within \(timeout)",
          next: "does what it asks for answer? connectTimeout is how long it may take"))
    }
    defer { deadline.cancel() }
    return try await withTaskCancellationHandler {
      try await given.futureResult.get()
    } onCancel: {
      given.fail(CancellationError())
    }
  }

  func joined(_ membership: SocketIOSession.Membership) {
    recovery.withLock { $0.joined(membership) }
    mayRecover.store(membership.pid != nil, ordering: .relaxed)
  }

  /// Tells who watches what goes out.
  func sending(_ packet: SocketIOPacket, _ attachments: [ByteBuffer]) {
    guard isWatched.load(ordering: .acquiring), let hub = sentHub.withLock({ $0 }),
      // It cannot fail: this side has written the name.
      let event = try? SocketIOEvent(.init(packet: packet, attachments: attachments))
    else { return }
    hub.deliver([event])
  }

  private func forEachQueue(_ body: (EventQueue<SocketIOEvent>) -> Void) {
    hub.forEachQueue(body)
    sentHub.withLock { $0 }?.forEachQueue(body)
  }

  /// Begins joining; nil if somebody has begun already. Queues that ended before can be read again.
  func begin() -> UInt64? {
    guard let beginning = link.begin() else { return nil }
    forEachQueue { $0.reopen() }
    return beginning
  }

  /// Takes events of one name in the order in which they came.
  func receive(_ events: ArraySlice<SocketIOEvent>) {
    if mayRecover.load(ordering: .relaxed) { recovery.withLock { $0.received(events) } }
    hub.deliver(events)
  }

  /// `isLoss` if there was a connection: then consumers hear of the gap.
  func retrying(attempt: Int, after reason: SocketIOError, isLoss: Bool) {
    link.retrying(attempt: attempt, after: reason)
    if attempt == 1, isLoss { hub.forEachQueue { $0.interrupt(reason) } }
  }

  /// There will be no connection: consumers and callers learn why.
  func finish(_ reason: SocketIOError) {
    link.ended(reason)
    forEachQueue { $0.finish(throwing: reason) }
  }
}
