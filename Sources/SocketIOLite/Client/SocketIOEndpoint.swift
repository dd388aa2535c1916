import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where a client connects: a URL taken apart and checked.
struct SocketIOEndpoint: Sendable, Equatable {
  var host: String
  var port: Int
  var isSecure = false
  /// The request target up to and with the question mark, and the query that is the caller's own.
  private var path: String
  private var query: [URLQueryItem]

  /// What goes into the Host header.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Whether the host is a numeric address.
  var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

  /// Whether the host can only be this machine.
  var isLoopback: Bool { host.lowercased() == "localhost" || host == "::1" || (host.hasPrefix("127.") && isAddress) }

  /// Path and query of a request of this transport, in the session `sid` if there is one.
  func target(_ transport: SocketIOTransport, sid: String? = nil) -> String {
    var target = URLComponents()
    target.path = path
    var items = query
    items.append(URLQueryItem(name: "EIO", value: "4"))
    items.append(URLQueryItem(name: "transport", value: transport.rawValue))
    if let sid { items.append(URLQueryItem(name: "sid", value: sid)) }
    target.queryItems = items
    // A path that starts with a slash, and items, always make a text.
    return target.string ?? path
  }

  static func parse(
    _ url: String, path: String = "/socket.io/", query: [(name: String, value: String)] = []
  ) throws(SocketIOError) -> SocketIOEndpoint {
    guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” is not a URL", next: "write it like http://localhost:3000")
    }
    guard ["http", "ws", "https", "wss"].contains(scheme) else {
      throw SocketIOError(
        .unsupportedScheme,
        "“\(shortened(url))” has the scheme “\(scheme)”; http, https, ws and wss are spoken here",
        next: "write it like http://localhost:3000")
    }
    guard let host = parts.host, !host.isEmpty else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” names no host", next: "write it like http://localhost:3000")
    }
    let isSecure = scheme == "https" || scheme == "wss"
    let port = parts.port ?? (isSecure ? 443 : 80)
    guard (1...65535).contains(port) else {
      throw SocketIOError(.invalidURL, "“\(shortened(url))” has port \(port); ports go from 1 to 65535")
    }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    return SocketIOEndpoint(
      host: bare, port: port, isSecure: isSecure, path: path.hasPrefix("/") ? path : "/" + path,
      query: (parts.queryItems ?? []) + query.map { URLQueryItem(name: $0.name, value: $0.value) })
  }
}
