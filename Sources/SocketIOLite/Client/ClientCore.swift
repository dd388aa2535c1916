import NIOCore
import NIOPosix
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What keeps a client connected: the attempts, the task that watches the connection, and the namespaces on it.
final class ClientCore: Sendable {
  private struct State {
    var known: [String: SocketIONamespace] = [:]
    /// The namespaces that are to be joined, in the order of asking.
    var wanted: [SocketIONamespace] = []
    var session: ClientSession?
    var supervisor: Task<Void, Never>?
  }

  let primary: SocketIONamespace
  private let url: String
  private let configuration: SocketIOConfiguration
  private let environment: [String: String]
  private let cookies = CookieJar()
  // Entered when namespaces or connections come and go; what is done inside never waits.
  private let state: Mutex<State>

  init(url: String, configuration: SocketIOConfiguration, environment: [String: String]) {
    self.url = url
    self.configuration = configuration
    self.environment = environment
    let primary = SocketIONamespace(
      name: Self.normalized(configuration.namespace), auth: configuration.auth, ackTimeout: configuration.ackTimeout)
    self.primary = primary
    state = Mutex(State(known: [primary.name: primary]))
  }

  private static func normalized(_ name: String) -> String { name.hasPrefix("/") ? name : "/" + name }

  // MARK: Namespaces

  func namespace(
    _ name: String, auth: (@Sendable () async throws -> any Encodable & Sendable)?
  ) -> SocketIONamespace {
    let name = Self.normalized(name)
    return state.withLock { state in
      if let known = state.known[name] { return known }
      let new = SocketIONamespace(name: name, auth: auth ?? configuration.auth, ackTimeout: configuration.ackTimeout)
      state.known[name] = new
      return new
    }
  }

  func join(_ namespace: SocketIONamespace) async throws {
    // Who was disconnected by the server may ask again.
    if case .disconnected = namespace.state { namespace.link.reset() }
    guard namespace.begin() else {
      guard namespace.isConnected else {
        throw SocketIOError(.notConnected, "namespace \(namespace.name) is being joined already")
      }
      return
    }
    do {
      let payload = try await namespace.connectPayload()
      let session = state.withLock { state in
        state.wanted.append(namespace)
        return state.session
      }
      guard let session else {
        throw SocketIOError(
          .notConnected, "there is no connection on which to join namespace \(namespace.name)",
          next: "join inside withConnection { … }, or after connect()")
      }
      let membership = try await session.join(
        namespace.name, payload: payload, timeout: configuration.connectTimeout)
      namespace.link.connected(.init(session: session, namespace: namespace.name, sid: membership.sid))
    } catch {
      unwant(namespace)
      // An answer that comes too late joins nothing.
      state.withLock(\.session)?.leave(namespace.name)
      namespace.link.reset(error as? SocketIOError)
      throw error
    }
  }

  func leave(_ namespace: SocketIONamespace) {
    let session = state.withLock(\.session)
    unwant(namespace)
    session?.leave(namespace.name)
    namespace.finish(
      SocketIOError(.disconnected, "this side left namespace \(namespace.name)", reason: .clientDisconnect))
    namespace.link.reset()
  }

  private func unwant(_ namespace: SocketIONamespace) {
    state.withLock { $0.wanted.removeAll { $0 === namespace } }
  }

  private func known(_ name: String) -> SocketIONamespace? { state.withLock { $0.known[name] } }

  // MARK: Connection

  /// Connects, and stays connected by a task that `disconnect` ends.
  func connect() async throws {
    // After an end that was not asked for, the task that saw it may be there still.
    if case .disconnected = primary.state { await disconnect() }
    guard primary.begin() else {
      throw SocketIOError(
        .cannotConnect, "this client is connected already", next: "make a second SocketIOClient for a second connection"
      )
    }
    state.withLock { $0.wanted = [primary] }
    let first: ClientSession
    do {
      first = try await attempt()
    } catch {
      primary.link.reset(error as? SocketIOError)
      throw error
    }
    // Owned by the state until `disconnect` takes it; the client's deinit sees to that.
    state.withLock { $0.supervisor = Task { await self.supervise(first) } }
  }

  /// Leaves every namespace, and waits until the connection is closed.
  func disconnect() async {
    let supervisor = state.withLock { state in
      defer { state.supervisor = nil }
      return state.supervisor
    }
    guard let supervisor else { return }
    supervisor.cancel()
    await supervisor.value
    for namespace in state.withLock({ $0.known.values }) { namespace.link.reset() }
  }

  func cancel() { state.withLock(\.supervisor)?.cancel() }

  /// One attempt to connect and to join what is wanted; its successes are connected when this returns.
  private func attempt() async throws -> ClientSession {
    let wanted = state.withLock(\.wanted)
    let endpoint = try SocketIOEndpoint.parse(url, path: configuration.path, query: configuration.query)
    let dialer = try Dialer(
      endpoint: endpoint, tls: configuration.tls,
      proxy: try configuration.proxy.address(for: endpoint, in: environment),
      timeout: TimeAmount(configuration.connectTimeout))
    var payloads: [ByteBuffer?] = []
    for namespace in wanted { payloads.append(try await namespace.connectPayload()) }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let joins = zip(wanted, payloads).map { namespace, payload in
      ClientConnectionHandler.Join(
        namespace: namespace.name, payload: payload,
        done: loop.makePromise(of: SocketIOSession.Membership.self))
    }
    let request = ClientRequest(
      dialer: dialer, transports: configuration.transports, extraHeaders: configuration.extraHeaders, cookies: cookies,
      limits: configuration.limits)
    let handle = ConnectAttempt.start(request, on: loop, wishes: wishes(joins))
    let made = try await withTaskCancellationHandler {
      try await handle.made.get()
    } onCancel: {
      handle.cancel()
    }
    install(made, wanted)
    return made.session
  }

  private func wishes(_ joins: [ClientConnectionHandler.Join]) -> ClientConnectionHandler.Wishes {
    let primary = primary
    return .init(
      limits: configuration.limits, joins: joins,
      deliver: { burst in
        burst[...].forEachRun(of: \.namespace) { events, name in
          (name == primary.name ? primary : self.known(name))?.receive(events)
        }
      },
      joined: { name, membership in self.known(name)?.joined(membership) },
      left: { name, reason in
        guard let namespace = self.known(name) else { return }
        self.unwant(namespace)
        namespace.finish(reason)
      })
  }

  private func install(_ made: ConnectAttempt.Made, _ wanted: [SocketIONamespace]) {
    state.withLock { $0.session = made.session }
    for (namespace, answer) in zip(wanted, made.answers) {
      switch answer {
      case .success(let membership):
        namespace.link.connected(.init(session: made.session, namespace: namespace.name, sid: membership.sid))
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
      state.withLock { $0.session = nil }
      guard let reconnection = configuration.reconnection, !Task.isCancelled, Self.isWorthRetrying(reason) else {
        finish(with: reason)
        break
      }
      current = await reconnect(reconnection, after: reason)
    }
  }

  private func reconnect(_ reconnection: SocketIOConfiguration.Reconnection, after reason: SocketIOError) async
    -> ClientSession?
  {
    var last = reason
    for attempt in 0..<(reconnection.attempts ?? .max) {
      for namespace in state.withLock(\.wanted) { namespace.retrying(attempt: attempt + 1, after: reason) }
      do {
        try await Task.sleep(for: reconnection.wait(attempt: attempt, random: .random(in: -1...1)))
        return try await self.attempt()
      } catch let error as SocketIOError {
        last = error
        // The server said no; asking again would not change that.
        if error.code == .connectRejected { break }
      } catch {
        break
      }
    }
    finish(with: last)
    return nil
  }

  private func finish(with reason: SocketIOError) {
    let wanted = state.withLock { state in
      defer { state.wanted = [] }
      return state.wanted
    }
    for namespace in wanted { namespace.finish(reason) }
  }

  /// Both sides may end a connection on purpose; that is final, as in every client.
  private static func isWorthRetrying(_ reason: SocketIOError) -> Bool {
    reason.reason != .serverDisconnect && reason.reason != .clientDisconnect && reason.code != .connectRejected
  }
}
