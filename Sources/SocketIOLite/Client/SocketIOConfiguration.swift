import Foundation
import NIOCore

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

    public init(
      delay: Duration = .seconds(1), maxDelay: Duration = .seconds(5), jitter: Double = 0.5, attempts: Int? = nil
    ) {
      self.delay = delay
      self.maxDelay = maxDelay
      self.jitter = min(max(jitter, 0), 1)
      self.attempts = attempts
    }

    /// The wait before attempt `attempt` (from 0), given a random number from -1 to 1.
    func wait(attempt: Int, random: Double) -> Duration {
      let doubled = delay * Int(1 << min(max(attempt, 0), 30))
      return min(doubled * (1 + random * jitter), maxDelay)
    }
  }

  /// The path of the Engine.IO endpoint, "/socket.io/" by default.
  public var path: String
  /// The namespace to join; `emit` and the queues use it.
  public var namespace: String
  /// Sent with the request to join; evaluated again at each reconnection.
  public var auth: (@Sendable () async throws -> any Encodable & Sendable)?
  /// Added to the upgrade request; a Cookie header among them takes the place of the cookies that the server set.
  public var extraHeaders: [(name: String, value: String)]
  /// Added to the URL's own query.
  public var query: [(name: String, value: String)]
  /// From the first packet to the joined namespace.
  public var connectTimeout: Duration
  /// For `emitWithAck` without a timeout of its own.
  public var ackTimeout: Duration
  public var limits: SocketIOLimits
  /// Whether a lost connection is made again. On by default, as in every Socket.IO client; nil turns it off.
  ///
  /// Only a connection that was up is made again: the first attempt fails at once with what happened.
  public var reconnection: Reconnection?

  public init(
    path: String = "/socket.io/", namespace: String = "/",
    auth: (@Sendable () async throws -> any Encodable & Sendable)? = nil,
    extraHeaders: [(name: String, value: String)] = [], query: [(name: String, value: String)] = [],
    connectTimeout: Duration = .seconds(10), ackTimeout: Duration = .seconds(10), limits: SocketIOLimits = .init(),
    reconnection: Reconnection? = .init()
  ) {
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

/// Where a client connects: a URL taken apart and checked.
struct SocketIOEndpoint: Sendable, Equatable {
  var host: String
  var port: Int
  /// Path and query of the upgrade request.
  var target: String

  /// What goes into the Host header.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == 80 ? name : "\(name):\(port)"
  }

  static func parse(
    _ url: String, path: String = "/socket.io/", query: [(name: String, value: String)] = []
  ) throws(SocketIOError) -> SocketIOEndpoint {
    guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” is not a URL", next: "write it like http://localhost:3000")
    }
    guard ["http", "ws"].contains(scheme) else {
      let secure = ["https", "wss"].contains(scheme)
      throw SocketIOError(
        .unsupportedScheme, "“\(shortened(url))” has the scheme “\(scheme)”; http and ws are spoken here",
        next: secure ? "TLS is not supported: connect to the plain port" : "write it like http://localhost:3000")
    }
    guard let host = parts.host, !host.isEmpty else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” names no host", next: "write it like http://localhost:3000")
    }
    let port = parts.port ?? 80
    guard (1...65535).contains(port) else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” has port \(port); ports go from 1 to 65535")
    }
    var target = URLComponents()
    target.path = path.hasPrefix("/") ? path : "/" + path
    target.queryItems =
      (parts.queryItems ?? []) + query.map { URLQueryItem(name: $0.name, value: $0.value) }
      + [URLQueryItem(name: "EIO", value: "4"), URLQueryItem(name: "transport", value: "websocket")]
    guard let text = target.string else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” with path “\(path)” makes no request target")
    }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    return SocketIOEndpoint(host: bare, port: port, target: text)
  }
}
