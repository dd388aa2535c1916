import NIOCore

extension ClientConnectionHandler {
  /// Asks for a namespace, now or as soon as the session is open.
  func join(_ join: Join) {
    guard failure == nil else { return join.done.fail(failure ?? CancellationError()) }
    if let membership = socket.membership(in: join.namespace) { return join.done.succeed(membership) }
    guard joins[join.namespace] == nil else {
      return join.done.fail(SocketIOError(.notConnected, "namespace \(join.namespace) is being joined already"))
    }
    joins[join.namespace] = join
    guard engine.handshake != nil else { return }
    writeConnect(join)
    flush()
  }

  /// Whether somebody waits for the answer about a namespace: `state` says so as soon as it is begun, which is before.
  package func isJoining(_ namespace: String) -> Bool { joins[namespace] != nil }

  /// The server answered CONNECT: who waits is told first, then come the events that were here before.
  func joined(_ namespace: String) {
    guard let membership = socket.membership(in: namespace) else { return }
    wishes.joined(namespace, membership)
    joins.removeValue(forKey: namespace)?.done.succeed(membership)
    burst += socket.takeEarly(namespace)
  }

  /// The server refused a namespace.
  func rejected(_ namespace: String, _ error: SocketIOError) {
    joins.removeValue(forKey: namespace)?.done.fail(error)
    // What was joined beside it may have been left meanwhile.
    if failure == nil, !isNeeded(beside: namespace) { disconnect() }
  }

  /// The server left a namespace, or does not let this side in.
  func left(_ namespace: String) {
    deliverBurst()
    let error = SocketIOError(
      .disconnected, "the server disconnected namespace \(namespace)", reason: .serverDisconnect)
    let refused = joins.removeValue(forKey: namespace)
    defer { refused?.done.fail(error) }
    guard isNeeded(beside: namespace) else { return fail(error) }
    failAcks(in: namespace, error)
    if refused == nil { wishes.left(namespace, error) }
  }

  /// Whether anything is joined or about to be, apart from one namespace.
  private func isNeeded(beside namespace: String) -> Bool {
    !joins.isEmpty || !socket.isAlone(namespace) || wishes.expectsMore()
  }

  /// Leaves one namespace; the last one takes the connection with it.
  func leave(_ namespace: String) {
    guard failure == nil else { return }
    let error = SocketIOError(.disconnected, "this side left namespace \(namespace)", reason: .clientDisconnect)
    joins.removeValue(forKey: namespace)?.done.fail(error)
    guard isNeeded(beside: namespace) else { return disconnect() }
    // DISCONNECT before the answer would close the connection at some servers: the answer is waited for.
    guard socket.isJoined(namespace) else { return socket.giveUp(namespace) }
    writeDisconnect(namespace)
    socket.leave(namespace)
    failAcks(in: namespace, error)
    flush()
  }

  /// Leaves everything and closes; `ended` says when.
  func disconnect() {
    guard failure == nil else { return }
    for namespace in socket.namespaces { writeDisconnect(namespace) }
    fail(SocketIOError(.disconnected, "this side disconnected", reason: .clientDisconnect))
    context?.flush()
  }

  func writeConnect(_ join: Join) {
    guard socket.ask(for: join.namespace) else { return }
    var connect = SocketIOPacket(kind: .connect, namespace: join.namespace)
    if let payload = join.payload { connect.data = payload }
    write(.text, EngineIOPacket(kind: .message, data: connect.encoded()).encoded())
  }

  func writeDisconnect(_ namespace: String) {
    let leave = SocketIOPacket(kind: .disconnect, namespace: namespace)
    write(.text, EngineIOPacket(kind: .message, data: leave.encoded()).encoded())
  }
}
