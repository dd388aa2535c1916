import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Client against a server that breaks the protocol", .kind(.programs), .peer("hostile.py"))
struct HostileServerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var code: SocketIOError.Code
    /// What the error must quote of what was received.
    var quotes: String
    var testDescription: String { name }

    init(_ name: String, _ code: SocketIOError.Code, quotes: String = "") {
      self.name = name
      self.code = code
      self.quotes = quotes
    }
  }

  func client(_ name: String, limits: SocketIOLimits = .init(), connectTimeout: Duration = wait) -> SocketIOClient {
    SocketIOClient(
      url: Peer.url + "?case=\(name)",
      configuration: .init(connectTimeout: connectTimeout, limits: limits, reconnection: nil))
  }

  @Test(
    "A broken handshake is a typed error that quotes what came",
    arguments: [
      Case("no-sid", .malformedPacket, quotes: "upgrades"),
      Case("no-ping-interval", .malformedPacket, quotes: "pingTimeout"),
      Case("handshake-not-json", .malformedPacket, quotes: "hello"),
      Case("handshake-not-first", .malformedPacket, quotes: "early"),
      Case("empty-message", .malformedPacket),
      Case("unknown-packet", .malformedPacket, quotes: "9what"),
      Case("binary-first", .malformedPacket),
      Case("opened-twice", .malformedPacket, quotes: "sid"),
      Case("version-2", .unsupportedVersion, quotes: "“0”"),
      Case("huge-length", .limitExceeded),
      Case("reserved-bit", .malformedPacket),
      Case("unknown-opcode", .malformedPacket),
      Case("close-after-open", .disconnected),
      Case("refused", .connectRejected, quotes: "go away"),
      Case("refused-bare", .connectRejected, quotes: "no"),
      Case("not-http", .unexpectedResponse, quotes: "GET /socket.io/"),
      Case("error-page", .unexpectedResponse, quotes: "This is the wrong service"),
      Case("large-headers", .limitExceeded, quotes: "65536"),
      Case("close-at-once", .unexpectedResponse),
      Case("wrong-accept", .unexpectedResponse),
    ])
  func handshake(_ broken: Case) async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client(broken.name).withConnection { _ in } }
    #expect(error?.code == broken.code, "\(error?.description ?? "")")
    let text = error?.description ?? ""
    #expect(text.contains(broken.quotes) || broken.quotes.isEmpty, "\(text)")
  }

  @Test("An error page keeps its status")
  func errorPage() async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client("error-page").withConnection { _ in } }
    #expect(error?.httpStatus == 404)
  }

  @Test(
    "A server that says nothing is given up after the connect timeout",
    arguments: ["never-answers", "silent-after-open"])
  func silence(name: String) async throws {
    let error = await #expect(throws: SocketIOError.self) {
      try await client(name, connectTimeout: .milliseconds(300)).withConnection { _ in }
    }
    #expect(error?.code == .connectTimedOut)
  }

  @Test(
    "Broken packets end this connection, and whoever waits learns which",
    arguments: [
      Case("text-among-attachments", .malformedPacket, quotes: "next"),
      Case("attachment-of-nothing", .malformedPacket),
      Case("too-many-attachments", .limitExceeded, quotes: "99999"),
      Case("no-attachment-count", .malformedPacket, quotes: "blobs"),
      Case("not-an-array", .malformedPacket, quotes: "a"),
      Case("no-name", .malformedPacket, quotes: "[]"),
      Case("true-as-name", .malformedPacket, quotes: "[true]"),
      Case("unterminated", .malformedPacket, quotes: "name"),
      Case("id-too-large", .malformedPacket, quotes: "9999"),
      Case("ack-without-id", .malformedPacket),
      Case("continuation-of-nothing", .malformedPacket),
      Case("message-in-message", .malformedPacket),
      Case("too-long-in-parts", .limitExceeded),
      Case("engine-close", .disconnected),
      Case("socket-close", .disconnected),
      Case("close-after-connect", .disconnected),
    ])
  func packets(_ broken: Case) async throws {
    let client = client(broken.name, limits: .init(maxMessageBytes: 1_000_000))
    let events = client.events(named: "never")
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { _ in _ = try await events.next(timeout: wait) }
    }
    #expect(error?.code == broken.code, "\(error?.description ?? "")")
    #expect((error?.reason == .parseError) == (broken.code != .disconnected))
    let text = error?.description ?? ""
    #expect(text.contains(broken.quotes) || broken.quotes.isEmpty, "\(text)")
  }

  @Test(
    "What is unusual but right is understood",
    arguments: ["split-frames", "duplicate-ack", "ping-flood", "pinged", "escaped-name", "drip"])
  func unusual(name: String) async throws {
    let client = client(name)
    let events = client.events(named: "fine")
    try await client.withConnection { _ in
      let event = try await events.next(timeout: wait)
      #expect(try event.decode(String.self) == "hé")
    }
  }

  @Test("An answer in another namespace is not the answer, even under the same id")
  func foreignAcknowledgement() async throws {
    let answer = try await client("foreign-ack").withConnection { try await $0.emitWithAck("ask", timeout: wait) }
    #expect(try answer.decode(String.self) == "right")
  }

  @Test("Cookies that the server set come back at the next connection, deleted and broken ones do not, one's own win")
  func cookies() async throws {
    func sent(by client: SocketIOClient) async throws -> [String] {
      let events = client.events(named: "cookies")
      return try await client.withConnection { _ in try await events.next(timeout: wait).decode([String].self) }
    }
    let client = client("cookies")
    #expect(try await sent(by: client) == [])
    #expect(try await sent(by: client) == ["route=a=1; last=z"])
    var configuration = client.configuration
    configuration.extraHeaders = [("cookie", "mine=1")]
    let own = SocketIOClient(url: client.url, configuration: configuration)
    for _ in 0..<2 { #expect(try await sent(by: own) == ["mine=1"]) }
  }

  @Test("A server that does not read holds emit back, and a volatile event is refused rather than piled up")
  func neverReads() async throws {
    let sending = try await client("never-reads").withConnection { client in
      let sending = Task { try await client.emit("large", Data(count: 30_000_000)) }
      try await eventually("the socket is full") { try !client.emitVolatile("position", 1) }
      return sending
    }
    // It was held back to the end: had it returned before, there would be no error.
    let error = await #expect(throws: SocketIOError.self) { try await sending.value }
    #expect(error?.code == .disconnected, "\(error?.description ?? "")")
  }

  @Test("An attempt that is given up closes its connection")
  func givenUp() async throws {
    let error = await #expect(throws: SocketIOError.self) {
      try await client("never-answers", connectTimeout: .milliseconds(300)).withConnection { _ in }
    }
    #expect(error?.code == .connectTimedOut)
    try await eventually("the server sees it close") {
      let client = client("waiting")
      let waiting = client.events(named: "waiting")
      return try await client.withConnection { _ in try await waiting.next(timeout: wait).decode(Int.self) } == 0
    }
  }

  @Test(
    "URLs that cannot be used are refused before anything is sent",
    arguments: [
      ("", SocketIOError.Code.invalidURL), ("not a url", .invalidURL), ("localhost:3000", .unsupportedScheme),
      ("ftp://localhost", .unsupportedScheme), ("http://", .invalidURL),
      ("http://localhost:0", .invalidURL), ("http://localhost:99999", .invalidURL), ("http://[::1", .invalidURL),
    ])
  func urls(url: String, code: SocketIOError.Code) async throws {
    let error = await #expect(throws: SocketIOError.self) {
      try await SocketIOClient(url: url, configuration: .patient()).withConnection { _ in }
    }
    #expect(error?.code == code, "\(error?.description ?? "")")
  }

  @Test("A refused connection and an unknown host are errors that name the address")
  func refused() async throws {
    // Port 1 is tcpmux, which nothing serves.
    for url in ["http://127.0.0.1:1", "http://no-such-host.invalid:80"] {
      let error = await #expect(throws: SocketIOError.self) {
        try await SocketIOClient(url: url, configuration: .patient()).withConnection { _ in }
      }
      #expect(error?.code == .cannotConnect)
      #expect(error?.description.contains(url.contains("127") ? "127.0.0.1 port 1" : "no-such-host.invalid") == true)
    }
  }
}
