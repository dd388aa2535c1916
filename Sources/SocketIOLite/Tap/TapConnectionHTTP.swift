import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// HTTP through a tap: forwarded as it is except for the headers that would make its content unreadable.
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
      let edited = Self.readable(head)
      forward(edited, direction)
      requestGate.headEnded()
      client?.observe(edited)
    case (.head(let head), .toClient):
      forward(head, direction)
      responseGate.headEnded()
      server?.observe(head)
    case (.body(let bytes), _):
      forward(bytes, direction)
      (direction == .toServer ? client : server)?.observe(bytes)
    }
  }

  /// Without the offer of permessage-deflate, and for polling without that of gzip, what follows stays readable. The offer
  /// is the client's alone to make and a server may always decline it, so neither side notices.
  private static func readable(_ head: ByteBuffer) -> ByteBuffer {
    let view = head.readableBytesView
    let firstLine = String(decoding: view.prefix { $0 != 13 }, as: UTF8.self)
    let names: Set =
      firstLine.contains("transport=polling")
      ? ["sec-websocket-extensions", "accept-encoding"] : ["sec-websocket-extensions"]
    return HTTPHeadGate.removing(names, from: head)
  }

  private func giveUp(_ direction: TapDirection?, _ why: String, evidence: [String]) {
    environment.recorder.anomaly(
      id, direction, "\(why): from here on this connection is forwarded unread", evidence: evidence)
    mode = .opaque
    forward(requestGate.takeAll(), .toServer)
    forward(responseGate.takeAll(), .toClient)
  }

  // MARK: What the decoders saw

  func tapSawRequest(_ head: HTTPRequestHead) {
    currentRequest = head
    let isUpgrade = head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    exchanges.append(
      Exchange(isUpgrade: isUpgrade, isPolling: head.uri.contains("transport=polling"), isPoll: head.method == .GET))
    responseObserver?.announce(head)
  }

  func tapSawRequestBody(_ part: ByteBuffer) {
    if exchanges.last?.isPolling ?? false { collect(part, in: \.requestBody, .toServer) }
  }

  func tapSawRequestEnd() {
    requestGate.messageEnded()
    if exchanges.last?.isUpgrade ?? false { mode = .upgrading }
    let body = requestBody
    requestBody = ByteBuffer()
    if exchanges.last?.isPolling ?? false, body.readableBytes > 0 { readPayload(body, .toServer) }
  }

  func tapSawResponse(_ head: HTTPResponseHead) {
    currentResponseStatus = head.status
    if head.status == .switchingProtocols, exchanges.first?.isUpgrade ?? false {
      mode = .webSocket
      // Already forwarded, so only read.
      let early = afterUpgradeRequest
      afterUpgradeRequest = ByteBuffer()
      if early.readableBytes > 0 { toServer.readOnly(early) }
    } else if head.status.code < 200 {
      responseGate.messageEnded()
    }
  }

  func tapSawResponseBody(_ part: ByteBuffer) {
    // The answer to a POST is “ok” and no payload.
    if let exchange = exchanges.first, exchange.isPolling, exchange.isPoll {
      collect(part, in: \.responseBody, .toClient)
    }
  }

  func tapSawResponseEnd() {
    guard mode != .webSocket else { return }
    responseGate.messageEnded()
    let body = responseBody
    responseBody = ByteBuffer()
    let exchange = exchanges.isEmpty ? nil : exchanges.removeFirst()
    if body.readableBytes > 0, currentResponseStatus == .ok { readPayload(body, .toClient) }
    guard exchange?.isUpgrade ?? false else { return }
    // NIO's decoder reads no further request after one that asked for an upgrade.
    giveUp(nil, "the server refused to upgrade to WebSocket (\(currentResponseStatus?.code ?? 0))", evidence: [])
  }

  func tapCouldNotRead(_ direction: TapDirection, _ error: any Error) {
    guard mode == .http || mode == .upgrading else { return }
    giveUp(direction, "what passes is not HTTP/1.1", evidence: ["\(error)"])
  }

  private func collect(
    _ part: ByteBuffer, in body: ReferenceWritableKeyPath<TapConnection, ByteBuffer>, _ direction: TapDirection
  ) {
    guard self[keyPath: body].readableBytes + part.readableBytes <= environment.limits.maxMessageBytes else {
      self[keyPath: body] = ByteBuffer()
      environment.recorder.anomaly(
        id, direction, "a polling payload is longer than \(environment.limits.maxMessageBytes) bytes: forwarded unread")
      return
    }
    self[keyPath: body].writeImmutableBuffer(part)
  }

  private func readPayload(_ body: ByteBuffer, _ direction: TapDirection) {
    do throws(SocketIOError) {
      for part in try EngineIOPayload.parse(body) {
        let meaning: TapDecoder.Meaning
        switch (part, direction) {
        case (.text(let text), .toServer): meaning = try pollingToServer.receive(text: text)
        case (.text(let text), .toClient): meaning = try pollingToClient.receive(text: text)
        case (.binary(let bytes), .toServer): meaning = try pollingToServer.receive(binary: bytes)
        case (.binary(let bytes), .toClient): meaning = try pollingToClient.receive(binary: bytes)
        }
        guard case .whole(let kind, let event) = meaning else { continue }
        environment.recorder.record(
          TapRecord(
            direction: direction, kind: kind, connection: id, event: event, faults: []))
        if kind == .event, environment.faults.rules.contains(where: { $0.matches(event, direction) }) {
          environment.recorder.anomaly(
            id, direction, "event “\(event.name)” matches a rule but came by polling, where rules do not act")
        }
      }
    } catch {
      environment.recorder.anomaly(id, direction, "\(error.message): forwarded as it came", evidence: error.evidence)
    }
  }
}
