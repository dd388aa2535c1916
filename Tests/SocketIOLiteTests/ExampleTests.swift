import ComposeTesting
import Foundation
import SocketIOLite
import Testing

/// The examples of the articles, word for word but for what stands in `ArticleExamples.literals`.
@Suite("What the articles show does what they say", .kind(.programs), .peer("sts.py"))
struct ExampleTests {
  private var url: String { Peer.url }

  // MARK: The landing page

  @Test("Five fragments are sent and their answers collected")
  func overview() async throws {
    let client = SocketIOClient(url: url)
    let processed = client.events(named: "fragment:processed")
    try await client.withConnection { client in
      for number in 0..<5 {
        try await client.emit("fragment:data", ["fragment_id": "f-\(number)"])
      }
      let events = try await processed.collect(5, timeout: .seconds(30))
      print(try events.map { try $0.decode(Processed.self).fragmentID })
    }
  }

  struct Processed: Decodable {
    var fragmentID: String
    var transcript: String
    var dubbedAudio: Data

    enum CodingKeys: String, CodingKey {
      case fragmentID = "fragment_id"
      case transcript
      case dubbedAudio = "dubbed_audio"
    }
  }

  @Test("States are told one after another")
  func states() async throws {
    let client = SocketIOClient(url: url)
    let watching = Task {
      for await state in client.states() {
        print(state)  // connecting, connected, reconnecting, attempt 1, after transport close …
      }
    }
    try await client.withConnection { _ in }
    watching.cancel()
  }

  // MARK: Connect

  @Test("A connection that ends with a closure, and one that is ended by hand")
  func lifetimes() async throws {
    let client = SocketIOClient(url: url)
    try await client.withConnection { client in
      try await client.emit("fragment:data", ["fragment_id": "f-0"])
    }

    try await client.connect()
    print(client.id ?? "not connected")
    await client.disconnect()
    #expect(client.state == .disconnected(.clientDisconnect))
  }

  @Test("Polling first, then WebSocket")
  func transports() async throws {
    let client = SocketIOClient(
      url: url, configuration: SocketIOConfiguration(transports: [.polling, .webSocket]))
    try await client.withConnection { _ in #expect(client.isConnected) }
  }

  @Test("A namespace with auth of its own, and its refusal")
  func namespaces() async throws {
    let client = SocketIOClient(url: url)
    let admin = client.namespace("/admin", auth: { ["token": "secret"] })
    let alerts = admin.events(named: "alert")
    try await client.withConnection { client in
      do {
        try await client.join(admin)
        print(try await alerts.next(timeout: .seconds(30)), admin.id ?? "")
        client.leave(admin)
      } catch let error as SocketIOError where error.code == .connectRejected {
        print(error.serverMessage ?? "", error.serverData ?? "")
      }
    }
    let refused = SocketIOClient(url: url, configuration: SocketIOConfiguration(namespace: "/admin"))
    let error = await #expect(throws: SocketIOError.self) { try await refused.withConnection { _ in } }
    #expect(error?.serverMessage == "not allowed")
  }

  @Test("Auth that is asked for at each connection")
  func auth() async throws {
    @Sendable func freshToken() async throws -> String { "secret" }
    let configuration = SocketIOConfiguration(namespace: "/admin", auth: { ["token": try await freshToken()] })
    let client = SocketIOClient(url: url, configuration: configuration)
    try await client.withConnection { _ in #expect(client.isConnected) }
  }

  @Test("An authority of one's own")
  func tls() async throws {
    try await withTemporaryFolder { folder in
      let (authority, key) = try await Peer.certificate(for: "DNS:localhost", in: folder)
      try await Peer.run("sts.py", [authority, key]) { port in
        let secureURL = "https://localhost:\(port)"
        let configuration = SocketIOConfiguration(tls: .authority(pemFile: authority))
        let client = SocketIOClient(url: secureURL, configuration: configuration)
        try await client.withConnection { _ in #expect(client.isConnected) }

        let options = TapOptions(upstreamTLS: .authority(pemFile: authority))
        try await SocketIOTap.withTap(upstream: secureURL, options: options) { tap in
          try await startWorker(speakingTo: tap.url)
        }
      }
    }
  }

  @Test("A proxy by name, and none")
  func proxies() {
    let direct = SocketIOConfiguration(proxy: .none)
    let named = SocketIOConfiguration(proxy: .url("http://user:password@proxy.example.org:3128"))
    #expect(direct.proxy != named.proxy)
  }

  @Test("What may be done after each connection that was made")
  func recovery() async throws {
    let client = SocketIOClient(url: url)
    let watching = Task {
      for await state in client.states() where state == .connected {
        print(client.isRecovered ? "nothing was missed" : "a new session: ask for what was missed")
      }
    }
    try await client.withConnection { _ in }
    watching.cancel()
  }

  @Test("Limits of one's own")
  func limits() {
    let strict = SocketIOConfiguration(limits: SocketIOLimits(maxMessageBytes: 1_000_000, maxJSONDepth: 16))
    #expect(strict.limits.maxMessageBytes == 1_000_000 && strict.limits.maxAttachments == 256)
  }

  // MARK: Sending and receiving

  @Test("Queues by name, by predicate, and of everything")
  func queues() async throws {
    let client = SocketIOClient(url: url)
    let processed = client.events(named: "fragment:processed", capacity: 100)
    let failed = client.events { $0.name == "fragment:processed" && $0.payloadText.contains("failed") }
    let everything = client.allEvents()
    try await client.withConnection { client in
      try await client.emit("fragment:data", ["fragment_id": "f-0"])
      let first = try await processed.next(timeout: .seconds(30))
      let same = try await everything.first(timeout: .seconds(30)) { $0.name == "fragment:processed" }
      print(first.payloadText == same.payloadText, failed.count)
    }
  }

  @Test("Attachments are Data on both ways, and a wait that fails says what arrived")
  func attachments() async throws {
    struct Fragment: Encodable {
      var fragmentID: String
      var audio: Data

      enum CodingKeys: String, CodingKey {
        case fragmentID = "fragment_id"
        case audio
      }
    }
    let client = SocketIOClient(url: url)
    let processed = client.events(named: "fragment:processed")
    try await client.withConnection { client in
      try await client.emit("fragment:data", Fragment(fragmentID: "f-0", audio: Data(count: 64_000)))
      let answer = try await processed.next(timeout: .seconds(30)).decode(Processed.self)
      print(answer.transcript, answer.dubbedAudio.count)
      do {
        _ = try await processed.collect(2, timeout: .milliseconds(100))
      } catch let error as EventQueue<SocketIOEvent>.Timeout {
        print("\(error.arrived.count) of 2 arrived")
      }
    }
  }

  @Test("Acknowledged, repeated and volatile events, and a question of the server")
  func sending() async throws {
    let client = SocketIOClient(url: url)
    let questions = client.events(named: "language")
    let ready = client.events(named: "stream:ready")
    try await client.withConnection { client in
      let fragment = ["fragment_id": "f-0"]
      print(try await client.emitWithAck("fragment:data", fragment, timeout: .seconds(30)).payloadText)
      print(try await client.emitWithRetries("fragment:data", fragment, retries: 5).payloadText)
      print(try client.emitVolatile("fragment:data", fragment) ? "sent" : "worthless by now")

      try await client.emit("stream:init", ["stream_id": "test"])
      try await client.acknowledge(try await questions.next(timeout: .seconds(30)), "es")
      print(try await ready.next(timeout: .seconds(30)).payloadText)
    }
  }

  // MARK: Tap

  /// The worker of the example: it asks, and hears the answer.
  private func startWorker(speakingTo url: String) async throws {
    let client = SocketIOClient(url: url)
    let processed = client.events(named: "fragment:processed")
    try await client.withConnection { client in
      try await client.emit("fragment:data", ["fragment_id": "f-0"])
      _ = try await processed.next(timeout: .seconds(30))
    }
  }

  @Test("A question and its answer, heard in between")
  func tap() async throws {
    try await SocketIOTap.withTap(upstream: nil) { tap in
      let asked = tap.events(named: "fragment:data", .toServer)
      let answered = tap.events(named: "fragment:processed", .toClient)
      try tap.setUpstream(url)
      try await startWorker(speakingTo: tap.url)

      let question = try await asked.next(timeout: .seconds(30))
      let answer = try await answered.next(timeout: .seconds(30))
      print("\(question.event.payloadText) was answered after \(answer.time - question.time)")
    }
  }

  private func sendFragments(_ count: Int, through url: String) async throws {
    try await SocketIOClient(url: url).withConnection { client in
      for number in 0..<count {
        _ = try await client.emitWithAck("fragment:data", ["fragment_id": "f-\(number)"])
      }
    }
  }

  @Test("A rule whose name is in the record of what it lost")
  func fault() async throws {
    let rule = FaultRule(
      "lose the third", .drop, event: "fragment:processed", direction: .toClient, occurrence: .nth(3))
    try await SocketIOTap.withTap(upstream: url, rules: [rule]) { tap in
      let lost = tap.queue { $0.faults.contains("lose the third") }
      try await sendFragments(3, through: tap.url)
      print(try await lost.next(timeout: .seconds(60)))
    }
  }
}
