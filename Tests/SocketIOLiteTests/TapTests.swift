import ComposeTesting
import Foundation
import SocketIOLite
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

private let wait: Duration = .seconds(60)

@Suite("Tap between the client and python-socketio", .kind(.programs), .peer("server.py"))
struct TapTests {
  struct Counted: Codable, Sendable { var index: Int }

  func counted(_ event: SocketIOEvent) -> Int? { try? event.decode(Counted.self).index }

  /// Connects through a tap and hands over both.
  /// On a machine that runs everything at once, a connection over loopback may take many seconds.
  private let patient = TapOptions(connectTimeout: .seconds(60))

  func withTap(
    rules: [FaultRule] = [], _ body: (SocketIOTap, SocketIOClient, EventQueue<SocketIOEvent>) async throws -> Void
  ) async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, rules: rules, options: patient) { tap in
      let client = SocketIOClient(url: tap.url, configuration: .patient(reconnection: nil))
      let events = client.events(named: "counted")
      try await client.withConnection { try await body(tap, $0, events) }
    }
  }

  @Test("Both directions are recorded with names, payloads, attachments and ack ids")
  func records() async throws {
    try await withTap { tap, client, _ in
      let blobs = tap.events(named: "blobs", .toClient)
      let otherWay = tap.events(named: "echo", .toClient)
      _ = try await client.emitWithAck("echo", ["k": Data([1, 2, 3])], "text")
      try await client.emit("binary")
      let blob = try await blobs.next(timeout: wait)
      #expect(blob.event.attachments == [Array("one".utf8), [0, 255], [], Array("last".utf8)])
      let records = tap.records()
      let asked = try #require(records.first { $0.event.name == "echo" })
      #expect(asked.direction == .toServer && asked.event.attachments == [[1, 2, 3]])
      #expect(try asked.event.decode([String: Data].self) == ["k": Data([1, 2, 3])])
      let answered = try #require(records.first { $0.kind == .acknowledgement })
      #expect(answered.direction == .toClient && answered.event.ackID == asked.event.ackID)
      #expect(otherWay.count == 0)
      #expect(records.prefix(2).map(\.kind) == [.connect, .connect])
      #expect(records.prefix(2).map(\.direction) == [.toServer, .toClient])
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("Thousands of events and megabytes pass unharmed, with and without rules", arguments: [false, true])
  func volume(withRules: Bool) async throws {
    let rules = withRules ? [FaultRule("never", .drop, event: "no such event")] : []
    try await SocketIOTap.withTap(upstream: Peer.url, rules: rules, options: patient) { tap in
      let client = SocketIOClient(url: tap.url, configuration: .patient())
      let events = client.events(named: "counted", capacity: 2_000)
      try await client.withConnection { client in
        try await client.emit("count", 1_000, 300)
        let received = try await events.collect(1_000, timeout: wait)
        #expect(received.map(counted) == (0..<1_000).map(Optional.some))
        let text = String(repeating: "0123456789", count: 100_000)
        let reply = try await client.emitWithAck("echo", text, Data(count: 500_000), timeout: wait)
        #expect(try reply.decode(String.self) == text)
        #expect(try reply.decode(Data.self, at: 1).count == 500_000)
      }
      #expect(tap.records().filter { $0.event.name == "counted" }.count == 1_000)
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("HTTP passes: health checks, bodies, keep-alive, HEAD")
  func http() async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, options: patient) { tap in
      let (health, _) = try await URLSession.shared.data(from: #require(URL(string: tap.url + "/health?size=200000")))
      #expect(health.count == 200_005)
      var head = URLRequest(url: try #require(URL(string: tap.url + "/health")))
      head.httpMethod = "HEAD"
      let (_, headResponse) = try await URLSession.shared.data(for: head)
      #expect((headResponse as? HTTPURLResponse)?.statusCode == 200)
      var post = URLRequest(url: try #require(URL(string: tap.url + "/length")))
      post.httpMethod = "POST"
      post.httpBody = Data(count: 300_000)
      let (length, _) = try await URLSession.shared.data(for: post)
      #expect(String(decoding: length, as: UTF8.self) == "300000")
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test(
    "python-socketio's own client passes by polling, upgrade and WebSocket alike",
    arguments: ["polling", "websocket", "both"])
  func pythonClient(transports: String) async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, options: patient) { tap in
      let lines = try await Peer.output("client.py", [tap.url, transports])
      #expect(lines == "echo héllo 5\ncounted 12\n")
      // A tap forwards first and reads afterwards: the client may be gone by then.
      try await eventually("the last is recorded") { tap.records().contains { counted($0.event) == 11 } }
      let records = tap.records()
      #expect(records.filter { $0.event.name == "counted" }.compactMap { counted($0.event) } == Array(0..<12))
      #expect(records.first { $0.event.name == "echo" }?.event.attachments == [Array("bytes".utf8)])
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("An upstream may start later, change, and be missing")
  func upstream() async throws {
    let options = TapOptions(connectTimeout: .seconds(1))
    try await SocketIOTap.withTap(upstream: nil, options: options) { tap in
      let url = try #require(URL(string: tap.url + "/health"))
      let (text, response) = try await URLSession.shared.data(from: url)
      #expect((response as? HTTPURLResponse)?.statusCode == 502)
      #expect(String(decoding: text, as: UTF8.self).contains("no upstream"))
      let error = await #expect(throws: SocketIOError.self) {
        try await SocketIOClient(url: tap.url, configuration: .patient()).withConnection { _ in }
      }
      #expect(error?.code == .unexpectedResponse && error?.httpStatus == 502)
      try tap.setUpstream(Peer.url)
      try await SocketIOClient(url: tap.url, configuration: .patient()).withConnection {
        _ = try await $0.emitWithAck("echo")
      }
      #expect(throws: SocketIOError.self) { try tap.setUpstream("not a url") }
    }
  }

  @Test("A client waits for an upstream that starts after it")
  func lateUpstream() async throws {
    try await SocketIOTap.withTap(upstream: nil, options: patient) { tap in
      async let reply: Void = SocketIOClient(url: tap.url, configuration: .patient()).withConnection {
        _ = try await $0.emitWithAck("echo")
      }
      try tap.setUpstream(Peer.url)
      try await reply
    }
  }

  @Test("Dropped, duplicated and reordered events: only the n-th that matches, seen in the records")
  func faults() async throws {
    let rules = [
      FaultRule("lose the 2nd", .drop, event: "counted", direction: .toClient, occurrence: .nth(2)),
      FaultRule("double the 4th", .duplicate, event: "counted", occurrence: .nth(4)),
      FaultRule("swap the 6th", .reorder(), event: "counted", occurrence: .nth(6)),
    ]
    try await withTap(rules: rules) { tap, client, events in
      try await client.emit("count", 8, 1)
      let indices = try await events.collect(8, timeout: wait).map(counted)
      #expect(indices == [0, 2, 3, 3, 4, 6, 5, 7])
      let faults = tap.records().filter { $0.event.name == "counted" }.map(\.faults)
      #expect(faults == [[], ["lose the 2nd"], [], ["double the 4th"], [], ["swap the 6th"], [], []])
    }
  }

  @Test(
    "Rules act on the client's events by polling as over a WebSocket",
    arguments: [SocketIOTransport.polling, .webSocket])
  func rulesAndTransports(transport: SocketIOTransport) async throws {
    let rules = [
      FaultRule("lose", .drop, event: "counted", occurrence: .nth(2)),
      FaultRule("swap", .reorder(), event: "counted", occurrence: .nth(4)),
    ]
    try await SocketIOTap.withTap(upstream: Peer.url, rules: rules, options: patient) { tap in
      let client = SocketIOClient(url: tap.url, configuration: .patient(reconnection: nil, transports: [transport]))
      let events = client.events(named: "counted")
      try await client.withConnection { client in
        try await client.emit("count", 6, 1)
        #expect(try await events.collect(5, timeout: wait).map(counted) == [0, 2, 4, 3, 5])
      }
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
      #expect(Set(tap.records().map(\.session)).count == 1 && tap.records().allSatisfy { $0.session != nil })
    }
  }

  @Test("A delayed event keeps its place, or is overtaken if asked", arguments: [true, false])
  func delay(keepingOrder: Bool) async throws {
    let rule = FaultRule(
      "late", .delay(.seconds(2), keepingOrder: keepingOrder), event: "counted",
      where: { (try? $0.decode(Counted.self).index) == 1 })
    try await withTap(rules: [rule]) { tap, client, events in
      let sent = ContinuousClock.now
      try await client.emit("count", 4, 1)
      let received = try await events.collect(4, timeout: wait)
      #expect(received.map(counted) == (keepingOrder ? [0, 1, 2, 3] : [0, 2, 3, 1]))
      let late = try #require(received.first { counted($0) == 1 })
      #expect(tap.records().count { $0.faults == ["late"] } == 1)
      // The delay counts from when the tap read it, which is after it was asked for.
      #expect(late.time - sent >= .seconds(2))
    }
  }

  @Test("Replaced payloads and attachments arrive changed, in both directions")
  func replace() async throws {
    let rules = [
      FaultRule(
        "shout",
        .replace {
          FaultPayload(
            payload: Array(String(decoding: $0.payload, as: UTF8.self).uppercased().utf8), attachments: $0.attachments)
        },
        event: "echo", direction: .toServer, where: { $0.attachments.isEmpty }),
      FaultRule("cut", .truncate(bytes: 2), event: "lengths"),
    ]
    try await withTap(rules: rules) { tap, client, _ in
      #expect(try await client.emitWithAck("echo", "quiet").decode(String.self) == "QUIET")
      let reply = try await client.emitWithAck("lengths", Data(count: 7), Data(count: 1))
      #expect(reply.payloadText == "[[2,1]]")
      #expect(tap.records().first { $0.event.name == "lengths" }?.event.attachments.map(\.count) == [7, 1])
    }
  }

  @Test("Truncated JSON arrives broken and is an error for this connection only")
  func truncate() async throws {
    try await withTap(rules: [FaultRule("break", .truncate(bytes: 5), event: "counted")]) { _, client, events in
      try await client.emit("count", 1, 1)
      let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(error?.code == .malformedPacket && error?.reason == .parseError)
    }
  }

  @Test("A disconnecting rule cuts the connection; rules set later act, and removed ones no longer do")
  func disconnectAndChange() async throws {
    try await withTap { tap, client, events in
      try await client.emit("count", 1, 1)
      _ = try await events.next(timeout: wait)
      tap.addRule(FaultRule("lose", .drop, event: "counted"))
      try await client.emit("count", 1, 1)
      let seen = tap.events(named: "counted")
      try await client.emit("count", 1, 1)
      _ = try await seen.first(timeout: wait) { $0.faults == ["lose"] }
      tap.removeRule(named: "lose")
      _ = try await client.emitWithAck("echo")
      _ = events.drain()
      try await client.emit("count", 1, 1)
      _ = try await events.next(timeout: wait)
      tap.setRules([FaultRule("cut", .disconnect, event: "counted")])
      try await client.emit("count", 1, 1)
      let error = await #expect(throws: SocketIOError.self) { try await events.next(timeout: wait) }
      #expect(error?.code == .disconnected)
    }
  }

  @Test("Two addresses share one port; an address that is not here is an error that names it")
  func addresses() async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, listen: .loopback(and: ["127.0.0.2"]), options: patient) { tap in
      for host in ["127.0.0.1", "127.0.0.2"] {
        try await SocketIOClient(url: "http://\(host):\(tap.port)", configuration: .patient()).withConnection {
          _ = try await $0.emitWithAck("echo")
        }
      }
    }
    let error = await #expect(throws: SocketIOError.self) {
      try await SocketIOTap.withTap(upstream: nil, listen: .loopback(and: ["192.0.2.1"])) { _ in }
    }
    #expect(error?.code == .tapFailed && error?.message.contains("192.0.2.1") == true)
  }

  @Test("A tap that ends ends its connections and queues")
  func end() async throws {
    let url = Peer.url
    let client = SocketIOClient(url: url, configuration: .patient())
    #expect(!client.isConnected)
    let queue = try await SocketIOTap.withTap(upstream: url, options: patient) { tap in
      let queue = tap.allRecords()
      try await SocketIOClient(url: tap.url, configuration: .patient()).withConnection {
        _ = try await $0.emitWithAck("echo")
      }
      return queue
    }
    #expect(queue.drain().count >= 4)
    await #expect(throws: SocketIOError.self) { try await queue.next(timeout: wait) }
  }

  @Test("A tap that is told its upstream later hears a question and its answer, and how long it took")
  func listenIn() async throws {
    try await SocketIOTap.withTap(upstream: nil, options: patient) { tap in
      let asked = tap.events(named: "say", .toServer)
      let answered = tap.events(named: "said", .toClient)
      try tap.setUpstream(Peer.url)
      try await SocketIOClient(url: tap.url, configuration: .patient()).withConnection { client in
        try await client.emit("say", "said", 7)
        let question = try await asked.next(timeout: wait)
        let answer = try await answered.next(timeout: wait)
        #expect(question.event.payloadText == #"["said",7]"#)
        #expect(try answer.event.decode(Int.self) == 7)
        #expect(answer.time > question.time)
      }
    }
  }

  @Test("The third answer is lost, and its record names the rule that lost it")
  func loseTheThird() async throws {
    let rule = FaultRule("lose the third", .drop, event: "counted", direction: .toClient, occurrence: .nth(3))
    try await SocketIOTap.withTap(upstream: Peer.url, rules: [rule], options: patient) { tap in
      let lost = tap.queue { $0.faults.contains("lose the third") }
      let client = SocketIOClient(url: tap.url, configuration: .patient())
      let arrived = client.events(named: "counted")
      try await client.withConnection { client in
        try await client.emit("count", 4, 1)
        let indexes = try await arrived.collect(3, timeout: wait).map { try $0.decode(Counted.self).index }
        #expect(indexes == [0, 1, 3])
        #expect(try await lost.next(timeout: wait).event.decode(Counted.self).index == 2)
      }
    }
  }
}
