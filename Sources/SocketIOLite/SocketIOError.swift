import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Why a Socket.IO connection could not be made or kept, or why a packet was not understood.
public struct SocketIOError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure this is; stable, so that a test may compare it. A later version may know more kinds.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// As it is called in Swift, such as `cannotConnect`.
    public let description: String
    private init(_ name: String) { description = name }

    /// The URL cannot be parsed or has no host.
    public static let invalidURL = Code("invalidURL")
    /// The URL's scheme is not http, https, ws or wss.
    public static let unsupportedScheme = Code("unsupportedScheme")
    /// No TCP connection: refused, unreachable or unknown host.
    public static let cannotConnect = Code("cannotConnect")
    /// No TLS: the certificate is not believed or names another host, or the port does not speak TLS.
    public static let tlsFailed = Code("tlsFailed")
    /// The HTTP proxy cannot be reached or made no tunnel.
    public static let proxyFailed = Code("proxyFailed")
    /// The server did not finish the handshake in `connectTimeout`.
    public static let connectTimedOut = Code("connectTimedOut")
    /// The server answered the handshake with something else than a WebSocket upgrade; see `httpStatus`.
    public static let unexpectedResponse = Code("unexpectedResponse")
    /// The other side speaks another version of the protocol.
    public static let unsupportedVersion = Code("unsupportedVersion")
    /// Bytes that are not a packet of the protocol.
    public static let malformedPacket = Code("malformedPacket")
    /// A packet, message or attachment count beyond `SocketIOLimits`, or an event longer than the server said that it takes.
    public static let limitExceeded = Code("limitExceeded")
    /// The server refused the namespace; see `serverMessage` and `decodeServerData`.
    public static let connectRejected = Code("connectRejected")
    /// The connection ended; see `reason`.
    public static let disconnected = Code("disconnected")
    /// No acknowledgement came in time.
    public static let ackTimedOut = Code("ackTimedOut")
    /// There is no connection to send on.
    public static let notConnected = Code("notConnected")
    /// The event name belongs to the protocol itself.
    public static let reservedEvent = Code("reservedEvent")
    /// An argument cannot be encoded as JSON.
    public static let encodingFailed = Code("encodingFailed")
    /// A payload is not what the caller asked for.
    public static let decodingFailed = Code("decodingFailed")
    /// The tap cannot listen, or was asked for something that it cannot do.
    public static let tapFailed = Code("tapFailed")
  }

  /// What went wrong, for code that decides by it.
  public var code: Code
  /// What was tried and what happened, in one line.
  public var message: String
  /// What was received, shortened, or what the system said.
  public var evidence: [String]
  /// What to do next, where that is known.
  public var next: String?
  /// The HTTP status, if `code` is `unexpectedResponse`.
  public var httpStatus: Int?
  /// Why the connection ended, if `code` is `disconnected`.
  public var reason: DisconnectReason?
  /// The text with which the server refused the namespace.
  public var serverMessage: String?
  /// The JSON text of the `data` with which the server refused the namespace.
  public var serverData: String?
  /// What the system, TLS or a decoder threw, where this error is told because of that.
  public var underlying: (any Error)?

  /// An error made by hand, for what is to be tested without a server.
  package init(
    _ code: Code, _ message: String, evidence: [String] = [], next: String? = nil, underlying: (any Error)? = nil
  ) {
    self.underlying = underlying
    self.code = code
    self.message = message
    self.evidence = evidence
    self.next = next
  }

  public var description: String {
    var lines = [message]
    lines += evidence.map { "  evidence  \($0)" }
    if let next { lines.append("  next      \(next)") }
    return lines.joined(separator: "\n")
  }

  /// Decodes the `data` that came with a refused namespace; throws `decodingFailed` if there is none or it has another form.
  public func decodeServerData<T: Decodable>(_ type: T.Type = T.self) throws -> T {
    guard let serverData else { throw SocketIOError(.decodingFailed, "the server sent no data with its refusal") }
    do {
      return try SocketIOJSON.decode(type, from: Data(serverData.utf8))
    } catch {
      throw SocketIOError(
        .decodingFailed, "the refusal's data is not a \(type)", evidence: [shortened(serverData), "\(error)"],
        underlying: error)
    }
  }
}

extension SocketIOError {
  package init(
    _ code: Code, _ message: String, reason: DisconnectReason, evidence: [String] = [], underlying: (any Error)? = nil
  ) {
    self.init(code, message, evidence: evidence, underlying: underlying)
    self.reason = reason
  }
}

/// What a peer may send before this side gives the connection up.
public struct SocketIOLimits: Sendable, Hashable {
  /// Longest message in bytes, each attachment counted alone.
  public var maxMessageBytes: Int
  /// Most binary attachments of one event.
  public var maxAttachments: Int
  /// Deepest nesting of arrays and objects in an event; the decoder's own limit is 512.
  public var maxJSONDepth: Int
  /// Longest sum of an HTTP answer's headers, in bytes.
  public var maxHeaderBytes: Int
  /// Whether to end the connection where a browser would: over a packet that `JSON.parse` refuses (`NaN`, which Python's `json`
  /// writes) and, by WebSocket, over text that is not UTF-8. Off by default: such an event is delivered and the rest goes on.
  public var strictJSON: Bool

  /// The limits; the defaults are far above what dubbing needs.
  public init(
    maxMessageBytes: Int = 50_000_000, maxAttachments: Int = 256, maxJSONDepth: Int = 256, maxHeaderBytes: Int = 65_536,
    strictJSON: Bool = false
  ) {
    self.strictJSON = strictJSON
    self.maxMessageBytes = maxMessageBytes
    self.maxAttachments = maxAttachments
    self.maxJSONDepth = maxJSONDepth
    self.maxHeaderBytes = maxHeaderBytes
  }
}

/// The beginning of `text`, with the length of what was left out.
func shortened(_ text: String, to limit: Int = 120) -> String {
  guard text.utf8.count > limit else { return text }
  return "\(text.prefix(limit))… (\(text.utf8.count) bytes)"
}

/// The beginning of received bytes, made readable: bytes that are not UTF-8 become U+FFFD, controls are escaped.
func quoted(_ bytes: ByteBuffer, limit: Int = 120) -> String {
  let start = String(decoding: bytes.readableBytesView.prefix(limit), as: UTF8.self)
  let escaped = start.unicodeScalars.map { $0.value < 0x20 ? $0.escaped(asASCII: true) : String($0) }.joined()
  return bytes.readableBytes > limit ? "“\(escaped)…” (\(bytes.readableBytes) bytes)" : "“\(escaped)”"
}
