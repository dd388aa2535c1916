import NIOCore

/// Nothing of an event was sent, because its connection had ended, and why that was: it may go by the next one.
struct ClientUnsent: Error {
  var reason: SocketIOError
  /// Which connection that was.
  var outlet: ClientOutlet
}

extension ClientConnectionHandler {
  /// An event, or the answer to one, that is to be sent.
  package struct Outgoing {
    var encoded: SocketIOJSON.Encoded
    var namespace: String
    /// Kept when the last byte went to the system, which is what slows a fast sender down.
    var written: EventLoopPromise<Void>?
    /// Of the event that this answers.
    var answeredID: Int?
    var waiting: (event: String, answer: EventLoopPromise<SocketIOEvent>, timeout: TimeAmount)?

    package init(
      encoded: SocketIOJSON.Encoded, namespace: String, written: EventLoopPromise<Void>? = nil, answeredID: Int? = nil,
      waiting: (event: String, answer: EventLoopPromise<SocketIOEvent>, timeout: TimeAmount)? = nil
    ) {
      self.encoded = encoded
      self.namespace = namespace
      self.written = written
      self.answeredID = answeredID
      self.waiting = waiting
    }

    func fail(_ error: any Error) {
      written?.fail(error)
      waiting?.answer.fail(error)
    }
  }

  /// Sends an event, or keeps it while the line may be dead: a timer that tells is late in a process that was held up.
  package func send(_ outgoing: Outgoing) {
    if let failure { return outgoing.fail(ClientUnsent(reason: failure, outlet: outlet)) }
    guard undecided.isEmpty, !silence.isOverdue(at: .now(), patience: engine.patience) else {
      undecided.append(outgoing)
      if !silence.isSecondLook { watchLiveness() }
      return
    }
    write(outgoing)
  }

  /// The line is not dead.
  func heard() {
    silence.heard(at: .now())
    guard !undecided.isEmpty else { return }
    for outgoing in takeUndecided() { write(outgoing) }
  }

  func takeUndecided() -> [Outgoing] {
    defer { undecided = [] }
    return undecided
  }

  private func write(_ outgoing: Outgoing) {
    let (encoded, namespace, written) = (outgoing.encoded, outgoing.namespace, outgoing.written)
    let (answeredID, waiting) = (outgoing.answeredID, outgoing.waiting)
    guard socket.isJoined(namespace) else {
      return outgoing.fail(
        SocketIOError(.notConnected, "there is no connection to send on in namespace \(namespace)"))
    }
    let id = answeredID ?? waiting.map { _ in socket.makeAckID() }
    let binary = !encoded.attachments.isEmpty
    let kind: SocketIOPacket.Kind = answeredID == nil ? (binary ? .binaryEvent : .event) : (binary ? .binaryAck : .ack)
    let packet = SocketIOPacket(
      kind: kind, namespace: namespace, id: id, attachmentCount: encoded.attachments.count, data: encoded.array)
    var text = ByteBufferAllocator().buffer(capacity: encoded.array.readableBytes + namespace.utf8.count + 26)
    text.writeInteger(EngineIOPacket.Kind.message.rawValue)
    packet.encode(into: &text)
    if let refusal = refusal(ofText: text.readableBytes, encoded.attachments) { return outgoing.fail(refusal) }
    if let waiting, let id {
      let timer = eventLoop.assumeIsolated().scheduleTask(in: waiting.timeout) { self.expireAck(id, waiting.timeout) }
      acks[id] = WaitingAck(event: waiting.event, namespace: namespace, promise: waiting.answer, timer: timer)
    }
    if answeredID == nil { wishes.sending(packet, encoded.attachments) }
    write(.text, text, promise: binary ? nil : written)
    for (index, attachment) in encoded.attachments.enumerated() {
      write(.binary, attachment, promise: index == encoded.attachments.count - 1 ? written : nil)
    }
    flush()
  }

  /// Why an event cannot go: the server would close the connection over a packet longer than it said that it takes.
  private func refusal(ofText length: Int, _ attachments: [ByteBuffer]) -> SocketIOError? {
    guard let most = engine.handshake?.maxPayload else { return nil }
    let longest = attachments.reduce(length) { longest, attachment in
      let length = attachment.readableBytes
      return max(longest, polling == nil ? length : PollingBatch.base64Length(length) + 1)
    }
    guard longest > most else { return nil }
    return SocketIOError(
      .limitExceeded, "an event has a packet of \(longest) bytes, and the server takes \(most)",
      next: "send less at once, or raise the server's maxHttpBufferSize (max_http_buffer_size)")
  }

  /// How many acknowledgements are waited for.
  package var waitingAckCount: Int { acks.count }

  /// Fails a waiting acknowledgement whose task was cancelled.
  func cancelAck(of promise: EventLoopPromise<SocketIOEvent>) {
    guard let (id, waiting) = acks.first(where: { $0.value.promise.futureResult === promise.futureResult }) else {
      undecided.removeAll { $0.waiting?.answer.futureResult === promise.futureResult }
      return promise.fail(CancellationError())
    }
    acks[id] = nil
    waiting.timer.cancel()
    waiting.promise.fail(CancellationError())
  }

  func failAcks(in namespace: String?, _ error: SocketIOError) {
    for (id, waiting) in acks where namespace == nil || waiting.namespace == namespace {
      acks[id] = nil
      waiting.timer.cancel()
      waiting.promise.fail(error)
    }
  }

  private func expireAck(_ id: Int, _ timeout: TimeAmount) {
    guard let waiting = acks.removeValue(forKey: id) else { return }
    let seconds = Double(timeout.nanoseconds) / 1e9
    waiting.promise.fail(
      SocketIOError(
        .ackTimedOut, "no acknowledgement of “\(waiting.event)” (id \(id)) came within \(seconds) s",
        next: "does the server's handler return a value? Only then it acknowledges"))
  }
}
