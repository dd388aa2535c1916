import NIOCore
import NIOHTTP1

/// One request that came to a tap, and what becomes of it and of its answer.
final class TapExchange {
  enum Kind { case other, upgrade, poll, post }

  let kind: Kind
  let request: HTTPRequestHead
  /// The request's head as it is forwarded.
  let head: ByteBuffer
  weak var connection: TapConnection?
  /// Of the polling transport and of upgrades.
  let session: TapSession?

  /// The request as it goes on, while it is not decided whether and how it does.
  var held: ByteBuffer?
  var body = ByteBuffer()
  var isForwarded = false
  /// Whether the client has its answer; the upstream's, if it comes later, is the session's.
  var isAnswered = false

  var response: HTTPResponseHead?
  var responseHead = ByteBuffer()
  /// The answer as it came, while it is not decided what the client gets.
  var heldResponse: ByteBuffer?
  var responseBody = ByteBuffer()
  /// Why what it carries cannot be read.
  var unreadable: String?

  init(
    _ kind: Kind, _ request: HTTPRequestHead, head: ByteBuffer, connection: TapConnection, session: TapSession?
  ) {
    self.kind = kind
    self.request = request
    self.head = head
    self.connection = connection
    self.session = session
  }

  var isPolling: Bool { kind == .poll || kind == .post }
}

/// What a URL asks of Engine.IO.
struct TapTarget: Sendable, Hashable {
  var isPolling = false
  var sid: String?
  /// Why its bodies are no payloads of Engine.IO 4.
  var unreadable: String?

  init(_ uri: String) {
    guard let query = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().first else {
      return
    }
    for field in query.split(separator: "&") {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1]) : ""
      switch parts.first {
      case "transport": isPolling = value == "polling"
      case "sid": sid = value.isEmpty ? nil : value
      case "EIO" where value != "4": unreadable = "it is of Engine.IO \(value)"
      case "j": unreadable = "it is JSONP"
      default: break
      }
    }
  }
}

/// HTTP heads that a tap changes or makes.
enum TapHTTP {
  /// Without the offer of permessage-deflate, and for polling without that of gzip, what follows stays readable. The offer
  /// is the client's alone to make and a server may always decline it, so neither side notices.
  static func readable(_ head: ByteBuffer, isPolling: Bool, host: String?) -> ByteBuffer {
    let names: Set = isPolling ? ["sec-websocket-extensions", "accept-encoding"] : ["sec-websocket-extensions"]
    guard let host else { return HTTPHeadGate.removing(names, from: head) }
    return adding("Host: \(host)", to: HTTPHeadGate.removing(names.union(["host"]), from: head))
  }

  /// A message with another body: what says its length says the new one.
  static func message(_ head: ByteBuffer, body: ByteBuffer) -> ByteBuffer {
    let names: Set = ["content-length", "transfer-encoding", "trailer", "expect"]
    var message = adding("Content-Length: \(body.readableBytes)", to: HTTPHeadGate.removing(names, from: head))
    message.writeImmutableBuffer(body)
    return message
  }

  /// A tap's own answer to a request; `headers` are lines with their ends.
  static func answer(
    _ status: HTTPResponseStatus = .ok, body: ByteBuffer, headers: String = "", to request: HTTPRequestHead
  ) -> ByteBuffer {
    let close = request.isKeepAlive ? "" : "Connection: close\r\n"
    var message = ByteBuffer(
      string:
        "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        + "\(headers)\(close)Content-Length: \(body.readableBytes)\r\n\r\n")
    message.writeImmutableBuffer(body)
    return message
  }

  /// A tap's own POST of a payload, with what the session's last request said of its client.
  static func post(like head: ByteBuffer, body: ByteBuffer) -> ByteBuffer {
    let names: Set = [
      "content-length", "content-type", "transfer-encoding", "trailer", "expect", "connection", "keep-alive",
      "if-none-match", "if-modified-since", "range",
    ]
    var head = HTTPHeadGate.removing(names, from: head)
    let view = head.readableBytesView
    let behindMethod = view.firstIndex(of: UInt8(ascii: " ")) ?? view.startIndex
    head.moveReaderIndex(to: behindMethod)
    var post = ByteBuffer(string: "POST")
    post.writeImmutableBuffer(head)
    return message(adding("Content-Type: text/plain;charset=UTF-8\r\nConnection: close", to: post), body: body)
  }

  /// The lines of an answer that a browser needs to see in any other of this session.
  static func common(_ headers: HTTPHeaders) -> String {
    headers.filter { name, _ in
      let name = name.lowercased()
      return name.hasPrefix("access-control-") || name == "vary" || name == "cache-control"
    }.map { "\($0.name): \($0.value)\r\n" }.joined()
  }

  /// Puts lines behind the last of a head.
  private static func adding(_ lines: String, to head: ByteBuffer) -> ByteBuffer {
    var changed = head.getSlice(at: head.readerIndex, length: max(0, head.readableBytes - 2)) ?? head
    changed.writeString(lines + "\r\n\r\n")
    return changed
  }
}
