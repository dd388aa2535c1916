import NIOCore

extension ClientConnectionHandler {
  /// Sends an event; the promise is kept when the last byte went to the system, which is what slows a fast sender down.
  func send(
    _ encoded: SocketIOJSON.Encoded, in namespace: String, written: EventLoopPromise<Void>?, id answeredID: Int? = nil,
    waiting: (event: String, answer: EventLoopPromise<SocketIOEvent>, timeout: TimeAmount)? = nil
  ) {
    guard failure == nil, socket.isJoined(namespace) else {
      let error = failure ?? SocketIOError(.notConnected, "there is no connection to send on in namespace \(namespace)")
      written?.fail(error)
      waiting?.answer.fail(error)
      return
    }
    let id = answeredID ?? waiting.map { _ in socket.makeAckID() }
    let binary = !encoded.attachments.isEmpty
    let kind: SocketIOPacket.Kind = answeredID == nil ? (binary ? .binaryEvent : .event) : (binary ? .binaryAck : .ack)
    let packet = SocketIOPacket(
      kind: kind, namespace: namespace, id: id, attachmentCount: encoded.attachments.count, data: encoded.array)
    var text = ByteBufferAllocator().buffer(capacity: encoded.array.readableBytes + namespace.utf8.count + 26)
    text.writeInteger(EngineIOPacket.Kind.message.rawValue)
    packet.encode(into: &text)
    if let refusal = refusal(ofText: text.readableBytes, encoded.attachments) {
      written?.fail(refusal)
      waiting?.answer.fail(refusal)
      return
    }
    if let waiting, let id {
      let timer = eventLoop.assumeIsolated().scheduleTask(in: waiting.timeout) { self.expireAck(id, waiting.timeout) }
      acks[id] = WaitingAck(event: waiting.event, namespace: namespace, promise: waiting.answer, timer: timer)
    }
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
  var waitingAckCount: Int { acks.count }

  /// Fails a waiting acknowledgement whose task was cancelled.
  func cancelAck(of promise: EventLoopPromise<SocketIOEvent>) {
    guard let (id, waiting) = acks.first(where: { $0.value.promise.futureResult === promise.futureResult }) else {
      return
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
