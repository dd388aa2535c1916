import DequeModule
import NIOCore
import NIOHTTP1

/// Engine.IO by HTTP long-polling: one request always waits for packets, another brings them. Lives on one event loop.
///
/// Source: https://github.com/socketio/engine.io-protocol#http-long-polling
final class PollingTransport {
  struct Waiting {
    var part: EngineIOPayload.Part
    var promise: EventLoopPromise<Void>?
  }

  private let request: ClientRequest
  private let eventLoop: any EventLoop
  private let session: ClientConnectionHandler
  private let mayUpgrade: Bool
  private let pollLine: PollingLine
  private let postLine: PollingLine
  private var handshake: EngineIOHandshake?
  private var queue: Deque<Waiting> = []
  private var queuedBytes = 0
  /// What the request under way brings.
  private var underWay: [Waiting] = []
  /// What is still to be said, and whom to tell when that is done; set once this side leaves.
  private var farewell: (bodies: Deque<ByteBuffer>, done: () -> Void)?
  private var isPolling = false
  private var isPosting = false
  private var isOver = false
  private var probe: WebSocketProbe?
  /// Set while the transport is being changed: nothing new is begun, and what is under way is waited for.
  private var whenIdle: (() -> Void)?
  private static let fullBytes = 1 << 20

  init(
    _ request: ClientRequest, on eventLoop: any EventLoop, session: ClientConnectionHandler, mayUpgrade: Bool
  ) {
    self.request = request
    self.eventLoop = eventLoop
    self.session = session
    self.mayUpgrade = mayUpgrade
    pollLine = PollingLine(request, on: eventLoop)
    postLine = PollingLine(request, on: eventLoop)
  }

  private var target: String { request.endpoint.target(.polling, sid: handshake?.sid) }

  // MARK: Receiving

  func start() { poll() }

  private func poll() {
    guard !isOver, whenIdle == nil else { return }
    isPolling = true
    let target = target
    pollLine.send(.GET, target, isRepeatable: true) { [self] result in
      isPolling = false
      guard !isOver, let body = read(result, .GET, target) else { return }
      if handshake == nil { checkHandshake(body) }
      session.receivePolled(body)
      idleIfDone()
      poll()
    }
  }

  /// The body of a good answer; otherwise the connection is over.
  private func read(
    _ result: Result<PollingLine.Answer, SocketIOError>, _ method: HTTPMethod, _ target: String
  ) -> ByteBuffer? {
    switch result {
    case .success(let answer) where answer.status == .ok: return answer.body
    case .success(let answer):
      var error = request.unexpected(
        answer.status, answer.body, target, method, wanted: "packets", location: answer.location)
      if handshake != nil { (error.code, error.reason) = (.disconnected, .transportError) }
      session.fail(error)
    case .failure(var error):
      if handshake != nil {
        error.reason = error.code == .limitExceeded ? .parseError : .transportError
        if error.reason == .transportError { error.code = .disconnected }
      }
      session.fail(error)
    }
    return nil
  }

  /// Engine.IO 3 puts the length of each packet before it (`96:0{"sid":…}`), and would otherwise only look malformed.
  private func checkHandshake(_ body: ByteBuffer) {
    let start = body.readableBytesView.prefix(12)
    guard let colon = start.firstIndex(of: UInt8(ascii: ":")), colon > start.startIndex,
      start[start.startIndex..<colon].allSatisfy({ (0x30...0x39).contains($0) })
    else { return }
    session.fail(
      SocketIOError(
        .unsupportedVersion, "\(request.endpoint.authority) answered with a payload of Engine.IO 3",
        evidence: [quoted(body)], next: "use a Socket.IO server of version 3 or newer"))
  }

  func opened(_ handshake: EngineIOHandshake) {
    self.handshake = handshake
    updateOutlet()
    guard mayUpgrade, handshake.upgrades.contains("websocket") else { return }
    let probe = WebSocketProbe(request, sid: handshake.sid, on: eventLoop, polling: self, session: session)
    self.probe = probe
    probe.start()
  }

  // MARK: Sending

  func write(_ part: EngineIOPayload.Part, _ promise: EventLoopPromise<Void>?) {
    queuedBytes += PollingBatch.length(part)
    queue.append(Waiting(part: part, promise: promise))
    updateOutlet()
  }

  func flush() {
    guard !isOver, !isPosting, whenIdle == nil, handshake != nil, !queue.isEmpty else { return }
    underWay = takeBatch()
    isPosting = true
    let target = target
    let body = EngineIOPayload.encode(underWay.map(\.part))
    postLine.send(.POST, target, body: body, isRepeatable: false) { [self] result in
      isPosting = false
      if farewell != nil { return sayFarewell() }
      // If there is no good answer `close` has told who waits.
      guard read(result, .POST, target) != nil else { return }
      for waiting in underWay { waiting.promise?.succeed() }
      underWay = []
      idleIfDone()
      flush()
    }
  }

  private func takeBatch() -> [Waiting] {
    let lengths = queue.lazy.map { PollingBatch.length($0.part) }
    let batch = Array(queue.prefix(PollingBatch.count(lengths, maxPayload: handshake?.maxPayload)))
    queue.removeFirst(batch.count)
    queuedBytes -= batch.reduce(0) { $0 + PollingBatch.length($1.part) }
    updateOutlet()
    return batch
  }

  private func updateOutlet() {
    session.outlet.set(isOpen: !isOver && handshake != nil && queuedBytes < Self.fullBytes)
  }

  // MARK: Upgrade

  /// Begins nothing new and calls back once nothing is under way: the server ends the poll with a packet that says nothing.
  func pause(whenIdle: @escaping () -> Void) {
    self.whenIdle = whenIdle
    idleIfDone()
  }

  /// Goes on as if there had been no upgrade.
  func resume() {
    whenIdle = nil
    probe = nil
    guard !isOver else { return }
    if !isPolling { poll() }
    flush()
  }

  private func idleIfDone() {
    guard !isOver, !isPolling, !isPosting, let done = whenIdle else { return }
    done()
  }

  /// Ends this transport in favour of another one; returns what is still to be sent.
  func handOver() -> [Waiting] {
    defer { queue = [] }
    isOver = true
    probe = nil
    pollLine.close()
    postLine.close()
    return Array(queue)
  }

  // MARK: End

  /// How long a server has for what this side says when it leaves.
  private static let farewellTime: TimeAmount = .seconds(1)

  /// Ends the session and calls back once nothing of it is left, after a second at most.
  ///
  /// If this side wants the end, all that is queued goes out first, the namespaces' farewells last of it, and then the end of the
  /// session in a request of its own: the official server acts on a packet a turn of its loop later than on the session's end, so
  /// that it would take a farewell in the same body for a lost line. A poll that is closed before is one, too.
  func close(after error: SocketIOError, done: @escaping () -> Void) {
    guard !isOver else { return done() }
    isOver = true
    probe?.cancel()
    probe = nil
    let rest = underWay + queue
    if error.reason == .clientDisconnect, handshake != nil {
      var bodies: Deque<ByteBuffer> = []
      while !queue.isEmpty { bodies.append(EngineIOPayload.encode(takeBatch().map(\.part))) }
      bodies.append(EngineIOPacket(kind: .close, data: ByteBuffer()).encoded())
      let deadline = eventLoop.assumeIsolated().scheduleTask(in: Self.farewellTime) { self.closeLines() }
      farewell = (
        bodies,
        {
          deadline.cancel()
          done()
        }
      )
      if !isPosting { sayFarewell() }
    } else {
      closeLines()
      done()
    }
    (underWay, queue) = ([], [])
    for waiting in rest { waiting.promise?.fail(error) }
  }

  private func sayFarewell() {
    guard let body = farewell?.bodies.popFirst() else { return closeLines() }
    // The end of the session, which comes last, ends it once, however often it is said.
    let isEnd = farewell?.bodies.isEmpty ?? true
    postLine.send(.POST, target, body: body, isRepeatable: isEnd) { [self] result in
      // A server that has gone needs no farewell.
      if case .success(let answer) = result, answer.status == .ok { sayFarewell() } else { closeLines() }
    }
  }

  private func closeLines() {
    pollLine.close()
    postLine.close()
    let done = farewell?.done
    farewell = nil
    done?()
  }
}
