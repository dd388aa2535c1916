import NIOCore
import NIOHTTP1

/// A session that polls: packets travel in the bodies of requests and answers, and rules act on them there.
///
/// A body that no rule touches goes on as it came. Otherwise its packets are put together anew; a poll that would be answered with
/// nothing is answered with a noop, which every client takes. What leaves late goes with the next answer or, if the client waits for
/// one, at once in an answer of the tap's own, and in a POST of the tap's own.
extension TapSession {
  /// Servers and clients in Python read no more packets of one body.
  static let maxPackets = 16
  /// aiohttp behind python-engineio loses longer bodies, and says that they are fine.
  static let maxBodyBytes = 262_144
  static let maxHeldBytes = 64_000_000
  static let noop = ByteBuffer(string: "6")

  /// Whether a request of the polling transport must be whole before it is decided what becomes of it.
  func mustHold(_ kind: TapExchange.Kind) -> Bool {
    if isCut || hasRules { return true }
    return kind == .post
      ? toServer.isHolding || !toServerOut.isEmpty || isPosting
      : toClient.isHolding || !toClientOut.isEmpty || detachedPoll != nil || parkedPoll != nil
  }

  /// Whether an answer must be whole before it is decided what the client gets.
  var mustHoldAnswer: Bool { hasRules || toClient.isHolding || !toClientOut.isEmpty }

  /// Reads a body and returns the packets that are to go on now.
  func read(_ body: ByteBuffer, _ direction: TapDirection, on connection: TapConnection?, isSent: Bool) -> [ByteBuffer]
  {
    let id = connection?.id ?? 0
    let now = sessions.eventLoop.now
    if direction == .toServer { toServer.arrival = .init() } else { toClient.arrival = .init() }
    var steps: [TapStream.Step] = []
    for packet in TapPayload.split(body) {
      let piece = TapPiece.packet(isSent ? ByteBuffer() : packet)
      if direction == .toServer {
        Self.read(packet, piece, into: &toServer, on: id, now, &steps)
      } else {
        Self.read(packet, piece, into: &toClient, on: id, now, &steps)
      }
    }
    for step in steps { wants(step, direction, on: nil) }
    return steps.compactMap { if case .send(let piece) = $0 { piece.packet } else { nil } }
  }

  private static func read(
    _ packet: ByteBuffer, _ piece: TapPiece, into stream: inout TapStream, on connection: Int, _ now: NIODeadline,
    _ steps: inout [TapStream.Step]
  ) {
    let (isText, content) = TapPiece.content(of: packet)
    guard let content else {
      stream.anomaly(
        connection, "a binary packet of a polling payload is not base64: forwarded as it came",
        evidence: [quoted(packet)])
      return stream.skip(piece, now: now, &steps)
    }
    let isPartlySent = piece.byteCount == 0
    stream.receive(
      .init(isText: isText, content: content, piece: piece, isPartlySent: isPartlySent, connection: connection),
      now: now, &steps)
  }

  // MARK: Towards the client

  /// A held request for packets is whole.
  func poll(_ exchange: TapExchange) {
    guard let connection = exchange.connection, let request = exchange.held else { return }
    if isCut { return refuse(exchange) }
    exchange.held = nil
    if !toClientOut.isEmpty { return answer(exchange) }
    // Not two at a time, for which servers end the session; and not more than there is room for.
    guard detachedPoll == nil, parkedPoll == nil, toClient.heldBytes < Self.maxHeldBytes else {
      if let parked = parkedPoll { answer(parked) }
      parkedPoll = exchange
      return
    }
    pendingPoll = exchange
    connection.forward(exchange, request)
  }

  /// A held answer to a poll is whole.
  func answered(_ exchange: TapExchange) {
    let response = exchange.heldResponse ?? ByteBuffer()
    exchange.heldResponse = nil
    let isReadable = exchange.response?.status == .ok && exchange.unreadable == nil
    let body = exchange.responseBody
    if exchange.isAnswered {
      if isReadable {
        toClientOut += read(body, .toClient, on: exchange.connection, isSent: false)
      } else if let parked = parkedPoll {
        parked.connection?.answer(parked, response)
      }
      return ended(exchange)
    }
    if pendingPoll === exchange { pendingPoll = nil }
    guard isReadable else { return exchange.connection?.answer(exchange, response) ?? () }
    let packets = read(body, .toClient, on: exchange.connection, isSent: false)
    guard !isCut else { return }
    if toClientOut.isEmpty, packets == TapPayload.split(body).filter({ $0.readableBytes > 0 }) {
      exchange.connection?.answer(exchange, response)
    } else {
      toClientOut += packets
      exchange.connection?.answer(exchange, TapHTTP.message(exchange.responseHead, body: nextBody()))
    }
  }

  /// Gives what waits for the client to a request of its, if there is one.
  func servePolls() {
    if let parked = parkedPoll {
      guard toClientOut.isEmpty else {
        parkedPoll = nil
        return answer(parked)
      }
      guard detachedPoll == nil, toClient.heldBytes < Self.maxHeldBytes else { return }
      parkedPoll = nil
      pendingPoll = parked
      parked.connection?.forward(parked, parked.head)
    } else if !toClientOut.isEmpty, let pending = pendingPoll, pending.response == nil {
      pendingPoll = nil
      detachedPoll = pending
      answer(pending)
    }
  }

  private func answer(_ exchange: TapExchange) {
    if parkedPoll === exchange { parkedPoll = nil }
    exchange.connection?.answer(
      exchange, TapHTTP.answer(body: nextBody(), headers: answerHeaders, to: exchange.request))
  }

  private func nextBody() -> ByteBuffer {
    let packets = toClientOut.prefix(Self.maxPackets)
    toClientOut.removeFirst(packets.count)
    return packets.isEmpty ? Self.noop : TapPayload.join(packets)
  }

  private func refuse(_ exchange: TapExchange) {
    let body = ByteBuffer(string: #"{"code":1,"message":"Session ID unknown"}"#)
    exchange.held = nil
    exchange.connection?.answer(
      exchange, TapHTTP.answer(.badRequest, body: body, headers: answerHeaders, to: exchange.request))
  }

  // MARK: Towards the server

  /// A held request that brings packets is whole.
  func posted(_ exchange: TapExchange) {
    guard let connection = exchange.connection, let request = exchange.held else { return }
    if isCut { return refuse(exchange) }
    exchange.held = nil
    let isFree = !isPosting && toServerOut.isEmpty
    guard exchange.unreadable == nil else {
      postsUnderway += 1
      return connection.forward(exchange, request)
    }
    let packets = read(exchange.body, .toServer, on: connection, isSent: false)
    guard !isCut else { return }
    if isFree, packets == TapPayload.split(exchange.body).filter({ $0.readableBytes > 0 }) {
      postsUnderway += 1
      connection.forward(exchange, request)
    } else if isFree, !packets.isEmpty, packets.count <= Self.maxPackets {
      postsUnderway += 1
      connection.forward(exchange, TapHTTP.message(exchange.head, body: TapPayload.join(packets)))
    } else {
      toServerOut += packets
      unansweredPosts.append(exchange)
      acceptPosts()
      post()
    }
  }

  /// Answers the requests whose packets the tap keeps, unless it keeps too much already.
  private func acceptPosts() {
    guard toServer.heldBytes + toServerOut.reduce(0, { $0 + $1.readableBytes }) < Self.maxHeldBytes else { return }
    let posts = unansweredPosts
    unansweredPosts = []
    for exchange in posts {
      exchange.connection?.answer(
        exchange, TapHTTP.answer(body: ByteBuffer(string: "ok"), headers: answerHeaders, to: exchange.request))
    }
  }

  /// Posts what waits for the server, once no other POST of the session is under way.
  func post() {
    guard !isUpgraded, !isCut, !isPosting, postsUnderway == 0, !toServerOut.isEmpty, let head = lastHead else { return }
    var packets: [ByteBuffer] = []
    var length = 0
    let limit = min(maxPayload ?? .max, Self.maxBodyBytes)
    while packets.count < Self.maxPackets, let next = toServerOut.first {
      length += next.readableBytes + 1
      guard packets.isEmpty || length <= limit else { break }
      packets.append(next)
      toServerOut.removeFirst()
    }
    isPosting = true
    sessions.dialer.post(TapHTTP.post(like: head, body: TapPayload.join(packets))) { outcome in
      self.isPosting = false
      if let outcome {
        self.sessions.environment.recorder.anomaly(
          0, .toServer, "\(packets.count) packets that a rule held back were not taken by the server",
          evidence: [outcome])
      }
      self.acceptPosts()
      self.post()
    }
  }
}
