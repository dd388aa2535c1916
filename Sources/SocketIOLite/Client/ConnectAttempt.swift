import NIOCore
import NIOWebSocket

/// Makes one connection: by the transports in their order, until every namespace that was asked for is answered.
final class ConnectAttempt {
  struct Made: Sendable {
    var session: ClientSession
    /// In the order of asking.
    var answers: [Result<SocketIOSession.Membership, any Error>]
  }

  /// A connection in the making, which may be given up from any thread.
  struct Handle: Sendable {
    var made: EventLoopFuture<Made>
    var cancel: @Sendable () -> Void
  }

  private let request: ClientRequest
  private let eventLoop: any EventLoop
  private let session: ClientConnectionHandler
  private let bound: ClientSession
  private let made: EventLoopPromise<Made>
  private var transports: [SocketIOTransport]
  private var channel: EventLoopFuture<any Channel>?
  private var isAbandoned = false

  /// Starts an attempt. It fails with the refusal of the first namespace, or of the last if all are refused.
  static func start(
    _ request: ClientRequest, on eventLoop: any EventLoop, wishes: ClientConnectionHandler.Wishes
  ) -> Handle {
    let made = eventLoop.makePromise(of: Made.self)
    eventLoop.execute { ConnectAttempt(request, eventLoop, wishes, made).begin(wishes.joins.map(\.done.futureResult)) }
    return Handle(made: made.futureResult) { made.fail(CancellationError()) }
  }

  private init(
    _ request: ClientRequest, _ eventLoop: any EventLoop, _ wishes: ClientConnectionHandler.Wishes,
    _ made: EventLoopPromise<Made>
  ) {
    self.request = request
    self.eventLoop = eventLoop
    self.made = made
    transports = request.transports
    let ended = eventLoop.makePromise(of: SocketIOError.self)
    let closed = eventLoop.makePromise(of: Void.self)
    session = ClientConnectionHandler(wishes: wishes, on: eventLoop, ended: ended, closed: closed)
    bound = ClientSession(
      eventLoop: eventLoop, handler: NIOLoopBound(session, eventLoop: eventLoop), outlet: session.outlet,
      ended: ended.futureResult, closed: closed.futureResult)
  }

  private func begin(_ joins: [EventLoopFuture<SocketIOSession.Membership>]) {
    let this = NIOLoopBound(self, eventLoop: eventLoop)
    let (made, bound) = (made, bound)
    let deadline = eventLoop.scheduleTask(in: request.dialer.timeout) { made.fail(this.value.timedOut()) }
    EventLoopFuture.whenAllComplete(joins, on: eventLoop).whenSuccess { answers in
      if case .failure(let error)? = answers.first { return made.fail(error) }
      made.succeed(Made(session: bound, answers: answers))
    }
    made.futureResult.whenComplete { result in
      deadline.cancel()
      guard case .failure(let error) = result else { return }
      this.value.abandon(error)
    }
    tryNext(after: SocketIOError(.cannotConnect, "there is no transport to try: configuration.transports is empty"))
  }

  private func tryNext(after error: SocketIOError) {
    guard !isAbandoned else { return }
    guard !transports.isEmpty else { return made.fail(error) }
    switch transports.removeFirst() {
    case .webSocket: openWebSocket()
    case .polling: openPolling()
    }
  }

  private func openWebSocket() {
    let this = NIOLoopBound(self, eventLoop: eventLoop)
    channel = WebSocketConnector.open(request, target: request.endpoint.target(.webSocket), on: eventLoop) { channel in
      try channel.pipeline.syncOperations.addHandler(this.value.session)
    } failed: { error in
      let this = this.value
      // Only what may be the transport's fault is tried again by another.
      guard error.code == .unexpectedResponse, !this.transports.isEmpty else { return this.made.fail(error) }
      this.tryNext(after: error)
    }
  }

  private func openPolling() {
    let polling = PollingTransport(
      request, on: eventLoop, session: session, mayUpgrade: transports.contains(.webSocket))
    session.polling = polling
    polling.start()
  }

  private func timedOut() -> SocketIOError {
    let seconds = Double(request.dialer.timeout.nanoseconds) / 1e9
    let address = "\(request.endpoint.authority)\(request.endpoint.target(request.transports.first ?? .webSocket))"
    return SocketIOError(
      .connectTimedOut, "\(address) did not finish the Socket.IO handshake within \(seconds) s",
      next: "is that port a Socket.IO server, and the path right?")
  }

  private func abandon(_ error: any Error) {
    isAbandoned = true
    session.fail(error as? SocketIOError ?? SocketIOError(.cannotConnect, "the attempt was given up: \(error)"))
    channel?.whenSuccess { $0.close(promise: nil) }
  }
}

extension SocketIOError {
  /// Whether another attempt may end otherwise; where the server said no, or nothing was even tried, it would not.
  var mayPass: Bool {
    let isFinal: Set<SocketIOError.Code> = [.connectRejected, .invalidURL, .unsupportedScheme, .unsupportedVersion]
    return !isFinal.contains(code) && reason != .serverDisconnect
  }

  /// Whether it ended a connection that neither side had wanted to end: what both may do on purpose is final, as in every client.
  var isLoss: Bool { reason != .serverDisconnect && reason != .clientDisconnect && code != .connectRejected }
}
