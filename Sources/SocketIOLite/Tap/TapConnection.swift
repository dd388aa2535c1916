import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One TCP connection through a tap, both ends of it on the tap's event loop.
///
/// What belongs to the connection is here: HTTP, frames, back-pressure. What belongs to the session, which may have many of them
/// after each other and side by side, is in `TapSession`.
package final class TapConnection {
  package struct Environment: Sendable {
    var recorder: TapRecorder
    var faults: FaultEngine
    var limits: SocketIOLimits
    /// How long to try to reach the upstream.
    var connectTimeout: Duration
    var tls: SocketIOTLS
    /// Whether requests name the upstream in their Host header, or whatever the client wrote.
    var rewritesHost = false
    var upstream: @Sendable () -> String?

    package init(
      recorder: TapRecorder, faults: FaultEngine, limits: SocketIOLimits, connectTimeout: Duration, tls: SocketIOTLS,
      rewritesHost: Bool = false, upstream: @escaping @Sendable () -> String?
    ) {
      self.recorder = recorder
      self.faults = faults
      self.limits = limits
      self.connectTimeout = connectTimeout
      self.tls = tls
      self.rewritesHost = rewritesHost
      self.upstream = upstream
    }
  }

  enum Mode {
    case http
    /// An upgrade was asked for and not answered yet.
    case upgrading
    case webSocket
    /// Bytes that are not, or no longer, understood.
    case opaque
  }

  let id: Int
  let sessions: TapSessions
  var mode = Mode.http
  var client: TapRelayHandler?
  var server: TapRelayHandler?
  var responseObserver: TapResponseObserver?
  private var requestDecoder = TapConnection.makeRequestDecoder()
  private var isConnecting = false
  private var isOver = false
  private var isClientDone = false
  private var isClientGone = false
  /// What the client sent before the upstream was there.
  private var early = ByteBuffer()
  /// What the upstream is called in a Host header.
  private(set) var authority: String?

  var requestGate = HTTPHeadGate()
  var responseGate = HTTPHeadGate()
  /// Heads on their way to the decoders, which say what becomes of them.
  var newRequest: ByteBuffer?
  var newResponse: ByteBuffer?
  /// The requests whose answers the client has not got, in its order.
  var exchanges: [TapExchange] = []
  /// The answers of the tap's own that wait for those before them.
  var answers: [ObjectIdentifier: ByteBuffer] = [:]
  /// The requests whose answers the upstream has not given, in its order.
  var asked: [TapExchange] = []
  /// The request that is being received.
  var current: TapExchange?
  /// Bytes that followed an upgrade request before its answer: forwarded already, to be read when the answer is yes.
  var afterUpgradeRequest = ByteBuffer()

  /// The session whose WebSocket this is.
  var session: TapSession?
  var toServer: TapFlow
  var toClient: TapFlow
  private static let maxHeldBytes = TapSession.maxHeldBytes

  package init(id: Int, sessions: TapSessions) {
    self.id = id
    self.sessions = sessions
    let environment = sessions.environment
    func flow(_ direction: TapDirection) -> TapFlow {
      TapFlow(direction: direction, connection: id, faults: environment.faults, limits: environment.limits)
    }
    toServer = flow(.toServer)
    toClient = flow(.toClient)
  }

  var environment: Environment { sessions.environment }

  // MARK: Bytes

  func received(_ bytes: ByteBuffer, _ direction: TapDirection) {
    if direction == .toServer, server == nil {
      early.writeImmutableBuffer(bytes)
      return connectUpstream()
    }
    switch mode {
    case .http, .upgrading: receivedHTTP(bytes, direction)
    case .webSocket: receivedFrames(bytes, direction)
    case .opaque: forward(bytes, direction)
    }
  }

  func forward(_ bytes: ByteBuffer, _ direction: TapDirection) {
    guard bytes.readableBytes > 0 else { return }
    (direction == .toServer ? server : client)?.send(bytes)
  }

  private func receivedFrames(_ bytes: ByteBuffer, _ direction: TapDirection) {
    guard let session else { return forward(bytes, direction) }
    let (now, arrival) = (sessions.eventLoop.now, SocketIOEvent.Arrival())
    if direction == .toServer {
      if toServer.mustFrame(whileHolding: session.toServer.isHolding) {
        run(toServer.receive(bytes, into: &session.toServer, now: now), direction)
      } else {
        // Out first: what is read of it delays nobody.
        forward(bytes, direction)
        run(toServer.readOnly(bytes, into: &session.toServer, now: now, arrival), direction)
      }
    } else if toClient.mustFrame(whileHolding: session.toClient.isHolding) {
      run(toClient.receive(bytes, into: &session.toClient, now: now), direction)
    } else {
      forward(bytes, direction)
      run(toClient.readOnly(bytes, into: &session.toClient, now: now, arrival), direction)
    }
  }

  func run(_ commands: [TapFlow.Command], _ direction: TapDirection) {
    for command in commands {
      switch command {
      case .send(let bytes): forward(bytes, direction)
      case .step(let step):
        session?.wants(step, direction, on: self)
        // What was behind the event that ended the connection does not arrive either.
        if isOver { return }
      }
    }
  }

  /// Sends what is held, because the connection that would carry it is about to end.
  private func flush(_ direction: TapDirection) {
    guard mode == .webSocket, let session, session.webSocket === self, !session.isCut else { return }
    run(
      direction == .toServer ? toServer.end(of: &session.toServer) : toClient.end(of: &session.toClient), direction)
  }

  // MARK: Back-pressure

  /// Reads follow writes: nothing is read that the other side does not take.
  func mayRead(_ direction: TapDirection) -> Bool {
    switch direction {
    case .toServer:
      if server == nil { return early.readableBytes == 0 }
      return (server?.isWritable ?? false) && (session?.toServer.heldBytes ?? 0) < Self.maxHeldBytes
    case .toClient:
      return (client?.isWritable ?? isClientGone) && (session?.toClient.heldBytes ?? 0) < Self.maxHeldBytes
    }
  }

  /// The socket at which bytes of `direction` arrive takes bytes again, so the other side may be read.
  func becameWritable(_ direction: TapDirection) {
    (direction == .toServer ? server : client)?.resumeReading()
  }

  /// Less is held of what goes in this direction.
  func resumeReading(_ direction: TapDirection) { (direction == .toServer ? client : server)?.resumeReading() }

  // MARK: Upstream

  private func connectUpstream() {
    guard !isConnecting else { return }
    isConnecting = true
    sessions.dialer.connect(
      until: sessions.eventLoop.now + TimeAmount(environment.connectTimeout), isWanted: { !self.isOver },
      add: { try self.addServerHandlers($0) },
      done: { result in
        switch result {
        case .success(let authority): self.upstreamConnected(authority)
        case .failure(let error): self.refuse(error.message)
        }
      })
  }

  /// Reads and writes at the client's channel.
  package func addClientHandlers(_ channel: any Channel) throws {
    let relay = TapRelayHandler(.toServer, self)
    client = relay
    try channel.pipeline.syncOperations.addHandlers(relay, requestDecoder, TapRequestObserver(self))
  }

  /// Requests are read by a decoder that has seen none yet.
  func readRequestsAnew() {
    let used = requestDecoder
    requestDecoder = Self.makeRequestDecoder()
    client?.exchange(used, for: requestDecoder)
  }

  private static func makeRequestDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
    ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
  }

  private func addServerHandlers(_ channel: any Channel) throws {
    let relay = TapRelayHandler(.toClient, self)
    let observer = TapResponseObserver(self)
    try channel.pipeline.syncOperations.addHandlers(
      relay, ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), observer)
    pendingServer = (relay, observer)
  }

  private var pendingServer: (TapRelayHandler, TapResponseObserver)?

  private func upstreamConnected(_ authority: String) {
    guard let (relay, observer) = pendingServer else { return }
    guard !isOver else { return relay.close(.all) }
    self.authority = authority
    (server, responseObserver) = (relay, observer)
    let bytes = early
    early = ByteBuffer()
    received(bytes, .toServer)
    client?.resumeReading()
    relay.resumeReading()
    if isClientDone { inputClosed(.toServer) }
  }

  private func refuse(_ why: String) {
    let text = "siotap: no upstream to forward to within \(environment.connectTimeout): \(why)\n"
    environment.recorder.anomaly(
      id, .toServer, "answered 502: no upstream within \(environment.connectTimeout)", evidence: [why])
    let head =
      "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n"
    client?.send(ByteBuffer(string: head + text))
    client?.close(.all)
  }

  // MARK: End

  /// Whether the upstream owes an answer that is the session's, although the client has got one.
  private var isOwed: Bool { asked.contains { $0.isAnswered } }

  /// One side will send no more: what it sent is delivered, then the other side hears of it.
  func inputClosed(_ direction: TapDirection) {
    if direction == .toServer {
      isClientDone = true
      // Without an upstream yet the answer is still on its way.
      guard server != nil else { return isConnecting ? () : end() }
      giveUpWithinHead(.toServer)
      flush(.toServer)
      // A server takes this for a client that is gone, and would end the session of a poll that goes on.
      if !isOwed { server?.close(.output) }
    } else {
      giveUpWithinHead(.toClient)
      flush(.toClient)
      // Between requests all of it: a connection that is closed by half takes another request, which nobody answers.
      if mode == .http, exchanges.isEmpty { end() } else { client?.close(.output) }
    }
  }

  func closed(_ direction: TapDirection) {
    guard !isOver else { return }
    flush(direction)
    if direction == .toServer, isOwed {
      isClientGone = true
      for exchange in exchanges { exchange.session?.ended(exchange) }
      exchanges = []
      return resumeReading(.toClient)
    }
    end()
  }

  /// The upstream answered.
  func paid() {
    guard !isOwed else { return }
    if isClientGone { end() } else if isClientDone { server?.close(.output) }
  }

  /// A relay left its pipeline: the two no longer hold each other.
  func detached(_ direction: TapDirection) {
    if direction == .toServer {
      client = nil
    } else if isOver {
      (server, pendingServer, responseObserver) = (nil, nil, nil)
    }
  }

  func failed(_ direction: TapDirection, _ error: any Error) {
    // A reset is how many clients say goodbye; anything else is worth a line.
    if case .uncleanShutdown? = error as? NIOSSLError { return closed(direction) }
    if (error as? IOError)?.errnoCode != ECONNRESET {
      environment.recorder.anomaly(id, direction, "the connection failed", evidence: ["\(error)"])
    }
    end()
  }

  func end() {
    guard !isOver else { return }
    isOver = true
    client?.close(.all)
    server?.close(.all)
    let open = exchanges + asked.filter { $0.isAnswered }
    (exchanges, asked, answers, current) = ([], [], [:], nil)
    for exchange in open { exchange.session?.ended(exchange) }
    guard let session, session.webSocket === self else { return }
    self.session = nil
    sessions.forget(session)
  }
}
