import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// HTTP through a tap: forwarded as it is, except for the headers that would make its content unreadable and for what rules touch.
extension TapConnection: TapHTTPDelegate {
  func receivedHTTP(_ bytes: ByteBuffer, _ direction: TapDirection) {
    if mode == .upgrading, direction == .toServer {
      forward(bytes, direction)
      afterUpgradeRequest.writeImmutableBuffer(bytes)
      return
    }
    direction == .toServer ? requestGate.append(bytes) : responseGate.append(bytes)
    do throws(SocketIOError) {
      while mode == .http || (mode == .upgrading && direction == .toClient) {
        guard let piece = try direction == .toServer ? requestGate.next() : responseGate.next() else { return }
        pass(piece, direction)
      }
    } catch {
      return giveUp(direction, error.message, evidence: error.evidence)
    }
    // The mode changed in the middle of these bytes.
    let rest = direction == .toServer ? requestGate.takeAll() : responseGate.takeAll()
    if rest.readableBytes > 0 { received(rest, direction) }
  }

  private func pass(_ piece: HTTPHeadGate.Piece, _ direction: TapDirection) {
    switch (piece, direction) {
    case (.head(let head), .toServer):
      let firstLine = String(decoding: head.readableBytesView.prefix { $0 != 13 }, as: UTF8.self)
      let target = TapTarget(firstLine.split(separator: " ").dropFirst().first.map(String.init) ?? "")
      let edited = TapHTTP.readable(
        head, isPolling: target.isPolling, host: environment.rewritesHost ? authority : nil)
      newRequest = edited
      requestGate.headEnded(bodyLength: HTTPHeadGate.contentLength(of: head))
      client?.observe(edited)
    case (.head(let head), .toClient):
      // The answer proper comes behind it.
      guard !HTTPHeadGate.isInformational(head) else { return forward(head, direction) }
      newResponse = head
      responseGate.headEnded()
      server?.observe(head)
      if let unseen = newResponse {
        newResponse = nil
        forward(unseen, direction)
      }
    case (.body(let bytes), .toServer):
      if current?.held == nil { forward(bytes, direction) } else { current?.held?.writeImmutableBuffer(bytes) }
      client?.observe(bytes)
    case (.body(let bytes), .toClient):
      let exchange = asked.first
      if exchange?.heldResponse == nil {
        forward(bytes, direction)
      } else {
        exchange?.heldResponse?.writeImmutableBuffer(bytes)
      }
      server?.observe(bytes)
    }
  }

  private func giveUp(_ direction: TapDirection?, _ why: String, evidence: [String]) {
    environment.recorder.anomaly(
      id, direction, "\(why): from here on this connection is forwarded unread", evidence: evidence)
    mode = .opaque
    for exchange in exchanges {
      if let request = exchange.held { forward(request, .toServer) }
      if let response = exchange.heldResponse { forward(response, .toClient) }
      exchange.session?.ended(exchange)
    }
    (exchanges, asked, current) = ([], [], nil)
    if let head = newRequest { forward(head, .toServer) }
    if let head = newResponse { forward(head, .toClient) }
    (newRequest, newResponse) = (nil, nil)
    forward(requestGate.takeAll(), .toServer)
    forward(responseGate.takeAll(), .toClient)
  }

  // MARK: Requests

  func tapSawRequest(_ request: HTTPRequestHead) {
    guard var head = newRequest else {
      return giveUp(.toServer, "requests come one behind the other in a way that is not understood", evidence: [])
    }
    newRequest = nil
    let target = TapTarget(request.uri)
    let isUpgrade = request.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    let kind: TapExchange.Kind =
      isUpgrade ? .upgrade : !target.isPolling ? .other : request.method == .GET ? .poll : .post
    let isOfSession = isUpgrade || (target.isPolling && [.GET, .POST].contains(request.method))
    let session = isOfSession ? sessions.session(target.sid) : nil
    let exchange = TapExchange(isOfSession ? kind : .other, request, head: head, connection: self, session: session)
    exchange.unreadable = target.unreadable ?? (kind == .post ? Self.compression(request.headers) : nil)
    exchanges.append(exchange)
    current = exchange
    session?.began(exchange)
    if exchange.isPolling, let session, session.mustHold(exchange.kind) {
      if request.headers.contains(name: "expect") {
        client?.send(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
        head = HTTPHeadGate.removing(["expect"], from: head)
      }
      exchange.held = head
    } else {
      if exchange.kind == .post { session?.postsUnderway += 1 }
      forward(exchange, head)
    }
  }

  func tapSawRequestBody(_ part: ByteBuffer) {
    guard let current, current.kind == .post, current.unreadable == nil else { return }
    guard current.body.readableBytes + part.readableBytes <= environment.limits.maxMessageBytes else {
      current.body = ByteBuffer()
      current.unreadable = tooLong
      guard let held = current.held else { return }
      current.held = nil
      current.session?.postsUnderway += 1
      return forward(current, held)
    }
    current.body.writeImmutableBuffer(part)
  }

  func tapSawRequestEnd() {
    requestGate.messageEnded()
    guard let exchange = current else { return }
    current = nil
    if exchange.kind == .upgrade { mode = .upgrading }
    guard exchange.isPolling, let session = exchange.session else { return }
    if exchange.kind == .post { note(exchange, .toServer) }
    switch (exchange.kind, exchange.held) {
    case (.poll, nil): session.pendingPoll = exchange
    case (.poll, _): session.poll(exchange)
    case (_, nil):
      if exchange.unreadable == nil { _ = session.read(exchange.body, .toServer, on: self, isSent: true) }
    case (_, _): session.posted(exchange)
    }
    exchange.body = ByteBuffer()
  }

  /// Asks the upstream.
  func forward(_ exchange: TapExchange, _ request: ByteBuffer) {
    exchange.isForwarded = true
    asked.append(exchange)
    responseObserver?.announce(exchange.request)
    forward(request, .toServer)
  }

  // MARK: Answers

  func tapSawResponse(_ response: HTTPResponseHead) {
    let head = newResponse ?? ByteBuffer()
    newResponse = nil
    guard let exchange = asked.first else { return forward(head, .toClient) }
    exchange.response = response
    exchange.responseHead = head
    if exchange.kind == .poll, response.status == .ok {
      exchange.unreadable = exchange.unreadable ?? Self.compression(response.headers)
      exchange.session?.answerHeaders = TapHTTP.common(response.headers)
    }
    if exchange.kind == .poll,
      exchange.isAnswered || (response.status == .ok && exchange.session?.mustHoldAnswer == true)
    {
      exchange.heldResponse = head
    } else {
      forward(head, .toClient)
    }
    guard response.status == .switchingProtocols, exchange.kind == .upgrade else { return }
    mode = .webSocket
    session = exchange.session
    session?.ended(exchange)
    if TapTarget(exchange.request.uri).sid == nil { session?.upgrade(to: self) }
    (exchanges, asked) = ([], [])
    // Already forwarded, so only read.
    let early = afterUpgradeRequest
    afterUpgradeRequest = ByteBuffer()
    guard early.readableBytes > 0, let session else { return }
    run(toServer.readOnly(early, into: &session.toServer, now: sessions.eventLoop.now), .toServer)
  }

  func tapSawResponseBody(_ part: ByteBuffer) {
    // The answer to a POST is “ok” and no payload.
    guard let exchange = asked.first, exchange.kind == .poll, exchange.unreadable == nil else { return }
    guard exchange.responseBody.readableBytes + part.readableBytes <= environment.limits.maxMessageBytes else {
      exchange.responseBody = ByteBuffer()
      exchange.unreadable = tooLong
      guard let held = exchange.heldResponse, !exchange.isAnswered else { return }
      exchange.heldResponse = nil
      return forward(held, .toClient)
    }
    exchange.responseBody.writeImmutableBuffer(part)
  }

  func tapSawResponseEnd() {
    guard mode != .webSocket else { return }
    responseGate.messageEnded()
    guard !asked.isEmpty else { return }
    let exchange = asked.removeFirst()
    let status = exchange.response?.status
    if exchange.kind == .poll, let session = exchange.session {
      if status == .ok { note(exchange, .toClient) }
      if exchange.heldResponse != nil {
        session.answered(exchange)
      } else {
        if status == .ok, exchange.unreadable == nil {
          _ = session.read(exchange.responseBody, .toClient, on: self, isSent: true)
        }
        ended(exchange)
      }
      if let status, status.code >= 400 { sessions.forget(session) }
    } else {
      ended(exchange)
    }
    paid()
    guard exchange.kind == .upgrade else { return }
    // NIO's decoder reads no further request after one that asked for an upgrade: another must take its place.
    if afterUpgradeRequest.readableBytes == 0 {
      mode = .http
      return readRequestsAnew()
    }
    giveUp(nil, "the server refused to upgrade to WebSocket (\(status?.code ?? 0))", evidence: [])
  }

  /// Answers a request with bytes of the tap's own, or that it held, once those before it are answered.
  func answer(_ exchange: TapExchange, _ bytes: ByteBuffer) {
    guard exchanges.contains(where: { $0 === exchange }) else { return }
    exchange.isAnswered = true
    answers[ObjectIdentifier(exchange)] = bytes
    sendAnswers()
  }

  /// The client has the answer, or will not get one.
  private func ended(_ exchange: TapExchange) {
    exchanges.removeAll { $0 === exchange }
    exchange.session?.ended(exchange)
    sendAnswers()
  }

  private func sendAnswers() {
    while let first = exchanges.first, let bytes = answers.removeValue(forKey: ObjectIdentifier(first)) {
      exchanges.removeFirst()
      forward(bytes, .toClient)
      // One that the upstream still owes stays with its session.
      if !asked.contains(where: { $0 === first }) { first.session?.ended(first) }
      if !first.request.isKeepAlive { client?.close(.output) }
    }
  }

  // MARK: What cannot be read

  func tapCouldNotRead(_ direction: TapDirection, _ error: any Error) {
    guard mode == .http || mode == .upgrading else { return }
    giveUp(direction, "what passes is not HTTP/1.1", evidence: ["\(error)"])
  }

  /// One side ended in the middle of a head: what there is of it goes on as it is.
  func giveUpWithinHead(_ direction: TapDirection) {
    guard mode == .http || mode == .upgrading, (direction == .toServer ? requestGate : responseGate).isWithinHead else {
      return
    }
    giveUp(direction, "the connection ended in the middle of a head", evidence: [])
  }

  private var tooLong: String { "it is longer than \(environment.limits.maxMessageBytes) bytes" }

  private static func compression(_ headers: HTTPHeaders) -> String? {
    let coding = headers[canonicalForm: "content-encoding"].first { $0.lowercased() != "identity" }
    return coding.map { "it is compressed (\($0))" }
  }

  private func note(_ exchange: TapExchange, _ direction: TapDirection) {
    guard let why = exchange.unreadable, exchange.session?.isFirst(why) ?? true else { return }
    environment.recorder.anomaly(
      id, direction, "a polling payload cannot be read: \(why); it is forwarded as it came, and no rule acts on it",
      evidence: ["\(exchange.request.method) \(shortened(exchange.request.uri))"])
  }
}
