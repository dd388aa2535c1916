import ComposeTesting
import Foundation
import SocketIOLite
import Testing

@Suite("What a URL, a path and a query mean", .kind(.logic))
struct EndpointTests {
  func target(
    _ url: String, path: String = "/socket.io/", query: [(name: String, value: String)] = []
  ) throws -> String {
    try SocketIOEndpoint.parse(url, path: path, query: query).target(.polling)
  }

  @Test("What has a meaning in a query is percent-encoded as encodeURIComponent does")
  func encoding() throws {
    let target = try target(
      "http://h?token=a+b%2Bc", query: [("t", "1+1=2&x;y"), ("&a", "&=?a"), ("path", "/a b/é"), ("ok", "-_.!~*'()")])
    #expect(
      target == "/socket.io/?token=a%2Bb%2Bc&t=1%2B1%3D2%26x%3By&%26a=%26%3D%3Fa&path=%2Fa%20b%2F%C3%A9"
        + "&ok=-_.!~*'()&EIO=4&transport=polling")
  }

  @Test("A path gets the slashes that it lacks")
  func slashes() throws {
    for path in ["/socket.io/", "/socket.io", "socket.io", "socket.io/"] {
      #expect(try target("http://h", path: path) == "/socket.io/?EIO=4&transport=polling")
    }
    #expect(try target("http://h", path: "/") == "/?EIO=4&transport=polling")
    #expect(try target("http://h", path: "/a/b") == "/a/b/?EIO=4&transport=polling")
  }

  @Test("A path in the URL is the namespace, unless something else is said")
  func namespaces() throws {
    func name(_ url: String, _ configured: String = "/", path: String = "/socket.io/") throws -> String {
      try SocketIOEndpoint.namespace(of: url, configured, path: path)
    }
    #expect(try name("http://h") == "/" && name("http://h/") == "/" && name("http://h/?a=b") == "/")
    #expect(try name("http://h/admin?token=1") == "/admin" && name("http://h/a%20b/c") == "/a%20b/c")
    #expect(try name("http://h", "admin") == "/admin" && name("http://h/admin", "/admin") == "/admin")
    for (url, configured, advice) in [
      ("http://h/socket.io", "/", "configuration.path"), ("http://h/socket.io/", "/x", "configuration.path"),
      ("http://h/a", "/b", "in one place"), ("http://h", "/x?token=1", "auth"),
    ] {
      let error = #expect(throws: SocketIOError.self) { try name(url, configured) }
      #expect(error?.code == .invalidURL && error?.next?.contains(advice) == true, "\(error?.description ?? "")")
    }
    #expect(throws: SocketIOError.self) { try name("http://h", "/a,b") }
    #expect(try name("http://h/socket.io", path: "/other") == "/socket.io")
  }

  @Test("A namespace with a query is an error when it is joined, and connecting with one is too")
  func namespaceWithQuery() async throws {
    let client = SocketIOClient(url: "http://127.0.0.1:1/x", configuration: .init(namespace: "/x?token=1"))
    let error = await #expect(throws: SocketIOError.self) { try await client.connect() }
    #expect(error?.code == .invalidURL)
    let other = await #expect(throws: SocketIOError.self) { try await client.join(client.namespace("/y?token=1")) }
    #expect(other?.code == .invalidURL)
  }
}
