#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which HTTP proxy a client goes through; it is asked for a tunnel (CONNECT), for http as well as for https.
public enum SocketIOProxy: Sendable, Hashable {
  /// `http_proxy` for http and ws, `https_proxy` (or in capitals) for https and wss, unless `no_proxy` names the host.
  ///
  /// As in curl `HTTP_PROXY` in capitals is not read, because a CGI program's environment has it from its caller; as in Go
  /// nothing on the loopback interface goes through a proxy.
  case environment
  /// No proxy, whatever the environment says.
  case none
  /// This one, like `http://user:password@proxy:3128`, for every host.
  case url(String)

  /// The proxy for an endpoint, or nil for none; throws `invalidURL` if what is named is no proxy's URL.
  package func address(for endpoint: SocketIOEndpoint, in environment: [String: String]) throws(SocketIOError)
    -> ProxyAddress?
  {
    switch self {
    case .none: return nil
    case .url(let url): return try ProxyAddress.parse(url, from: "the configuration")
    case .environment:
      let names = endpoint.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
      guard let (name, url) = Self.first(of: names, in: environment), !endpoint.isLoopback else { return nil }
      let exceptions = Self.first(of: ["no_proxy", "NO_PROXY"], in: environment)?.value ?? ""
      return Self.isExcepted(endpoint, exceptions) ? nil : try ProxyAddress.parse(url, from: name)
    }
  }

  private static func first(of names: [String], in environment: [String: String]) -> (name: String, value: String)? {
    for name in names {
      if let value = environment[name], !value.isEmpty { return (name, value) }
    }
    return nil
  }

  /// `no_proxy` is a list of hosts with their subdomains, optionally with a port; `*` is every host.
  private static func isExcepted(_ endpoint: SocketIOEndpoint, _ list: String) -> Bool {
    let host = endpoint.host.lowercased()
    return list.lowercased().split(whereSeparator: { $0 == "," || $0 == " " }).contains { entry in
      var name = entry.drop { $0 == "*" && entry != "*" }.drop { $0 == "." }
      if name == "*" { return true }
      if let colon = name.lastIndex(of: ":"), name.firstIndex(of: ":") == colon {
        guard name[name.index(after: colon)...] == "\(endpoint.port)" else { return false }
        name = name[..<colon]
      }
      return host == name || host.hasSuffix(".\(name)")
    }
  }
}

/// A proxy's URL taken apart.
package struct ProxyAddress: Sendable, Equatable {
  package var host: String
  package var port: Int
  /// The value of Proxy-Authorization.
  var authorization: String?

  static func parse(_ url: String, from origin: String) throws(SocketIOError) -> ProxyAddress {
    let full = url.contains("://") ? url : "http://" + url
    guard let parts = URLComponents(string: full), let host = parts.host, !host.isEmpty, parts.scheme == "http" else {
      throw SocketIOError(
        .invalidURL, "the proxy “\(shortened(url))” of \(origin) cannot be used",
        next: "write it like http://proxy:3128")
    }
    let authorization = parts.user.map { user in
      "Basic " + Data("\(user):\(parts.password ?? "")".utf8).base64EncodedString()
    }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    return ProxyAddress(host: bare, port: parts.port ?? 80, authorization: authorization)
  }
}
