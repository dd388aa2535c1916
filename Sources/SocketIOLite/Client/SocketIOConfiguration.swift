import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How Engine.IO packets travel.
public enum SocketIOTransport: String, Sendable, Hashable, Codable {
  /// HTTP long-polling: works through everything that lets HTTP through.
  case polling
  /// WebSocket: one connection, and nothing is waited for.
  case webSocket = "websocket"
}

/// How a `SocketIOClient` connects and what it puts up with.
public struct SocketIOConfiguration: Sendable {
  /// How a lost connection is made again; the figures are those of the JavaScript client.
  public struct Reconnection: Sendable, Hashable {
    /// The first wait; it doubles with every attempt that fails.
    public var delay: Duration
    /// The longest wait.
    public var maxDelay: Duration
    /// Each wait is changed at random by up to this share of itself, 0…1.
    public var jitter: Double
    /// Attempts before giving up; nil never does.
    public var attempts: Int?
    /// Whether a first connection that fails is tried again as well, as the JavaScript client does; off by default, so that a
    /// wrong address is an error at once. A refused namespace and an address that cannot be right are not tried again.
    public var retriesFirst: Bool

    /// The figures of the JavaScript client unless others are given; `jitter` is brought into 0…1.
    public init(
      delay: Duration = .seconds(1), maxDelay: Duration = .seconds(5), jitter: Double = 0.5, attempts: Int? = nil,
      retriesFirst: Bool = false
    ) {
      self.retriesFirst = retriesFirst
      self.delay = delay
      self.maxDelay = maxDelay
      self.jitter = min(max(jitter, 0), 1)
      self.attempts = attempts
    }

    /// The wait before attempt `attempt` (from 0), given a random number from -1 to 1.
    package func wait(attempt: Int, random: Double) -> Duration {
      let doubled = delay * Int(1 << min(max(attempt, 0), 30))
      return min(doubled * (1 + random * jitter), maxDelay)
    }
  }

  /// How packets travel, in the order of trying; `[.webSocket]` by default, which is a round trip faster and all that a tap's
  /// rules act on. `[.polling, .webSocket]` is what the JavaScript and Python clients do: begin by polling, then upgrade.
  /// `[.webSocket, .polling]` polls only if the server, or something before it, does not answer with a WebSocket.
  public var transports: [SocketIOTransport]
  /// Whom to believe if the URL is https or wss.
  public var tls: SocketIOTLS
  /// Which HTTP proxy to go through.
  public var proxy: SocketIOProxy
  /// The path of the Engine.IO endpoint, "/socket.io/" by default; slashes that it lacks at its ends are added.
  public var path: String
  /// The namespace to join; `emit` and the queues use it. A path in the URL names it as well, as in the JavaScript client.
  public var namespace: String
  /// Sent with the request to join; evaluated again at each reconnection.
  public var auth: (@Sendable () async throws -> any Encodable & Sendable)?
  /// Added to every request. Host, Authorization and Cookie take the place of the URL's and of the cookies that the server set;
  /// headers that frame a request (Content-Length, Connection, Upgrade …) are passed over.
  public var extraHeaders: [(name: String, value: String)]
  /// Added to the URL's own query.
  public var query: [(name: String, value: String)]
  /// From the first packet to the joined namespace; `auth`, which is asked before, may take as long again.
  public var connectTimeout: Duration
  /// For `emitWithAck` without a timeout of its own.
  public var ackTimeout: Duration
  /// What a server may send before this side gives the connection up.
  public var limits: SocketIOLimits
  /// Whether a lost connection is made again. On by default, as in every Socket.IO client; nil turns it off.
  ///
  /// Only a connection that was up is made again: the first attempt fails at once with what happened, unless `retriesFirst`.
  public var reconnection: Reconnection?
  /// Whether what is sent while there is no connection, and none on its way, waits for one, as in the JavaScript client.
  ///
  /// Off by default: such a call throws `notConnected`, because one that waits for a `connect` that nobody calls waits for ever.
  public var sendsBeforeConnecting = false

  /// A configuration; whatever is left out is what the other Socket.IO clients do, except for `transports`.
  public init(
    path: String = "/socket.io/", namespace: String = "/",
    auth: (@Sendable () async throws -> any Encodable & Sendable)? = nil,
    extraHeaders: [(name: String, value: String)] = [], query: [(name: String, value: String)] = [],
    connectTimeout: Duration = .seconds(10), ackTimeout: Duration = .seconds(10), limits: SocketIOLimits = .init(),
    reconnection: Reconnection? = .init(), transports: [SocketIOTransport] = [.webSocket], tls: SocketIOTLS = .system,
    proxy: SocketIOProxy = .environment
  ) {
    self.transports = transports
    self.tls = tls
    self.proxy = proxy
    self.path = path
    self.namespace = namespace
    self.auth = auth
    self.extraHeaders = extraHeaders
    self.query = query
    self.connectTimeout = connectTimeout
    self.ackTimeout = ackTimeout
    self.limits = limits
    self.reconnection = reconnection
  }
}
