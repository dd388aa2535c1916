import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where a client connects: a URL taken apart and checked.
package struct SocketIOEndpoint: Sendable, Equatable {
  package var host: String
  package var port: Int
  package var isSecure = false
  /// What the URL's name and password are to the server, as the value of an Authorization header.
  private(set) var authorization: String?
  /// Percent-encoded: the path, and the query that is the caller's own.
  private var path: String
  private var query: String

  /// What goes into the Host header.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Whether the host is a numeric address.
  var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

  /// Whether the host can only be this machine.
  var isLoopback: Bool { host.lowercased() == "localhost" || host == "::1" || (host.hasPrefix("127.") && isAddress) }

  /// Path and query of a request of this transport, in the session `sid` if there is one.
  package func target(_ transport: SocketIOTransport, sid: String? = nil) -> String {
    let session = sid.map { "&sid=\(Self.encoded($0))" } ?? ""
    return "\(path)?\(query)EIO=4&transport=\(transport.rawValue)\(session)"
  }

  package static func parse(
    _ url: String, path: String = "/socket.io/", query: [(name: String, value: String)] = []
  ) throws(SocketIOError) -> SocketIOEndpoint {
    let shown = shown(url)
    guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
      throw SocketIOError(.invalidURL, "“\(shown)” is not a URL", next: "write it like http://localhost:3000")
    }
    guard ["http", "ws", "https", "wss"].contains(scheme) else {
      throw SocketIOError(
        .unsupportedScheme, "“\(shown)” has the scheme “\(scheme)”; http, https, ws and wss are spoken here",
        next: "write it like http://localhost:3000")
    }
    guard let host = parts.host, !host.isEmpty else {
      throw SocketIOError(.invalidURL, "“\(shown)” names no host", next: "write it like http://localhost:3000")
    }
    let isSecure = scheme == "https" || scheme == "wss"
    let port = parts.port ?? (isSecure ? 443 : 80)
    guard (1...65535).contains(port) else {
      throw SocketIOError(.invalidURL, "“\(shown)” has port \(port); ports go from 1 to 65535")
    }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    let own = (parts.queryItems ?? []).map { (name: $0.name, value: $0.value ?? "") } + query
    return SocketIOEndpoint(
      host: bare, port: port, isSecure: isSecure,
      authorization: parts.user.map { "Basic " + Data("\($0):\(parts.password ?? "")".utf8).base64EncodedString() },
      path: encoded(path: path), query: own.map { "\(encoded($0.name))=\(encoded($0.value))&" }.joined())
  }

  // MARK: Encoding

  /// A path with the slashes that every server wants at both ends.
  private static func encoded(path: String) -> String {
    var parts = URLComponents()
    parts.path = (path.hasPrefix("/") ? "" : "/") + path + (path.hasSuffix("/") ? "" : "/")
    return parts.percentEncodedPath
  }

  /// As JavaScript's encodeURIComponent: URLComponents would leave "+", which servers read as a space, and ";".
  private static func encoded(_ text: String) -> String {
    let kept = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()".utf8)
    let digits = Array("0123456789ABCDEF")
    return text.utf8.reduce(into: "") { encoded, byte in
      if kept.contains(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }

  /// A URL for an error: shortened, and without the name and password in it.
  static func shown(_ url: String) -> String {
    let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
    let authority = url[start...].prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return shortened(url) }
    return shortened(url[..<start] + "***" + url[at...])
  }

  // MARK: Namespace

  /// The namespace that a URL and a configuration ask for: the URL's path is one, as in the JavaScript client.
  ///
  /// Throws `invalidURL`, with what to write instead, if they contradict each other or it cannot be one.
  package static func namespace(of url: String, _ configured: String, path: String) throws(SocketIOError) -> String {
    let named = URLComponents(string: url)?.percentEncodedPath ?? ""
    let configured = try checkedNamespace(configured)
    guard !named.isEmpty, named != "/" else { return configured }
    guard encoded(path: named) != encoded(path: path) else {
      throw SocketIOError(
        .invalidURL, "the path of “\(shown(url))” would be a namespace, and it is the path of the server's endpoint",
        next: "leave it out: configuration.path says where the endpoint is")
    }
    guard configured == "/" || configured == named else {
      throw SocketIOError(
        .invalidURL, "“\(shown(url))” names namespace \(named) and the configuration names \(configured)",
        next: "name it in one place; an endpoint elsewhere than at /socket.io/ goes into configuration.path")
    }
    return try checkedNamespace(named)
  }

  /// A namespace's name with its slash; throws `invalidURL` for one that no server could tell from another.
  static func checkedNamespace(_ name: String) throws(SocketIOError) -> String {
    let name = normalizedNamespace(name)
    if name.contains("?") {
      throw SocketIOError(
        .invalidURL, "namespace “\(shortened(name))” has a query, which servers cut off",
        next: "say it in auth, which each namespace has, or in configuration.query, which the connection has")
    }
    if name.contains(",") {
      throw SocketIOError(.invalidURL, "namespace “\(shortened(name))” has a comma, which ends it on the wire")
    }
    return name
  }

  static func normalizedNamespace(_ name: String) -> String { name.hasPrefix("/") ? name : "/" + name }
}
