import NIOCore
import NIOPosix
import Synchronization

/// What a client's callers share: the connection of this moment, who waits in line for the next one, and who watches.
package final class ClientLink: Sendable {
  enum Connection: Sendable {
    case none(after: DisconnectReason?)
    case connecting
    case up(ClientConnection)
    /// Lost, and being made again.
    case retrying(attempt: Int, SocketIOError)
    case lost(SocketIOError)
  }

  /// Something to send that waits for a connection, in the order of the calls.
  struct Waiting: Sendable {
    enum Wish: Sendable {
      case event(EventLoopPromise<Void>)
      case answer(of: String, EventLoopPromise<SocketIOEvent>, deadline: NIODeadline)

      func fail(_ error: any Error) {
        switch self {
        case .event(let promise): promise.fail(error)
        case .answer(_, let promise, _): promise.fail(error)
        }
      }
    }

    var id: UInt64
    var encoded: SocketIOJSON.Encoded
    var wish: Wish
  }

  /// Where something to send went.
  enum Place: Sendable {
    case connection(ClientConnection)
    case line(UInt64)
  }

  private struct State {
    var connection = Connection.none(after: nil)
    var line: [Waiting] = []
    var observers: [UInt64: AsyncStream<SocketIOState>.Continuation] = [:]
    var lastID: UInt64 = 0
    /// Counts beginnings: what belongs to one that was ended meanwhile must not touch the next.
    var beginning: UInt64 = 0

    mutating func makeID() -> UInt64 {
      lastID += 1
      return lastID
    }
  }

  // Entered by every emit and when a connection comes or goes; what is done inside never waits.
  private let state = Mutex(State())
  /// Whether calls wait in line before the first connection too, and after an end until there is another.
  private let waitsAlways: Bool

  init(waitsAlways: Bool) { self.waitsAlways = waitsAlways }

  deinit {
    let error = SocketIOError(.notConnected, "the client is gone, and was not connected before")
    for waiting in state.withLock(\.line) { waiting.wish.fail(error) }
  }

  // MARK: State

  var current: SocketIOState { state.withLock { Self.publicState($0.connection) } }

  /// The id of the connection that is up.
  var sid: String? {
    guard case .up(let connection) = state.withLock(\.connection) else { return nil }
    return connection.sid
  }

  /// How many calls wait in line.
  var waitingCount: Int { state.withLock { $0.line.count } }

  /// Begins connecting; nil if somebody has begun already, else what `isCurrent` tells this beginning by.
  func begin() -> UInt64? {
    state.withLock { state in
      guard case .none = state.connection else { return nil }
      Self.set(.connecting, in: &state)
      state.beginning += 1
      return state.beginning
    }
  }

  /// Whether a beginning has neither been ended nor led to a connection.
  func isCurrent(_ beginning: UInt64) -> Bool {
    state.withLock { state in
      guard case .connecting = state.connection else { return false }
      return state.beginning == beginning
    }
  }

  /// Whether no other beginning followed.
  func isLatest(_ beginning: UInt64) -> Bool { state.withLock { $0.beginning == beginning } }

  /// Whether what was begun has not been ended by this side; it may have been lost.
  func isWanted(_ beginning: UInt64) -> Bool {
    state.withLock { state in
      if case .none = state.connection { return false }
      return state.beginning == beginning
    }
  }

  /// A connection is there: the line is sent first, then everyone may send. False if nobody waits for it any more.
  @discardableResult
  func connected(_ connection: ClientConnection) -> Bool {
    state.withLock { state in
      switch state.connection {
      case .connecting, .retrying: break
      case .none, .up, .lost: return false
      }
      // Handing over to the event loop does not wait; inside the lock, so that nothing later overtakes the line.
      for waiting in state.line { connection.send(waiting) }
      state.line = []
      Self.set(.up(connection), in: &state)
      return true
    }
  }

  func retrying(attempt: Int, after reason: SocketIOError) {
    state.withLock { Self.set(.retrying(attempt: attempt, reason), in: &$0) }
  }

  /// There will be no connection: whoever waits learns why.
  func ended(_ reason: SocketIOError) {
    end(Self.notConnected(reason)) { _ in .lost(reason) }
  }

  /// It is as before the beginning; who waits still gets `error`.
  func reset(_ error: SocketIOError? = nil) {
    let error = error ?? SocketIOError(.notConnected, "this side ended the connection")
    end(error) { before in
      guard case .lost(let reason) = before else { return .none(after: nil) }
      return .none(after: reason.reason)
    }
  }

  private func end(_ error: SocketIOError, becoming next: (Connection) -> Connection) {
    let line: [Waiting] = state.withLock { state in
      Self.set(next(state.connection), in: &state)
      if waitsAlways { return [] }
      defer { state.line = [] }
      return state.line
    }
    for waiting in line { waiting.wish.fail(error) }
  }

  /// The state now and each one that follows, none left out; ends when its consumer does.
  func states() -> AsyncStream<SocketIOState> {
    AsyncStream { continuation in
      let id = state.withLock { state in
        let id = state.makeID()
        state.observers[id] = continuation
        continuation.yield(Self.publicState(state.connection))
        return id
      }
      continuation.onTermination = { [weak self] _ in
        _ = self?.state.withLock { $0.observers.removeValue(forKey: id) }
      }
    }
  }

  private static func set(_ connection: Connection, in state: inout State) {
    let before = publicState(state.connection)
    state.connection = connection
    let now = publicState(connection)
    guard now != before else { return }
    for observer in state.observers.values { observer.yield(now) }
  }

  private static func publicState(_ connection: Connection) -> SocketIOState {
    switch connection {
    case .none(let reason): .disconnected(reason)
    case .connecting: .connecting
    case .up: .connected
    case .retrying(let attempt, let error): .reconnecting(attempt: attempt, after: error.reason)
    case .lost(let error): .disconnected(error.reason)
    }
  }

  // MARK: Sending

  /// The connection, or nil while there is none but one is on its way. Throws `notConnected` if none is.
  package func connection() throws(SocketIOError) -> ClientConnection? {
    try usable(state.withLock { $0.connection })
  }

  /// The connection to send on or, while there is none, a place in line. Throws `notConnected` if there will be none.
  func enter(_ encoded: SocketIOJSON.Encoded, _ wish: Waiting.Wish) throws(SocketIOError) -> Place {
    let (connection, id) = state.withLock { state -> (Connection, UInt64) in
      let id = state.makeID()
      switch state.connection {
      case .up: break
      case .none where !waitsAlways, .lost where !waitsAlways: break
      case .none, .lost, .connecting, .retrying: state.line.append(Waiting(id: id, encoded: encoded, wish: wish))
      }
      return (state.connection, id)
    }
    return try usable(connection).map(Place.connection) ?? .line(id)
  }

  /// Waits until the connection with this outlet is known to have ended.
  func untilEnded(_ outlet: ClientOutlet) async throws {
    for await _ in states() {
      guard case .up(let connection) = state.withLock(\.connection), connection.session.outlet === outlet else {
        return
      }
    }
    try Task.checkCancellation()
  }

  /// Leaves the line; false if it was sent already.
  @discardableResult
  func leave(_ id: UInt64, _ error: any Error) -> Bool {
    let left = state.withLock { state in
      state.line.firstIndex { $0.id == id }.map { state.line.remove(at: $0) }
    }
    left?.wish.fail(error)
    return left != nil
  }

  private func usable(_ connection: Connection) throws(SocketIOError) -> ClientConnection? {
    switch connection {
    case .up(let connection): return connection
    case .connecting, .retrying: return nil
    case .none where waitsAlways, .lost where waitsAlways: return nil
    case .lost(let reason): throw Self.notConnected(reason)
    case .none:
      throw SocketIOError(
        .notConnected, "there is no connection to send on",
        next: "send inside withConnection { … }, or after connect() or join(); sendsBeforeConnecting lets calls wait")
    }
  }

  private static func notConnected(_ reason: SocketIOError) -> SocketIOError {
    var error = reason
    error.code = .notConnected
    error.message = "there is no connection to send on: \(reason.message)"
    return error
  }
}
