import NIOCore
import NIOPosix
import Synchronization

/// What keeps a client connected: the attempts, the task that watches the connection, and the namespaces on it.
final class ClientCore: Sendable {
  private struct State {
    var known: [String: SocketIONamespace] = [:]
    /// The namespaces that are to be joined, in the order of asking.
    var wanted: [SocketIONamespace] = []
    /// Joins that have begun and of which the connection need not know yet, each with its beginning: they keep it open.
    var joining: [String: UInt64] = [:]
    var session: ClientSession?
    /// Whether there is none, and it is being made.
    var isOnItsWay = false
    /// Who joins as soon as it is there.
    var early: [EventLoopPromise<ClientSession>] = []
    /// The first attempts of `connect`, until they led to a connection.
    var connecting: Task<ClientSession, any Error>?
    var supervisor: Task<Void, Never>?
  }

  let primary: SocketIONamespace
  let url: String
  let configuration: SocketIOConfiguration
  /// Nil for the process's, which is read when it is asked: a copy for each client was 7 kB.
  private let environment: [String: String]?
  private let cookies = CookieJar()
  /// What is wrong with the namespace's name: `connect` throws it.
  private let misnamed: SocketIOError?
  // Entered when namespaces or connections come and go; what is done inside never waits.
  private let state: Mutex<State>

  init(url: String, configuration: SocketIOConfiguration, environment: [String: String]?) {
    self.url = url
    self.configuration = configuration
    self.environment = environment
    let name: String
    do {
      name = try SocketIOEndpoint.namespace(of: url, configuration.namespace, path: configuration.path)
      misnamed = nil
    } catch {
      name = SocketIOEndpoint.normalizedNamespace(configuration.namespace)
      misnamed = error
    }
    let primary = SocketIONamespace(name: name, auth: configuration.auth, configuration)
    self.primary = primary
    state = Mutex(State(known: [primary.name: primary]))
  }

  // MARK: Namespaces

  func namespace(
    _ name: String, auth: (@Sendable () async throws -> any Encodable & Sendable)?
  ) -> SocketIONamespace {
    let name = SocketIOEndpoint.normalizedNamespace(name)
    return state.withLock { state in
      if let known = state.known[name] { return known }
      let new = SocketIONamespace(name: name, auth: auth ?? configuration.auth, configuration)
      state.known[name] = new
      return new
    }
  }

  /// `timeout` is the configuration's `connectTimeout` if it is nil.
  func join(_ namespace: SocketIONamespace, timeout: Duration? = nil) async throws {
    // Who was disconnected by the server may ask again.
    if case .disconnected = namespace.state { namespace.link.reset() }
    _ = try SocketIOEndpoint.checkedNamespace(namespace.name)
    // In one step: who sees that it has begun finds that it keeps the connection open.
    let begun = state.withLock { state in
      let beginning = namespace.begin()
      if let beginning { state.joining[namespace.name] = beginning }
      return beginning
    }
    guard let beginning = begun else {
      guard namespace.isConnected else {
        throw SocketIOError(.notConnected, "namespace \(namespace.name) is being joined already")
      }
      return
    }
    do {
      let payload = try await namespace.connectPayload()
      // Who left meanwhile does not want what follows.
      guard namespace.link.isCurrent(beginning) else { throw Self.left(namespace) }
      let session = try await session(for: namespace)
      guard namespace.link.isCurrent(beginning) else { throw Self.left(namespace) }
      state.withLock { $0.wanted.append(namespace) }
      let timeout = timeout ?? configuration.connectTimeout
      try await session.join(namespace.name, payload: payload, timeout: timeout) { membership in
        // On the event loop, so that who gets the first event can answer it.
        namespace.link.connected(.init(session: session, namespace: namespace.name, sid: membership.sid))
        self.endJoining(namespace, beginning)
      }
      guard namespace.link.isWanted(beginning) else { throw Self.left(namespace) }
    } catch {
      // Another beginning may have followed the end of this one.
      guard namespace.link.isLatest(beginning) else { throw error }
      unwant(namespace)
      endJoining(namespace, beginning)
      // An answer that comes too late joins nothing, and a connection that was kept open for this alone closes.
      state.withLock(\.session)?.leave(namespace.name)
      namespace.link.reset(error as? SocketIOError)
      throw error
    }
  }

  private func endJoining(_ namespace: SocketIONamespace, _ beginning: UInt64) {
    state.withLock { if $0.joining[namespace.name] == beginning { $0.joining[namespace.name] = nil } }
  }

  /// The connection that is up, or the one that is being made, once it is.
  private func session(for namespace: SocketIONamespace) async throws -> ClientSession {
    let made = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: ClientSession.self)
    let (session, isOnItsWay) = state.withLock { state in
      if state.session == nil, state.isOnItsWay { state.early.append(made) }
      return (state.session, state.isOnItsWay)
    }
    if let session {
      made.succeed(session)
    } else if !isOnItsWay {
      made.fail(
        SocketIOError(
          .notConnected, "there is no connection on which to join namespace \(namespace.name)",
          next: "join inside withConnection { … }, or after connect()"))
    }
    return try await withTaskCancellationHandler {
      try await made.futureResult.get()
    } onCancel: {
      made.fail(CancellationError())
    }
  }

  /// How many joins wait for the connection that is being made.
  var waitingJoinCount: Int { state.withLock(\.early.count) }

  /// There will be no connection: who waits to join on it learns why.
  private func refuseEarly(_ error: any Error) {
    let early = state.withLock { state in
      defer { (state.early, state.isOnItsWay) = ([], false) }
      return state.early
    }
    for promise in early { promise.fail(error) }
  }

  private static func left(_ namespace: SocketIONamespace) -> SocketIOError {
    SocketIOError(.disconnected, "this side left namespace \(namespace.name)", reason: .clientDisconnect)
  }

  func leave(_ namespace: SocketIONamespace) {
    let session = state.withLock { state in
      state.joining[namespace.name] = nil
      return state.session
    }
    unwant(namespace)
    session?.leave(namespace.name)
    namespace.finish(Self.left(namespace))
    namespace.link.reset()
  }

  private func unwant(_ namespace: SocketIONamespace) { state.withLock { $0.wanted.removeAll { $0 === namespace } } }

  private func known(_ name: String) -> SocketIONamespace? { state.withLock { $0.known[name] } }

  // MARK: Connection

  /// Connects, and stays connected by a task that `disconnect` ends.
  ///
  /// What connecting needs for a moment is on the stack of functions that do not wait: one that waits keeps all of its own until its
  /// end, 7 kB for each client.
  func connect() async throws {
    if case .disconnected = primary.state {
      let isKept = state.withLock { !($0.wanted.isEmpty && $0.joining.isEmpty) && ($0.session != nil || $0.isOnItsWay) }
      if isKept { return try await join(primary) }
      // After an end that was not asked for, the task that saw it may be there still.
      let isUsed = state.withLock { $0.supervisor != nil || $0.connecting != nil || !$0.early.isEmpty }
      if isUsed { await disconnect() }
    }
    let connecting = try beginConnecting()
    let outcome = await withTaskCancellationHandler {
      await connecting.result
    } onCancel: {
      connecting.cancel()
    }
    try endConnecting(connecting, outcome)
  }

  @inline(never)
  private func beginConnecting() throws -> Task<ClientSession, any Error> {
    if let misnamed { throw misnamed }
    // In one step: who sees that it has begun can end it.
    let begun = state.withLock { state -> Task<ClientSession, any Error>? in
      guard primary.begin() != nil else { return nil }
      (state.wanted, state.isOnItsWay) = ([primary], true)
      // Owned by the state: `disconnect` ends it, and waits for it.
      let connecting = Task { try await self.establish() }
      state.connecting = connecting
      return connecting
    }
    if let begun { return begun }
    throw SocketIOError(
      .cannotConnect, "this client is connected already", next: "make a second SocketIOClient for a second connection")
  }

  @inline(never)
  private func endConnecting(
    _ connecting: Task<ClientSession, any Error>, _ outcome: Result<ClientSession, any Error>
  ) throws {
    let isWanted = state.withLock { state in
      guard state.connecting == connecting else { return false }
      state.connecting = nil
      // Owned by the state until `disconnect` takes it; the client's deinit sees to that.
      if case .success(let first) = outcome { state.supervisor = Task { await self.supervise(first) } }
      return true
    }
    switch outcome {
    case .success: if !isWanted { throw Self.givenUp }
    case .failure(let error):
      guard isWanted else { throw error is CancellationError ? Self.givenUp : error }
      refuseEarly(error)
      primary.link.reset(error as? SocketIOError)
      throw error
    }
  }

  private static let givenUp = SocketIOError(
    .disconnected, "this side disconnected while connecting", reason: .clientDisconnect)

  /// The first attempt, and with `retriesFirst` those that follow it.
  private func establish() async throws -> ClientSession {
    do {
      return try await attempt()
    } catch let error as SocketIOError {
      guard let reconnection = configuration.reconnection, reconnection.retriesFirst, error.mayPass else {
        throw error
      }
      return try await reconnect(reconnection, after: error, isLoss: false).get()
    }
  }

  /// Leaves every namespace, and waits until the connection is closed.
  func disconnect() async {
    let (connecting, supervisor) = state.withLock { state in
      defer { (state.connecting, state.supervisor) = (nil, nil) }
      return (state.connecting, state.supervisor)
    }
    refuseEarly(Self.givenUp)
    if let connecting {
      connecting.cancel()
      if case .success(let session) = await connecting.result {
        session.beginDisconnect()
        _ = await session.end()
      }
      state.withLock { $0.session = nil }
      primary.link.reset()
    }
    guard let supervisor else { return }
    supervisor.cancel()
    await supervisor.value
    for namespace in state.withLock({ $0.known.values }) { namespace.link.reset() }
  }

  func cancel() {
    let (connecting, supervisor) = state.withLock { ($0.connecting, $0.supervisor) }
    connecting?.cancel()
    supervisor?.cancel()
  }

  /// One attempt to connect and to join what is wanted; its successes are connected when this returns.
  private func attempt() async throws -> ClientSession {
    let wanted = state.withLock(\.wanted)
    let start = try preparedAttempt(wanted)
    var payloads: [ByteBuffer?] = []
    for namespace in wanted { payloads.append(try await namespace.connectPayload()) }
    let handle = start(payloads)
    return try await withTaskCancellationHandler {
      try await handle.made.get().session
    } onCancel: {
      handle.cancel()
    }
  }

  /// Reads the configuration, in which something may be wrong; returns what begins an attempt with the namespaces' payloads.
  @inline(never)
  private func preparedAttempt(
    _ wanted: [SocketIONamespace]
  ) throws -> (_ payloads: [ByteBuffer?]) -> ConnectAttempt.Handle {
    let request = try ClientRequest(url, configuration, in: environment, cookies: cookies)
    return { payloads in
      let loop = MultiThreadedEventLoopGroup.singleton.next()
      let joins = zip(wanted, payloads).map { namespace, payload in
        ClientConnectionHandler.Join(
          namespace: namespace.name, payload: payload,
          done: loop.makePromise(of: SocketIOSession.Membership.self))
      }
      let handle = ConnectAttempt.start(request, on: loop, wishes: self.wishes(joins))
      // On the event loop, so that who gets the first event can answer it.
      handle.made.whenSuccess { self.install($0, wanted) }
      return handle
    }
  }

  private func wishes(_ joins: [ClientConnectionHandler.Join]) -> ClientConnectionHandler.Wishes {
    let primary = primary
    return .init(
      limits: configuration.limits, joins: joins,
      deliver: { burst in
        burst[...].forEachRun { events in
          guard let name = events.first?.namespace else { return }
          (name == primary.name ? primary : self.known(name))?.receive(events)
        }
      },
      sending: { packet, attachments in
        (packet.namespace == primary.name ? primary : self.known(packet.namespace))?.sending(packet, attachments)
      },
      joined: { name, membership in self.known(name)?.joined(membership) },
      left: { name, reason in
        guard let namespace = self.known(name) else { return }
        self.unwant(namespace)
        namespace.finish(reason)
      },
      expectsMore: { !self.state.withLock(\.joining.isEmpty) })
  }

  private func install(_ made: ConnectAttempt.Made, _ wanted: [SocketIONamespace]) {
    let early = state.withLock { state in
      defer { state.early = [] }
      (state.session, state.isOnItsWay) = (made.session, false)
      return state.early
    }
    for promise in early { promise.succeed(made.session) }
    for (namespace, answer) in zip(wanted, made.answers) {
      switch answer {
      case .success(let membership):
        let connection = ClientConnection(session: made.session, namespace: namespace.name, sid: membership.sid)
        // Left while it was being joined.
        if !namespace.link.connected(connection) { made.session.leave(namespace.name) }
      case .failure(let error):
        unwant(namespace)
        namespace.finish(error as? SocketIOError ?? SocketIOError(.connectRejected, "\(error)"))
      }
    }
  }

  /// Waits for the connection's end, tells everyone, and makes it again if that is wanted; cancelled, it disconnects.
  private func supervise(_ first: ClientSession) async {
    var current: ClientSession? = first
    while let up = current {
      let reason = await withTaskCancellationHandler {
        await up.end()
      } onCancel: {
        up.beginDisconnect()
      }
      let reconnection = Task.isCancelled || !reason.isLoss ? nil : configuration.reconnection
      state.withLock { ($0.session, $0.isOnItsWay) = (nil, reconnection != nil) }
      guard let reconnection else {
        finish(with: reason)
        break
      }
      current = try? await reconnect(reconnection, after: reason, isLoss: true).get()
    }
  }

  /// Attempts until one succeeds; fails, and has told everyone, with what the last one failed with.
  @inline(never)
  private func reconnect(
    _ reconnection: SocketIOConfiguration.Reconnection, after reason: SocketIOError, isLoss: Bool
  ) async -> Result<ClientSession, any Error> {
    var last: any Error = reason
    for attempt in 0..<(reconnection.attempts ?? .max) {
      for namespace in state.withLock(\.wanted) {
        namespace.retrying(attempt: attempt + 1, after: reason, isLoss: isLoss)
      }
      do {
        try await Task.sleep(for: reconnection.wait(attempt: attempt, random: .random(in: -1...1)))
        return .success(try await self.attempt())
      } catch let error as SocketIOError {
        last = error
        if !error.mayPass { break }
      } catch {
        last = isLoss ? last : error
        break
      }
    }
    finish(with: last as? SocketIOError ?? reason)
    return .failure(last)
  }

  @inline(never)
  private func finish(with reason: SocketIOError) {
    let wanted = state.withLock { state in
      defer { state.wanted = [] }
      return state.wanted
    }
    refuseEarly(reason)
    for namespace in wanted { namespace.finish(reason) }
  }
}
