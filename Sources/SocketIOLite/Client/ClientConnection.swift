import NIOCore
import Synchronization

/// What callers on other threads may know of a connection without asking its event loop.
package final class ClientOutlet: Sendable {
  private let open = Atomic(false)
  /// Whether it is up and takes more without piling it up.
  package var isOpen: Bool { open.load(ordering: .relaxed) }
  func set(isOpen: Bool) { open.store(isOpen, ordering: .relaxed) }
}

/// One transport connection with all its namespaces; every call hops to its event loop once.
package struct ClientSession: Sendable {
  package let eventLoop: any EventLoop
  package let handler: NIOLoopBound<ClientConnectionHandler>
  package let outlet: ClientOutlet
  let ended: EventLoopFuture<SocketIOError>
  let closed: EventLoopFuture<Void>

  /// Asks for a namespace; fails with the server's refusal, or `connectTimedOut`. `joined` runs on the event loop.
  func join(
    _ namespace: String, payload: ByteBuffer?, timeout: Duration,
    joined: @escaping @Sendable (SocketIOSession.Membership) -> Void
  ) async throws {
    let done = eventLoop.makePromise(of: SocketIOSession.Membership.self)
    done.futureResult.whenSuccess(joined)
    eventLoop.execute { handler.value.join(.init(namespace: namespace, payload: payload, done: done)) }
    let deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
      done.fail(
        SocketIOError(
          .connectTimedOut, "the server did not answer the request for namespace \(namespace) in \(timeout)"))
    }
    defer { deadline.cancel() }
    _ = try await withTaskCancellationHandler {
      try await done.futureResult.get()
    } onCancel: {
      done.fail(CancellationError())
    }
  }

  func leave(_ namespace: String) { eventLoop.execute { handler.value.leave(namespace) } }

  /// Starts leaving on purpose; `end` returns when that is done.
  func beginDisconnect() { eventLoop.execute { handler.value.disconnect() } }

  /// Waits for the connection's end and says why it came; nothing of it is left then, which takes at most a second more.
  package func end() async -> SocketIOError {
    do {
      let reason = try await ended.get()
      try await closed.get()
      return reason
    } catch {
      return SocketIOError(
        .disconnected, "the connection failed", reason: .transportError, evidence: ["\(error)"], underlying: error)
    }
  }
}

/// A joined namespace of a connection.
package struct ClientConnection: Sendable {
  package let session: ClientSession
  let namespace: String
  let sid: String

  private var eventLoop: any EventLoop { session.eventLoop }
  private var handler: NIOLoopBound<ClientConnectionHandler> { session.handler }

  func emit(_ encoded: SocketIOJSON.Encoded, answering id: Int? = nil) async throws {
    let written = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      handler.value.send(.init(encoded: encoded, namespace: namespace, written: written, answeredID: id))
    }
    do {
      try await written.futureResult.get()
    } catch let unsent as ClientUnsent where id != nil {
      // The question was this connection's.
      throw unsent.reason
    } catch let error as ChannelError {
      throw SocketIOError(
        .disconnected, "the connection closed while sending", reason: .transportClose, evidence: ["\(error)"],
        underlying: error)
    }
  }

  func emitWithAck(_ event: String, _ encoded: SocketIOJSON.Encoded, timeout: Duration) async throws -> SocketIOEvent {
    let answer = eventLoop.makePromise(of: SocketIOEvent.self)
    eventLoop.execute {
      handler.value.send(
        .init(encoded: encoded, namespace: namespace, waiting: (event, answer, TimeAmount(timeout))))
    }
    return try await withTaskCancellationHandler {
      try await answer.futureResult.get()
    } onCancel: {
      eventLoop.execute { handler.value.cancelAck(of: answer) }
    }
  }

  /// Sends what waited for this connection; who waits learns of it by the promise.
  func send(_ waiting: ClientLink.Waiting) {
    eventLoop.execute {
      switch waiting.wish {
      case .event(let promise):
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.cascade(to: promise)
        handler.value.send(.init(encoded: waiting.encoded, namespace: namespace, written: written))
      case .answer(let event, let promise, let deadline):
        let left = max(deadline - .now(), .zero)
        handler.value.send(.init(encoded: waiting.encoded, namespace: namespace, waiting: (event, promise, left)))
      }
    }
  }

  /// Sends without waiting, unless the socket is full; false means that nothing was sent.
  func sendIfWritable(_ encoded: SocketIOJSON.Encoded) -> Bool {
    guard session.outlet.isOpen else { return false }
    eventLoop.execute { handler.value.send(.init(encoded: encoded, namespace: namespace)) }
    return true
  }

  func cancelAck(of answer: EventLoopPromise<SocketIOEvent>) {
    eventLoop.execute { handler.value.cancelAck(of: answer) }
  }
}
