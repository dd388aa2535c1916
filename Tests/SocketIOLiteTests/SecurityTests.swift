import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("TLS and proxies against python-socketio", .kind(.programs), .inTurn)
struct SecurityTests {
  /// Serves TLS with a fresh self-signed certificate for `names`; `body` gets the port and the certificate's path.
  func withServer(
    names: String, python: Peer.Python = .newest, _ body: @Sendable @escaping (Int, String) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let (certificate, key) = try await Peer.certificate(for: names, in: folder)
      try await Peer.run("server.py", ["--certificate", certificate, "--key", key], python: python) { port in
        try await body(port, certificate)
      }
    }
  }

  func echo(
    _ url: String, _ tls: SocketIOTLS, _ transports: [SocketIOTransport] = [.webSocket]
  ) async throws {
    let client = SocketIOClient(
      url: url, configuration: .patient(reconnection: nil, transports: transports, tls: tls))
    // python-engineio under aiohttp reads no long POST as a whole.
    let size = transports == [.webSocket] ? 100_000 : 1_000
    try await client.withConnection { client in
      let reply = try await client.emitWithAck("echo", "secret", Data(count: size))
      #expect(try reply.decode(String.self) == "secret")
      #expect(try reply.decode(Data.self, at: 1).count == size)
    }
  }

  @Test(
    "An authority of one's own is believed, for names and addresses, by every transport, and by a tap",
    arguments: Peer.Python.allCases)
  func authority(python: Peer.Python) async throws {
    try await withServer(names: "DNS:localhost,IP:127.0.0.1", python: python) { port, certificate in
      for transports in InteropTests.ways {
        try await echo("https://127.0.0.1:\(port)", .authority(pemFile: certificate), transports)
      }
      try await echo("wss://localhost:\(port)", .authority(pemFile: certificate))
      try await throughTap(to: "https://127.0.0.1:\(port)", .authority(pemFile: certificate))
    }
  }

  /// A tap is http itself, and reads what goes to an https server.
  private func throughTap(to upstream: String, _ tls: SocketIOTLS) async throws {
    let options = TapOptions(connectTimeout: wait, upstreamTLS: tls)
    try await SocketIOTap.withTap(upstream: upstream, options: options) { tap in
      try await echo(tap.url, .system, [.polling, .webSocket])
      #expect(tap.records().contains { $0.event.name == "echo" && $0.event.attachments.first?.count == 1_000 })
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("A certificate that nobody vouches for, or for another name, is a TLS error; insecure takes both")
  func refused() async throws {
    try await withServer(names: "DNS:elsewhere.example,IP:192.0.2.7") { port, certificate in
      for host in ["127.0.0.1", "localhost"] {
        for (tls, transport) in [
          (SocketIOTLS.system, SocketIOTransport.webSocket), (.authority(pemFile: certificate), .webSocket),
          (.authority(pemFile: certificate), .polling),
        ] {
          let error = await #expect(throws: SocketIOError.self) {
            try await echo("https://\(host):\(port)", tls, [transport])
          }
          #expect(error?.code == .tlsFailed, "\(error?.description ?? "")")
          #expect(error?.evidence.isEmpty == false && error?.message.contains("\(host):\(port)") == true)
        }
        try await echo("https://\(host):\(port)", .insecure, [.polling, .webSocket])
      }
    }
  }

  @Test("TLS towards a port that does not speak it, and an authority that is no file, are TLS errors")
  func notTLS() async throws {
    try await Peer.run("server.py") { port in
      let error = await #expect(throws: SocketIOError.self) { try await echo("wss://127.0.0.1:\(port)", .system) }
      #expect(error?.code == .tlsFailed && error?.next?.contains("http://") == true, "\(error?.description ?? "")")
    }
    let error = await #expect(throws: SocketIOError.self) {
      try await echo("https://127.0.0.1:1", .authority(pemFile: "/nowhere/ca.pem"))
    }
    #expect(error?.code == .tlsFailed && error?.message.contains("/nowhere/ca.pem") == true)
  }

  // MARK: Proxies

  @Test("The environment's proxy makes the tunnel, for http and https, by every transport")
  func proxy() async throws {
    try await withServer(names: "DNS:sts.e2e.invalid") { securePort, certificate in
      try await Peer.run("server.py") { port in
        try await Peer.run("proxy.py", ["me:secret"]) { proxy in
          let environment = [
            "http_proxy": "http://me:secret@127.0.0.1:\(proxy)", "HTTPS_PROXY": "me:secret@127.0.0.1:\(proxy)",
            "no_proxy": "direct.invalid",
          ]
          // No resolver knows this name: only the proxy finds the server.
          for url in ["http://sts.e2e.invalid:\(port)", "https://sts.e2e.invalid:\(securePort)"] {
            for transports in InteropTests.ways {
              let client = SocketIOClient(
                url: url,
                configuration: .patient(
                  reconnection: nil, transports: transports, tls: .authority(pemFile: certificate)),
                environment: environment)
              try await client.withConnection { client in
                let reply = try await client.emitWithAck("echo", 1)
                #expect(try reply.decode(Int.self) == 1)
              }
            }
          }
          let direct = SocketIOClient(
            url: "http://127.0.0.1:\(port)", configuration: .patient(),
            environment: ["http_proxy": "http://127.0.0.1:1"])
          try await direct.withConnection { _ in }
        }
      }
    }
  }

  @Test("A proxy that refuses, wants a password, is none or is not there is an error that says so")
  func proxyErrors() async throws {
    @Sendable func failure(_ url: String, _ proxy: String) async -> SocketIOError? {
      await #expect(throws: SocketIOError.self) {
        try await SocketIOClient(url: url, configuration: .patient(reconnection: nil, proxy: .url(proxy)))
          .withConnection { _ in }
      }
    }
    try await Peer.run("proxy.py", ["me:secret"]) { port in
      let forbidden = await failure("http://forbidden.invalid", "http://me:secret@127.0.0.1:\(port)")
      #expect(forbidden?.code == .proxyFailed && forbidden?.httpStatus == 403)
      #expect(forbidden?.message.contains("403 Forbidden") == true)
      #expect(forbidden?.evidence == ["CONNECT forbidden.invalid:80"])
      let anonymous = await failure("http://other.invalid", "http://127.0.0.1:\(port)")
      #expect(anonymous?.code == .proxyFailed && anonymous?.httpStatus == 407)
    }
    try await Peer.run("hostile.py") { port in
      // A server that takes CONNECT for a request of its own.
      let none = await failure("http://other.invalid/?case=x", "http://127.0.0.1:\(port)")
      #expect(none?.code == .proxyFailed, "\(none?.description ?? "")")
    }
    #expect(await failure("http://other.invalid", "http://127.0.0.1:1")?.code == .proxyFailed)
    #expect(await failure("http://other.invalid", "ftp://proxy")?.code == .invalidURL)
  }

  @Test(
    "Which proxy the environment names",
    arguments: [
      ("http://sts", ["http_proxy": "http://p:1"], "p:1"), ("ws://sts", ["http_proxy": "p:1"], "p:1"),
      ("http://sts", ["HTTP_PROXY": "http://p:1"], nil), ("http://sts", ["https_proxy": "http://p:1"], nil),
      ("https://sts", ["https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:2"], "p:1"),
      ("wss://sts", ["HTTPS_PROXY": "http://q"], "q:80"), ("http://sts", ["http_proxy": ""], nil),
      ("http://localhost:3000", ["http_proxy": "http://p:1"], nil), ("http://[::1]", ["http_proxy": "http://p:1"], nil),
      ("http://127.0.0.9", ["http_proxy": "http://p:1"], nil), ("http://127.example", ["http_proxy": "p:1"], "p:1"),
      ("http://a.sts.org", ["http_proxy": "p:1", "no_proxy": "sts.org"], nil),
      ("http://a.sts.org", ["http_proxy": "p:1", "no_proxy": "x.org, .sts.org"], nil),
      ("http://a.sts.org", ["http_proxy": "p:1", "NO_PROXY": "*.STS.org"], nil),
      ("http://asts.org", ["http_proxy": "p:1", "no_proxy": "sts.org"], "p:1"),
      ("http://sts.org:81", ["http_proxy": "p:1", "no_proxy": "sts.org:80"], "p:1"),
      ("http://sts.org:80", ["http_proxy": "p:1", "no_proxy": "sts.org:80"], nil),
      ("http://sts.org", ["http_proxy": "p:1", "no_proxy": "*"], nil),
    ] as [(String, [String: String], String?)])
  func environment(url: String, environment: [String: String], expected: String?) throws {
    let address = try SocketIOProxy.environment.address(for: SocketIOEndpoint.parse(url), in: environment)
    #expect(address.map { "\($0.host):\($0.port)" } == expected)
    #expect(try SocketIOProxy.none.address(for: SocketIOEndpoint.parse(url), in: environment) == nil)
  }
}
