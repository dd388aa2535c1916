// swift-format-ignore-file
import SocketIOLite

// The Swift of SocketIOLite's articles; scripts/check-docs.py compares the two.

func socketIOLite1() async throws {
  let client = SocketIOClient(url: "http://localhost:3000")
  let processed = client.events(named: "fragment:processed")
  try await client.withConnection { client in
    try await client.emit("stream:init", ["stream_id": "test"])
    let events = try await processed.collect(5, timeout: .seconds(30))
    print(try events.map { try $0.decode([String: String].self, at: 0) })
  }
}

func socketIOLite2(client: SocketIOClient) async throws {
  for await state in client.states() {
    print(state)      // connecting, connected, reconnecting, attempt 1, after transport close …
  }
}

func connect1() async throws {
  let client = SocketIOClient(url: "http://localhost:3000")
  try await client.withConnection { client in
    print(try await client.emitWithAck("echo", "hello"))
  }

  try await client.connect()
  print(client.id ?? "not connected")
  await client.disconnect()
}

func connect2() async throws {
  let client = SocketIOClient(
    url: "http://localhost:3000", configuration: SocketIOConfiguration(transports: [.polling, .webSocket]))
  _ = client
}

func connect3(client: SocketIOClient) async throws {
  let admin = client.namespace("/admin", auth: { ["token": "secret"] })
  let alerts = admin.events(named: "alert")
  try await client.withConnection { client in
    do {
      try await client.join(admin)
      print(try await alerts.next(timeout: .seconds(10)), admin.id ?? "")
      client.leave(admin)
    } catch let error as SocketIOError where error.code == .connectRejected {
      print(error.serverMessage ?? "", error.serverData ?? "")
    }
  }
}

func connect4() async throws {
  let configuration = SocketIOConfiguration(tls: .authority(pemFile: "certificates/ca.pem"))
  let client = SocketIOClient(url: "https://sts.example.org", configuration: configuration)
  _ = client
}

func connect5() async throws {
  let direct = SocketIOConfiguration(proxy: .none)
  let named = SocketIOConfiguration(proxy: .url("http://user:password@proxy.example.org:3128"))
  _ = (direct, named)
}

func connect6(client: SocketIOClient) async throws {
  for await state in client.states() where state == .connected {
    print(client.isRecovered ? "nothing was missed" : "a new session: ask for what was missed")
  }
}

func connect7() async throws {
  let strict = SocketIOConfiguration(limits: SocketIOLimits(maxMessageBytes: 1_000_000, maxJSONDepth: 16))
  _ = strict
}

func tapTwoServices1() async throws {
  try await SocketIOTap.withTap(upstream: nil) { tap in
    let asked = tap.events(named: "fragment:data", .toServer)
    let answered = tap.events(named: "fragment:processed", .toClient)
    print("tell the worker to use \(tap.url)")
    try tap.setUpstream("http://localhost:3000")

    let question = try await asked.next(timeout: .seconds(30))
    let answer = try await answered.next(timeout: .seconds(30))
    print("\(question.event.payloadText) was answered after \(answer.time - question.time)")
  }
}

func tapTwoServices2() async throws {
  let options = TapOptions(upstreamTLS: .authority(pemFile: "certificates/ca.pem"))
  try await SocketIOTap.withTap(upstream: "https://sts.example.org", options: options) { tap in
    print("tell the worker to use \(tap.url)")
  }
}

func tapTwoServices3() async throws {
  let rule = FaultRule("lose the third", .drop, event: "fragment:processed", direction: .toClient, occurrence: .nth(3))
  try await SocketIOTap.withTap(upstream: "http://localhost:3000", rules: [rule]) { tap in
    let lost = tap.queue { $0.faults.contains("lose the third") }
    print(try await lost.next(timeout: .seconds(60)))
  }
}
