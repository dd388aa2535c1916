import NIOCore
import NIOPosix

extension SocketIONamespace {
  /// Sends an event; any `Data` inside the arguments becomes a binary attachment. Suspends until the socket took it.
  ///
  /// While a lost connection is being made again the call waits in line: what waits is sent first and in order then, and if
  /// there will be no connection the call throws. Nothing that was to be sent is dropped unnoticed.
  /// Throws `reservedEvent`, `encodingFailed`, `notConnected` or `disconnected`.
  public func emit(_ event: String, _ arguments: any Encodable & Sendable...) async throws {
    try await emit(event, arguments: arguments)
  }

  /// `emit` for arguments that are in an array already.
  public func emit(_ event: String, arguments: [any Encodable & Sendable]) async throws {
    try await send(try Self.encode(event, arguments))
  }

  /// Sends an event at once or not at all: false if there is no connection now or the socket is full.
  ///
  /// For what is worthless when late. Throws `reservedEvent` or `encodingFailed`.
  public func emitVolatile(_ event: String, _ arguments: any Encodable & Sendable...) throws -> Bool {
    try emitVolatile(event, arguments: arguments)
  }

  /// `emitVolatile` for arguments that are in an array already.
  public func emitVolatile(_ event: String, arguments: [any Encodable & Sendable]) throws -> Bool {
    let encoded = try Self.encode(event, arguments)
    guard case .connected = state, let connection = try? link.connection() else { return false }
    return connection.sendIfWritable(encoded)
  }

  /// Sends an event and waits for the server's answer; `timeout` nil means the configuration's `ackTimeout`.
  ///
  /// Waits in line while a lost connection is being made again, which counts towards the timeout.
  /// Throws `ackTimedOut`, and `disconnected` at once if the connection ends before the answer.
  public func emitWithAck(
    _ event: String, _ arguments: any Encodable & Sendable..., timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await emitWithAck(event, arguments: arguments, timeout: timeout)
  }

  /// `emitWithAck` for arguments that are in an array already.
  public func emitWithAck(
    _ event: String, arguments: [any Encodable & Sendable], timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await request(event, try Self.encode(event, arguments), timeout: timeout ?? ackTimeout)
  }

  /// Sends an event until the server answered it: again after each timeout and each lost connection, at most `retries` times.
  ///
  /// Such events are sent one after another, so that a repeated one is not overtaken; time without a connection does not count.
  /// What is longer than the server takes is not repeated. The server may see an event twice if
  /// only its answer was lost: give it an id of your own. Throws what the last attempt threw.
  public func emitWithRetries(
    _ event: String, _ arguments: any Encodable & Sendable..., retries: Int = 3, timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    try await emitWithRetries(event, arguments: arguments, retries: retries, timeout: timeout)
  }

  /// `emitWithRetries` for arguments that are in an array already.
  public func emitWithRetries(
    _ event: String, arguments: [any Encodable & Sendable], retries: Int = 3, timeout: Duration? = nil
  ) async throws -> SocketIOEvent {
    let encoded = try Self.encode(event, arguments)
    return try await turns.withTurn {
      var left = max(retries, 0)
      while true {
        try await untilConnected()
        do {
          return try await request(event, encoded, timeout: timeout ?? ackTimeout)
        } catch let error as SocketIOError where left > 0 && Self.mayHelpToRepeat(error) {
          left -= 1
        }
      }
    }
  }

  /// A message that the server found too long is too long the next time as well.
  private static func mayHelpToRepeat(_ error: SocketIOError) -> Bool {
    if error.code == .ackTimedOut { return true }
    return error.code == .disconnected && error.reason?.closeCode != 1009 && error.httpStatus != 413
  }

  /// Waits while a connection is on its way, so that neither timeout nor retries are used up by there being none.
  private func untilConnected() async throws {
    guard try link.connection() == nil else { return }
    for await _ in link.states() {
      if try link.connection() != nil { return }
    }
    try Task.checkCancellation()
  }

  /// Answers an event that the server wants acknowledged; does nothing for one that has no `ackID`.
  public func acknowledge(_ event: SocketIOEvent, _ arguments: any Encodable & Sendable...) async throws {
    try await acknowledge(event, arguments: arguments)
  }

  /// `acknowledge` for arguments that are in an array already.
  public func acknowledge(_ event: SocketIOEvent, arguments: [any Encodable & Sendable]) async throws {
    guard let id = event.ackID, !event.name.isEmpty else { return }
    guard let connection = try link.connection() else {
      throw SocketIOError(
        .notConnected, "the connection on which “\(event.name)” asked for an answer was lost",
        next: "the server has forgotten the question; it must ask again")
    }
    try await connection.emit(try SocketIOJSON.encode(name: nil, arguments), answering: id)
  }

  /// How many calls wait in line for the connection to be made again.
  package var waitingCallCount: Int { link.waitingCount }

  // MARK: The line

  private func send(_ encoded: SocketIOJSON.Encoded) async throws {
    let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
    let place: ClientLink.Place
    do {
      place = try link.enter(encoded, .event(promise))
    } catch {
      promise.fail(error)
      throw error
    }
    do {
      switch place {
      case .connection(let connection):
        promise.succeed()
        try await connection.emit(encoded)
      case .line(let id):
        try await withTaskCancellationHandler {
          try await promise.futureResult.get()
        } onCancel: {
          link.leave(id, CancellationError())
        }
      }
    } catch let unsent as ClientUnsent {
      try await untilLineIsOpen(after: unsent)
      try await send(encoded)
    }
  }

  /// Waits until what was not sent may wait in line for the next connection; throws if there will be none.
  private func untilLineIsOpen(after unsent: ClientUnsent) async throws {
    guard reconnects, ![.clientDisconnect, .serverDisconnect].contains(unsent.reason.reason) else {
      throw unsent.reason
    }
    try await link.untilEnded(unsent.outlet)
  }

  private func request(
    _ event: String, _ encoded: SocketIOJSON.Encoded, timeout: Duration
  ) async throws -> SocketIOEvent {
    let start = ContinuousClock.now
    do {
      return try await requestOnce(event, encoded, timeout: timeout)
    } catch let unsent as ClientUnsent {
      try await untilLineIsOpen(after: unsent)
      return try await request(event, encoded, timeout: max(timeout - (.now - start), .zero))
    }
  }

  private func requestOnce(
    _ event: String, _ encoded: SocketIOJSON.Encoded, timeout: Duration
  ) async throws -> SocketIOEvent {
    if let connection = try link.connection() {
      return try await connection.emitWithAck(event, encoded, timeout: timeout)
    }
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let promise = loop.makePromise(of: SocketIOEvent.self)
    let wish = ClientLink.Waiting.Wish.answer(of: event, promise, deadline: .now() + TimeAmount(timeout))
    let place: ClientLink.Place
    do {
      place = try link.enter(encoded, wish)
    } catch {
      promise.fail(error)
      throw error
    }
    guard case .line(let id) = place else {
      // The connection came between the two looks.
      promise.fail(CancellationError())
      return try await requestOnce(event, encoded, timeout: timeout)
    }
    let timer = loop.scheduleTask(in: TimeAmount(timeout)) {
      self.link.leave(
        id, SocketIOError(.ackTimedOut, "“\(event)” waited \(timeout) for a connection and was not sent"))
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await promise.futureResult.get()
    } onCancel: {
      if !link.leave(id, CancellationError()) { (try? link.connection())?.cancelAck(of: promise) }
    }
  }

  private static let reserved: Set = [
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
  ]

  private static func encode(_ event: String, _ arguments: [any Encodable & Sendable]) throws(SocketIOError)
    -> SocketIOJSON.Encoded
  {
    guard !reserved.contains(event) else {
      throw SocketIOError(.reservedEvent, "“\(event)” is an event of Socket.IO itself and cannot be sent")
    }
    return try SocketIOJSON.encode(name: event, arguments)
  }
}
