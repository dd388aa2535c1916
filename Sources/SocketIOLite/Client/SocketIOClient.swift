import Foundation
import NIOCore
import NIOPosix

/// A Socket.IO 5 client over WebSocket: queues are made first, then the connection lives as long as a closure.
///
/// ```swift
/// let client = SocketIOClient(url: "http://localhost:3000")
/// let processed = client.events(named: "fragment:processed")
/// try await client.withConnection { client in
///   try await client.emit("stream:init", ["stream_id": "test"])
///   let events = try await processed.collect(5, timeout: .seconds(30))
/// }
/// ```
public final class SocketIOClient: Sendable {
  public let url: String
  public let configuration: SocketIOConfiguration

  private let hub = EventHub()
  let link = ClientLink()
  let turns = SendTurns()
  private let cookies = CookieJar()

  /// Takes what it needs to connect; the URL is checked by `withConnection`.
  public init(url: String, configuration: SocketIOConfiguration = .init()) {
    self.url = url
    self.configuration = configuration
  }

  // MARK: Events

  /// A queue of the events with this name, from now on; may be made before connecting.
  public func events(named name: String, capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    hub.queue(named: name, capacity: capacity)
  }

  /// A queue of the events that `wants` picks; it runs on an event loop and must be quick.
  public func events(
    capacity: Int = 1024, where wants: @escaping @Sendable (SocketIOEvent) -> Bool
  ) -> EventQueue<SocketIOEvent> {
    hub.queue(of: "events that match", capacity: capacity, wants: wants)
  }

  /// A queue of all events.
  public func allEvents(capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    hub.queue(of: "events", capacity: capacity, wants: nil)
  }

  /// How many events came that no queue wanted.
  public var unclaimedEventCount: Int { hub.unclaimed }

  /// Whether the namespace is joined at this moment.
  public var isConnected: Bool { state == .connected }

  /// What the client is doing about its connection at this moment.
  public var state: SocketIOState { link.current }

  /// The state now and every one that follows, none left out. Each call makes a stream of its own.
  public func states() -> AsyncStream<SocketIOState> { link.states() }

  // MARK: Connection

  /// Connects, runs `body`, disconnects, however `body` ends. Throws `SocketIOError` if the first attempt fails.
  ///
  /// When the connection is lost, waiting consumers and acknowledgements get the reason as an error at once. With
  /// `configuration.reconnection` it is then made again beside `body`, and the queues go on behind that error.
  public func withConnection<R>(
    isolation: isolated (any Actor)? = #isolation, _ body: (SocketIOClient) async throws -> R
  ) async throws -> R {
    try begin()
    let first: ClientConnection
    do {
      first = try await connect()
    } catch {
      link.reset(error as? SocketIOError)
      throw error
    }
    hub.forEachQueue { $0.reopen() }
    link.connected(first)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.supervise(first) }
      let result: Result<R, any Error>
      do {
        result = .success(try await body(self))
      } catch {
        result = .failure(error)
      }
      group.cancelAll()
      try await group.waitForAll()
      link.reset()
      return try result.get()
    }
  }

  private func begin() throws(SocketIOError) {
    guard link.begin() else {
      throw SocketIOError(
        .cannotConnect, "this client is connected already", next: "make a second SocketIOClient for a second connection"
      )
    }
  }

  private func connect() async throws -> ClientConnection {
    let endpoint = try SocketIOEndpoint.parse(url, path: configuration.path, query: configuration.query)
    let auth = try await configuration.auth?()
    let hub = hub
    let wishes = ClientConnectionHandler.Wishes(
      namespace: configuration.namespace,
      auth: try auth.map { value throws(SocketIOError) in try SocketIOJSON.object(value) },
      limits: configuration.limits, deliver: { hub.deliver($0) })
    let request = WebSocketConnector.Request(
      endpoint: endpoint, extraHeaders: configuration.extraHeaders, cookies: cookies,
      timeout: TimeAmount(configuration.connectTimeout))
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let attempt = WebSocketConnector.connect(request, on: loop, wishes: wishes)
    return try await withTaskCancellationHandler {
      try await attempt.connection.get()
    } onCancel: {
      attempt.cancel()
    }
  }

  /// Waits for the connection's end, tells everyone, and makes it again if that is wanted; cancelled, it disconnects.
  private func supervise(_ first: ClientConnection) async {
    var current: ClientConnection? = first
    while let up = current {
      let reason = await withTaskCancellationHandler {
        await up.end()
      } onCancel: {
        up.beginDisconnect()
      }
      await up.disconnect()
      guard let reconnection = configuration.reconnection, !Task.isCancelled, Self.isWorthRetrying(reason) else {
        finish(with: reason)
        break
      }
      link.retrying(attempt: 1, after: reason)
      hub.forEachQueue { $0.interrupt(reason) }
      current = await reconnect(reconnection, after: reason)
    }
  }

  private func reconnect(_ reconnection: SocketIOConfiguration.Reconnection, after reason: SocketIOError) async
    -> ClientConnection?
  {
    var last = reason
    var attempt = 0
    while attempt < reconnection.attempts ?? .max {
      do {
        try await Task.sleep(for: reconnection.wait(attempt: attempt, random: .random(in: -1...1)))
        let new = try await connect()
        link.connected(new)
        return new
      } catch let error as SocketIOError {
        last = error
        // The server said no; asking again would not change that.
        if error.code == .connectRejected { break }
      } catch {
        break
      }
      attempt += 1
      link.retrying(attempt: attempt + 1, after: reason)
    }
    finish(with: last)
    return nil
  }

  private func finish(with reason: SocketIOError) {
    link.ended(reason)
    hub.forEachQueue { $0.finish(throwing: reason) }
  }

  /// Both sides may end a connection on purpose; that is final, as in every client.
  private static func isWorthRetrying(_ reason: SocketIOError) -> Bool {
    reason.reason != .serverDisconnect && reason.reason != .clientDisconnect && reason.code != .connectRejected
  }
}
