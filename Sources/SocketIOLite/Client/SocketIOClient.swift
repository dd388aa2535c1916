#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A Socket.IO 5 client: queues are made first, then the connection lives as long as a closure, or until `disconnect`.
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
  /// The server's URL as it was given: http, https, ws or wss.
  public var url: String { core.url }
  /// How it connects, as it was given.
  public var configuration: SocketIOConfiguration { core.configuration }

  private let core: ClientCore

  /// Takes what it needs to connect; the URL is checked when it does.
  public convenience init(url: String, configuration: SocketIOConfiguration = .init()) {
    self.init(url: url, configuration: configuration, environment: nil)
  }

  /// With another environment than the process's (nil), for tests of what is read from it.
  package init(url: String, configuration: SocketIOConfiguration, environment: [String: String]?) {
    core = ClientCore(url: url, configuration: configuration, environment: environment)
  }

  deinit { core.cancel() }

  // MARK: Connection

  /// Connects, runs `body`, disconnects, however `body` ends. Throws `SocketIOError` if the first attempt fails.
  ///
  /// When the connection is lost, waiting consumers and acknowledgements get the reason as an error at once. With
  /// `configuration.reconnection` it is then made again beside `body`, and the queues go on behind that error.
  public func withConnection<R>(
    isolation: isolated (any Actor)? = #isolation, _ body: (SocketIOClient) async throws -> R
  ) async throws -> R {
    try await connect()
    let result: Result<R, any Error>
    do {
      result = .success(try await body(self))
    } catch {
      result = .failure(error)
    }
    await disconnect()
    return try result.get()
  }

  /// Connects and stays connected until `disconnect`. Throws `SocketIOError` if the first attempt fails.
  ///
  /// For connections that outlive a scope, such as a fixture's; otherwise `withConnection` cannot be forgotten. The task that
  /// watches the connection belongs to this client: `disconnect` ends it and waits for it, and so does its last release, which
  /// does not wait.
  public func connect() async throws { try await core.connect() }

  /// Leaves every namespace, ends attempts to connect, and waits until the connection is closed: at most a second.
  ///
  /// The client may `connect` again afterwards. Without a connection this does nothing.
  public func disconnect() async { await core.disconnect() }

  // MARK: Namespaces

  /// Another namespace on the same connection; the same object for the same name. Make its queues, then `join` it.
  ///
  /// `auth`, evaluated at each joining, is the configuration's if it is nil; it counts when the namespace is first asked for.
  public func namespace(
    _ name: String, auth: (@Sendable () async throws -> any Encodable & Sendable)? = nil
  ) -> SocketIONamespace {
    core.namespace(name, auth: auth)
  }

  /// Joins a namespace on the connection that is up, and again whenever that is made again.
  ///
  /// Throws `connectRejected` with the server's message and data, `connectTimedOut`, or `notConnected`; what was joined before
  /// stays as it is. Does nothing if it is joined.
  public func join(_ namespace: SocketIONamespace) async throws { try await core.join(namespace) }

  /// `join` with a time-out of its own in place of `connectTimeout`, for tests in which one join is to be given up and the next is not.
  package func join(_ namespace: SocketIONamespace, timeout: Duration) async throws {
    try await core.join(namespace, timeout: timeout)
  }

  /// Leaves one namespace: its waits end with `clientDisconnect`, the others remain. The last one takes the connection along.
  public func leave(_ namespace: SocketIONamespace) { core.leave(namespace) }

  /// The namespace of the configuration, in which this client's own events are.
  private var primary: SocketIONamespace { core.primary }
  /// The id that the server gave this client; nil while there is no connection. Each connection has another.
  public var id: String? { primary.id }
  /// Whether the namespace of the configuration is joined at this moment.
  public var isConnected: Bool { primary.isConnected }
  /// Whether the server went on with the session of the connection before, and so sent what was missed.
  public var isRecovered: Bool { primary.isRecovered }
  /// What the client is doing about its connection at this moment.
  public var state: SocketIOState { primary.state }
  /// The state now and every one that follows, none left out. Each call makes a stream of its own.
  public func states() -> AsyncStream<SocketIOState> { primary.states() }

  // MARK: Events

  /// A queue of the events with this name, from now on; may be made before connecting.
  public func events(named name: String, capacity: Int = 1024) -> EventQueue<SocketIOEvent> {
    primary.events(named: name, capacity: capacity)
  }

  /// A queue of the events that `wants` picks; it runs on an event loop and must be quick.
  public func events(
    capacity: Int = 1024, where wants: @escaping @Sendable (SocketIOEvent) -> Bool
  ) -> EventQueue<SocketIOEvent> {
    primary.events(capacity: capacity, where: wants)
  }

  /// A queue of all events.
  public func allEvents(capacity: Int = 1024) -> EventQueue<SocketIOEvent> { primary.allEvents(capacity: capacity) }

  /// A queue of the events that this side sends, each as it goes out: see `SocketIONamespace.sentEvents`.
  public func sentEvents(capacity: Int = 1024) -> EventQueue<SocketIOEvent> { primary.sentEvents(capacity: capacity) }

  // MARK: Sending

  /// Sends an event in the configuration's namespace: see `SocketIONamespace.emit`.
  public func emit(_ event: String, _ arguments: any Encodable & Sendable...) async throws {
    try await primary.emit(event, arguments: arguments)
  }

  /// `emit` for arguments that are in an array already.
  public func emit(_ event: String, arguments: [any Encodable & Sendable]) async throws {
    try await primary.emit(event, arguments: arguments)
  }

  /// Sends an event at once or not at all: see `SocketIONamespace.emitVolatile`.
  public func emitVolatile(_ event: String, _ arguments: any Encodable & Sendable...) throws -> Bool {
    try primary.emitVolatile(event, arguments: arguments)
  }

  /// `emitVolatile` for arguments that are in an array already.
  public func emitVolatile(_ event: String, arguments: [any Encodable & Sendable]) throws -> Bool {
    try primary.emitVolatile(event, arguments: arguments)
  }

  /// Sends an event and waits for the server's answer: see `SocketIONamespace.emitWithAck`.
  public func emitWithAck(
    _ event: String, _ arguments: any Encodable & Sendable..., timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await primary.emitWithAck(event, arguments: arguments, timeout: timeout)
  }

  /// `emitWithAck` for arguments that are in an array already.
  public func emitWithAck(
    _ event: String, arguments: [any Encodable & Sendable], timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await primary.emitWithAck(event, arguments: arguments, timeout: timeout)
  }

  /// Sends an event until the server answered it: see `SocketIONamespace.emitWithRetries`.
  public func emitWithRetries(
    _ event: String, _ arguments: any Encodable & Sendable..., retries: Int = 3, timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await primary.emitWithRetries(event, arguments: arguments, retries: retries, timeout: timeout)
  }

  /// `emitWithRetries` for arguments that are in an array already.
  public func emitWithRetries(
    _ event: String, arguments: [any Encodable & Sendable], retries: Int = 3, timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await primary.emitWithRetries(event, arguments: arguments, retries: retries, timeout: timeout)
  }

  /// Answers an event that the server wants acknowledged; does nothing for one that has no `ackID`.
  public func acknowledge(_ event: SocketIOEvent, _ arguments: any Encodable & Sendable...) async throws {
    try await primary.acknowledge(event, arguments: arguments)
  }

  /// `acknowledge` for arguments that are in an array already.
  public func acknowledge(_ event: SocketIOEvent, arguments: [any Encodable & Sendable]) async throws {
    try await primary.acknowledge(event, arguments: arguments)
  }

  /// How many calls wait in line for the connection to be made again.
  package var waitingCallCount: Int { primary.waitingCallCount }
  /// How many joins wait for the connection that is being made: a namespace's `state` says so as soon as its join is begun.
  package var waitingJoinCount: Int { core.waitingJoinCount }
}
