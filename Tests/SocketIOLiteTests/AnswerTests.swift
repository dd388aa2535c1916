import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Polling where an answer and the end of its connection meet", .kind(.programs), .peer("answers.py"))
struct AnswerTests {
  /// One thing that the server saw.
  struct Seen: Decodable, Sendable {
    var post: [String]?
    var bytes: Int?
    /// How many polls were waiting when the POST came.
    var polls: Int?
    var poll: String?
    var head: [String]?
  }

  func client(_ name: String, _ change: (inout SocketIOConfiguration) -> Void = { _ in }) -> SocketIOClient {
    var configuration = SocketIOConfiguration.patient(reconnection: nil, transports: [.polling])
    change(&configuration)
    return SocketIOClient(url: Peer.url + "?case=\(name)", configuration: configuration)
  }

  /// What the server saw of a case, in order.
  func log(of name: String) async throws -> [Seen] {
    let client = client("log&of=\(name)")
    let log = client.events(named: "log")
    return try await client.withConnection { _ in try await log.next(timeout: wait).decode([Seen].self) }
  }

  @Test(
    "An answer counts although its connection ends with it, and the next request opens another",
    arguments: ["close", "http10", "http10-no-length", "third", "dies"])
  func lastAnswer(name: String) async throws {
    let client = client(name)
    let fine = client.events(named: "fine")
    let heard = client.events(named: "heard")
    try await client.withConnection { client in
      #expect(try await fine.next(timeout: wait).decode(Int.self) == 1)
      for number in 0..<10 {
        try await client.emit("say", "heard", number)
        #expect(try await heard.next(timeout: wait).decode(Int.self) == number)
      }
    }
  }

  @Test("Through a tap that looks at each answer an answer counts too, if only the end of its connection ends it")
  func lastAnswerThroughTap() async throws {
    let rules = [FaultRule("none", .drop, event: "none")]
    try await SocketIOTap.withTap(upstream: Peer.url, rules: rules, options: .init(connectTimeout: wait)) { tap in
      let client = SocketIOClient(
        url: tap.url + "?case=http10-no-length&of=tap",
        configuration: .patient(reconnection: nil, transports: [.polling]))
      let heard = client.events(named: "heard")
      try await client.withConnection { client in
        for number in 0..<3 {
          try await client.emit("say", "heard", number)
          #expect(try await heard.next(timeout: wait).decode(Int.self) == number)
        }
      }
      #expect(tap.records().filter { $0.event.name == "heard" }.count == 3)
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("Events that come before the answer to CONNECT are delivered behind it, in order")
  func early() async throws {
    let client = client("early")
    let all = client.allEvents()
    let (early, blob, fine) = try await client.withConnection { _ in
      (try await all.next(timeout: wait), try await all.next(timeout: wait), try await all.next(timeout: wait))
    }
    #expect(try early.name == "early" && early.decode(Int.self) == 1)
    #expect(blob.attachments == [[0, 1, 2]])
    #expect(fine.name == "fine")
  }

  @Test("An empty answer to a poll is no packet: a parse error, and no flood of requests")
  func emptyPolls() async throws {
    let client = client("empty")
    let fine = client.events(named: "fine")
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { client in
        _ = try await fine.next(timeout: wait)
        _ = try await fine.next(timeout: wait)
      }
    }
    #expect(error?.code == .malformedPacket && error?.reason == .parseError, "\(error?.description ?? "")")
  }

  @Test("Who leaves says so first and closes the session afterwards, while its poll is still open")
  func farewell() async throws {
    var seen: [Seen] = []
    // What is not said in a second is left out: on a machine that has no core for it so long, another attempt shows it.
    for attempt in 0..<10 where seen.last(where: { $0.post != nil })?.post != ["1"] {
      let client = client("farewell&of=\(attempt)")
      let fine = client.events(named: "fine")
      try await client.withConnection { client in
        _ = try await fine.next(timeout: wait)
        // More than one body takes, so that nothing of it may be left out for the farewell.
        for index in 0..<40 { _ = try client.emitVolatile("note", index) }
      }
      seen = try await log(of: "farewell\(attempt)")
    }
    let packets = seen.compactMap(\.post).flatMap { $0 }
    #expect(packets == ["40"] + (0..<40).map { "42[\"note\",\($0)]" } + ["41", "1"])
    let last = try #require(seen.last { $0.post != nil })
    // The official server acts on a packet a turn of its loop later than on the end of the session.
    #expect(last.post == ["1"])
    #expect(last.polls == 1, "the poll was closed before the farewell, which is a lost line to the server")
  }

  @Test("Bodies stay within 48 KiB and 16 packets unless one packet is longer, and all of many large events arrive")
  func bodies() async throws {
    let client = client("bodies")
    let text = String(repeating: "x", count: 60_000)
    try await client.withConnection { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<48 { group.addTask { try await client.emit("large", index, text) } }
        for index in 0..<48 { group.addTask { try await client.emit("small", index, String(text.prefix(5_000))) } }
        try await group.waitForAll()
      }
    }
    let posts = try await log(of: "bodies").filter { $0.post != nil }
    let packets = posts.flatMap { $0.post ?? [] }
    for name in ["large", "small"] { #expect(packets.filter { $0.hasPrefix("42[\"\(name)\"") }.count == 48) }
    for post in posts {
      #expect((post.bytes ?? 0) <= 48 << 10 || post.post?.count == 1)
      #expect((post.post?.count ?? 0) <= 16)
    }
  }

  @Test("Extra headers take the place of the client's own, and do not stand beside them")
  func hostHeader() async throws {
    let client = client("host") {
      $0.extraHeaders = [("Host", "sts.example"), ("content-length", "77"), ("X-Two", "a"), ("X-Two", "b")]
    }
    try await client.withConnection { client in try await client.emit("say", "heard") }
    let head = try #require(try await log(of: "host").compactMap(\.head).first)
    #expect(head.filter { $0.lowercased().hasPrefix("host:") } == ["Host: sts.example"])
    #expect(head.filter { $0.lowercased().hasPrefix("content-length:") }.count <= 1)
    #expect(!head.contains { $0.contains("77") })
    #expect(head.filter { $0.hasPrefix("X-Two:") } == ["X-Two: a", "X-Two: b"])
  }

  @Test("Polling sends the server's cookies back, and not those whose time is over")
  func cookies() async throws {
    let client = client("cookies")
    for _ in 0..<2 { try await client.withConnection { _ in } }
    let heads = try await log(of: "cookies").compactMap(\.head)
    let sent = heads.map { head in head.filter { $0.lowercased().hasPrefix("cookie:") } }
    #expect(sent == [[], ["Cookie: kept=1; stays=2; odd=3"]])
  }

  @Test("A redirect is an error that says where to")
  func redirect() async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client("redirect").withConnection { _ in } }
    #expect(error?.code == .unexpectedResponse && error?.httpStatus == 307)
    #expect(error?.description.contains("https://elsewhere.example/socket.io/") == true, "\(error?.description ?? "")")
  }

  @Test("The name and password of a URL become an Authorization header, and are in no error")
  func credentials() async throws {
    let url = Peer.url.replacing("http://", with: "http://ann:s%40cret@") + "?case=credentials"
    let configuration = SocketIOConfiguration.patient(reconnection: nil, transports: [.polling])
    try await SocketIOClient(url: url, configuration: configuration).withConnection { _ in }
    let head = try #require(try await log(of: "credentials").compactMap(\.head).first)
    #expect(head.contains("Authorization: Basic \(Data("ann:s@cret".utf8).base64EncodedString())"))
    for url in ["http://ann:s%40cret@127.0.0.1:1", "ftp://ann:s%40cret@host", "http://ann:s%40cret@host:99999"] {
      let error = await #expect(throws: SocketIOError.self) {
        try await SocketIOClient(url: url, configuration: configuration).withConnection { _ in }
      }
      #expect(error?.description.contains("cret") == false, "\(error?.description ?? "")")
    }
  }
}
