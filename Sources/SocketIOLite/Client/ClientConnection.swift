import NIOCore

/// A connection whose namespace is joined; every call hops to its event loop once.
struct ClientConnection: Sendable {
  let channel: any Channel
  let handler: NIOLoopBound<ClientConnectionHandler>
  let ended: EventLoopFuture<SocketIOError>

  func emit(_ encoded: SocketIOJSON.Encoded, answering id: Int? = nil) async throws {
    let written = channel.eventLoop.makePromise(of: Void.self)
    channel.eventLoop.execute { handler.value.send(encoded, written: written, id: id) }
    do {
      try await written.futureResult.get()
    } catch let error as ChannelError {
      throw SocketIOError(
        .disconnected, "the connection closed while sending", reason: .transportClose, evidence: ["\(error)"])
    }
  }

  func emitWithAck(_ event: String, _ encoded: SocketIOJSON.Encoded, timeout: Duration) async throws -> SocketIOEvent {
    let answer = channel.eventLoop.makePromise(of: SocketIOEvent.self)
    channel.eventLoop.execute {
      handler.value.send(encoded, written: nil, waiting: (event, answer, TimeAmount(timeout)))
    }
    return try await withTaskCancellationHandler {
      try await answer.futureResult.get()
    } onCancel: {
      channel.eventLoop.execute { handler.value.cancelAck(of: answer) }
    }
  }

  /// Sends what waited for this connection; who waits learns of it by the promise.
  func send(_ waiting: ClientLink.Waiting) {
    channel.eventLoop.execute {
      switch waiting.wish {
      case .event(let promise):
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.cascade(to: promise)
        handler.value.send(waiting.encoded, written: written)
      case .answer(let event, let promise, let deadline):
        let left = max(deadline - .now(), .zero)
        handler.value.send(waiting.encoded, written: nil, waiting: (event, promise, left))
      }
    }
  }

  /// Sends without waiting, unless the socket is full; false means that nothing was sent.
  func sendIfWritable(_ encoded: SocketIOJSON.Encoded) -> Bool {
    guard channel.isActive, channel.isWritable else { return false }
    channel.eventLoop.execute { handler.value.send(encoded, written: nil) }
    return true
  }

  func cancelAck(of answer: EventLoopPromise<SocketIOEvent>) {
    channel.eventLoop.execute { handler.value.cancelAck(of: answer) }
  }

  /// Leaves on purpose and waits until the channel is closed, which takes at most a second.
  func disconnect() async {
    channel.eventLoop.execute { handler.value.disconnect() }
    // The close future only fails if it never succeeds, which a channel does not do.
    try? await channel.closeFuture.get()
  }
}

extension ClientConnection {
  /// Starts leaving on purpose; `end` returns when that is done.
  func beginDisconnect() {
    channel.eventLoop.execute { handler.value.disconnect() }
  }

  /// Waits for the connection's end and says why it came.
  func end() async -> SocketIOError {
    do {
      return try await ended.get()
    } catch {
      return SocketIOError(.disconnected, "the connection failed", reason: .transportError, evidence: ["\(error)"])
    }
  }
}
