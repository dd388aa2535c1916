import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("What odd text on the wire means to a JavaScript client", .kind(.programs), .peer("hostile.py"))
struct WireTextTests {
  func client(_ name: String, _ change: (inout SocketIOConfiguration) -> Void = { _ in }) -> SocketIOClient {
    var configuration = SocketIOConfiguration.patient(reconnection: nil)
    change(&configuration)
    return SocketIOClient(url: Peer.url + "?case=\(name)", configuration: configuration)
  }

  /// The first events of a case.
  func events(_ count: Int, of name: String) async throws -> [SocketIOEvent] {
    let client = client(name)
    let all = client.allEvents()
    return try await client.withConnection { _ in try await all.collect(count, timeout: wait) }
  }

  @Test("Event names that are JSON numbers are names as JavaScript writes them")
  func numberNames() async throws {
    let events = try await events(6, of: "number-names")
    #expect(events.map(\.name) == ["7", "1", "1000", "0", "0.5", "1e+21"])
    for event in events { #expect(try event.decode(String.self) == "named" && event.argumentCount() == 1) }
  }

  @Test("Halves of surrogate pairs become U+FFFD wherever they are, and everything else stays")
  func cutText() async throws {
    let events = try await events(4, of: "cut-text")
    let cut = events[0]
    #expect(try cut.decode(String.self) == "end \u{FFFD}")
    #expect(try cut.decode(String.self, at: 1) == "\u{FFFD}\u{1F600}")
    #expect(try cut.decode([String: [String]].self, at: 2) == ["\u{FFFD}k": ["\\ud83d"]])
    #expect(events[1].name == "cut\u{FFFD}")
    #expect(events[2].name == "bytes")
    let bytes = try events[2].decode(String.self)
    #expect(bytes.hasPrefix("a\u{FFFD}") && bytes.contains("b") && bytes.hasSuffix("\u{FFFD}"))
    #expect(events[3].name == "fine")
  }

  @Test("A refusal with cut text keeps its message and its data")
  func cutRefusal() async throws {
    struct Why: Decodable { var code: Int, text: String }
    let error = await #expect(throws: SocketIOError.self) {
      try await client("refused-cut-text").withConnection { _ in }
    }
    #expect(error?.code == .connectRejected && error?.serverMessage == "cut \u{FFFD}")
    let why = try error?.decodeServerData(Why.self)
    #expect(why?.code == 7 && why?.text == "\u{FFFD}!")
  }

  @Test("White space around a packet's JSON is no error", arguments: ["line-feed", "white-space"])
  func whiteSpace(name: String) async throws {
    let event = try #require(try await events(1, of: name).first)
    #expect(try event.name == "fine" && event.decode(String.self) == "hé" && event.argumentCount() == 1)
  }

  @Test("Of a key that comes twice in an object the last one counts")
  func duplicateKeys() async throws {
    struct Inner: Decodable { var x: Int }
    struct Twice: Decodable { var a: Int, b: Inner }
    let event = try #require(try await events(1, of: "duplicate-keys").first)
    let twice = try event.decode(Twice.self)
    #expect(twice.a == 4 && twice.b.x == 2)
    #expect(event.payloadText.contains("\"a\":1"), "the payload stays as it was received")
  }

  @Test("Events between CONNECT and its answer are delivered behind it, in order, and can be answered")
  func early() async throws {
    let client = client("early-events")
    let all = client.allEvents()
    try await client.withConnection { client in
      let early = try await all.collect(3, timeout: wait)
      #expect(try early[0].decode(Int.self) == 1)
      #expect(early[1].attachments == [Array("two".utf8)])
      try await client.acknowledge(early[2], "yes")
      // What came for a namespace that was not asked for is passed over.
      #expect(try await all.next(timeout: wait).name == "fine")
    }
  }

  @Test("DISCONNECT instead of the answer to CONNECT is noticed at once")
  func leftInstead() async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client("left-instead").withConnection { _ in } }
    #expect(error?.reason == .serverDisconnect, "\(error?.description ?? "")")
  }

  @Test("NaN is delivered, and the connection stays")
  func nan() async throws {
    let events = try await events(2, of: "nan")
    #expect(events.map(\.name) == ["numbers", "fine"])
    #expect(throws: SocketIOError.self) { try events[0].decode([String: Double].self) }
  }
}
