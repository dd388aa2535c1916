import DequeModule
import NIOCore
import NIOHTTP1

/// One session of Engine.IO through a tap: what its requests, connections and transports have in common.
///
/// All of a tap's connections live on one event loop, so that the session of several is nobody's to lock.
final class TapSession {
  let sessions: TapSessions
  var toServer: TapStream
  var toClient: TapStream
  private(set) var sid: String?
  /// What the tap knows it by: that, and what it was called before by a server that opens a session twice.
  fileprivate(set) var names: Set<String> = []
  /// Longest body that the server takes of a POST.
  private(set) var maxPayload: Int?
  /// The requests that are under way.
  private(set) var exchanges: [TapExchange] = []
  /// The connection of its WebSocket, once the session has gone over to it.
  private(set) weak var webSocket: TapConnection?
  private(set) var isUpgraded = false
  /// A rule cut it: nothing more of it passes.
  private(set) var isCut = false
  private var patience = TimeAmount.minutes(2)
  private(set) var expiry: NIODeadline

  // Polling, towards the client: packets that wait for a request which fetches them.
  var toClientOut = Deque<ByteBuffer>()
  /// The request that the upstream has and the client waits for.
  weak var pendingPoll: TapExchange?
  /// The request that the upstream has, whose client got packets of the tap's meanwhile.
  weak var detachedPoll: TapExchange?
  /// The request that the client waits for and that stays here, because the upstream has one already.
  weak var parkedPoll: TapExchange?
  /// What other answers of this session have in their heads.
  var answerHeaders = ""

  // Polling, towards the server: packets for a POST of the tap's own.
  var toServerOut = Deque<ByteBuffer>()
  /// The client's POSTs that the server has not answered. A server takes one of a session at a time.
  var postsUnderway = 0
  /// Whether it has one of the tap's own.
  var isPosting = false
  /// Requests that are answered once less is held.
  var unansweredPosts: [TapExchange] = []
  /// The head of the last request.
  var lastHead: ByteBuffer?

  init(_ sessions: TapSessions, sid: String?) {
    self.sessions = sessions
    self.sid = sid
    func stream(_ direction: TapDirection) -> TapStream {
      let environment = sessions.environment
      var stream = TapStream(
        direction: direction, recorder: environment.recorder, faults: environment.faults, limits: environment.limits)
      stream.sid = sid
      return stream
    }
    toServer = stream(.toServer)
    toClient = stream(.toClient)
    expiry = sessions.eventLoop.now + patience
  }

  var hasRules: Bool { sessions.environment.faults.isActive }

  /// Whether something is said of this session for the first time.
  func isFirst(_ anomaly: String) -> Bool { noted.insert(anomaly).inserted }
  private var noted: Set<String> = []

  /// A request or a packet came: the session lives.
  func touch() { expiry = sessions.eventLoop.now + patience }

  func began(_ exchange: TapExchange) {
    touch()
    exchanges.append(exchange)
    if exchange.isPolling { lastHead = exchange.head }
  }

  /// The exchange is over, or its connection is.
  func ended(_ exchange: TapExchange) {
    touch()
    exchanges.removeAll { $0 === exchange }
    unansweredPosts.removeAll { $0 === exchange }
    if pendingPoll === exchange { pendingPoll = nil }
    if parkedPoll === exchange { parkedPoll = nil }
    if detachedPoll === exchange {
      detachedPoll = nil
      servePolls()
    }
    if exchange.kind == .post, exchange.isForwarded {
      postsUnderway -= 1
      post()
    }
  }

  // MARK: What its streams want

  func wants(_ step: TapStream.Step, _ direction: TapDirection, on connection: TapConnection?) {
    switch step {
    case .send: break
    case .wakeAt(let time): wake(direction, at: time)
    case .disconnect: cut()
    case .opened(let sid, let patience, let maxPayload):
      (self.sid, self.patience, self.maxPayload) = (sid, patience, maxPayload)
      toServer.sid = sid
      sessions.named(self, sid)
      touch()
    case .upgraded: if let connection { upgrade(to: connection) }
    case .closed: sessions.forget(self)
    }
  }

  /// From here on the WebSocket carries the session.
  func upgrade(to connection: TapConnection) {
    webSocket = connection
    isUpgraded = true
    let (server, client) = (toServerOut, toClientOut)
    (toServerOut, toClientOut) = ([], [])
    for packet in server { connection.forward(TapPiece.packet(packet).frames(masked: true), .toServer) }
    for packet in client { connection.forward(TapPiece.packet(packet).frames(masked: false), .toClient) }
  }

  private func wake(_ direction: TapDirection, at time: NIODeadline) {
    sessions.eventLoop.assumeIsolated().scheduleTask(deadline: time) { [weak self] in
      guard let self, !self.isCut else { return }
      let now = self.sessions.eventLoop.now
      self.release(direction == .toServer ? self.toServer.wake(now: now) : self.toClient.wake(now: now), direction)
    }
  }

  /// Sends what has waited, by whatever carries the session now.
  private func release(_ steps: [TapStream.Step], _ direction: TapDirection) {
    if isUpgraded {
      guard let webSocket else { return }
      for case .send(let piece) in steps { webSocket.forward(piece.frames(masked: direction == .toServer), direction) }
      webSocket.resumeReading(direction)
    } else if direction == .toServer {
      toServerOut += steps.compactMap { if case .send(let piece) = $0 { piece.packet } else { nil } }
      post()
    } else {
      toClientOut += steps.compactMap { if case .send(let piece) = $0 { piece.packet } else { nil } }
      servePolls()
    }
  }

  /// Both sides lose every connection of the session, and neither gets it back.
  private func cut() {
    isCut = true
    for exchange in exchanges { exchange.connection?.end() }
    webSocket?.end()
  }

  /// How many events wait for their time, or for a request that takes them away.
  var heldCount: Int { toServer.heldCount + toClient.heldCount + toServerOut.count + toClientOut.count }
}

/// The sessions of a tap, on its event loop.
package final class TapSessions {
  let environment: TapConnection.Environment
  let eventLoop: any EventLoop
  let dialer: any TapDialer
  private var bySID: [String: TapSession] = [:]
  private var made = 0

  package init(_ environment: TapConnection.Environment, _ eventLoop: any EventLoop, _ dialer: any TapDialer) {
    self.environment = environment
    self.eventLoop = eventLoop
    self.dialer = dialer
  }

  package var count: Int { bySID.count }

  /// The session of this id, known or not; without an id a new one, which the server has yet to name.
  func session(_ sid: String?) -> TapSession {
    guard let sid else { return TapSession(self, sid: nil) }
    if let known = bySID[sid] { return known }
    let session = TapSession(self, sid: sid)
    named(session, sid)
    return session
  }

  func named(_ session: TapSession, _ sid: String) {
    guard bySID[sid] !== session else { return }
    bySID.updateValue(session, forKey: sid)?.names.remove(sid)
    session.names.insert(sid)
    made += 1
    if made % 64 == 0 { forgetSilent() }
  }

  /// The session is over.
  func forget(_ session: TapSession) {
    for name in session.names { bySID[name] = nil }
    session.names = []
    guard session.heldCount > 0, !session.isCut else { return }
    environment.recorder.anomaly(
      0, nil,
      "session \(session.sid ?? "without a name") ended while \(session.heldCount) of its packets were held back")
  }

  /// The tap ends.
  package func close() { forgetAll { _ in true } }

  /// Polling clients may go without a word.
  private func forgetSilent() {
    let now = eventLoop.now
    forgetAll { $0.expiry < now && $0.exchanges.isEmpty && $0.webSocket == nil }
  }

  /// Each once, by however many names it is known.
  private func forgetAll(_ isOver: (TapSession) -> Bool) {
    for session in bySID.values where !session.names.isEmpty && isOver(session) { forget(session) }
  }
}
