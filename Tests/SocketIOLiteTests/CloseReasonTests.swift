import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("What a server says when it closes, and what it would close over", .kind(.programs), .peer("hostile.py"))
struct CloseReasonTests {
  func client(_ name: String, _ change: (inout SocketIOConfiguration) -> Void = { _ in }) -> SocketIOClient {
    var configuration = SocketIOConfiguration.patient(reconnection: nil)
    change(&configuration)
    return SocketIOClient(url: Peer.url + "?case=\(name)", configuration: configuration)
  }

  @Test(
    "The code and the text of a close are in the error and in the state",
    arguments: [
      ("too-big", 1009, "message too big"), ("expired", 1008, "token expired"), ("no-reason", 4001, nil),
      ("cut-reason", 4002, "cut \u{FFFD}"),
      ("no-code", nil, nil),
    ] as [(String, Int?, String?)])
  func codes(name: String, code: Int?, text: String?) async throws {
    let client = client(name)
    let events = client.events(named: "never")
    let states = client.states()
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { _ in _ = try await events.next(timeout: wait) }
    }
    #expect(error?.code == .disconnected && error?.reason == .transportClose)
    #expect(error?.reason?.closeCode == code && error?.reason?.closeReason == text)
    if let code { #expect(error?.message.contains("\(code)") == true) }
    if let text { #expect(error?.message.contains(text) == true) }
    // One that was closed before it was joined has no state to say it in.
    guard name != "expired" else { return }
    for await state in states {
      guard case .disconnected(let reason?) = state else { continue }
      #expect(reason == .transportClose && reason.closeCode == code && reason.closeReason == text)
      #expect(code.map { state.description.contains("\($0)") } ?? true, "\(state)")
      break
    }
  }

  @Test("An event longer than the server said that it takes is refused before it is sent, with both sizes")
  func tooLong() async throws {
    for transports in [[.webSocket], [.polling]] as [[SocketIOTransport]] {
      try await Peer.run("server.py", ["--max-payload", "20000"]) { port in
        let client = SocketIOClient(
          url: "http://127.0.0.1:\(port)", configuration: .patient(reconnection: nil, transports: transports))
        try await client.withConnection { client in
          let text = String(repeating: "x", count: 20_000)
          let error = await #expect(throws: SocketIOError.self) {
            try await client.emitWithRetries("echo", text, retries: 100, timeout: .milliseconds(10))
          }
          #expect(error?.code == .limitExceeded)
          #expect(
            error?.message.contains("20000") == true && error?.message.contains("20014") == true,
            "\(error?.message ?? "")")
          let binary = await #expect(throws: SocketIOError.self) {
            try await client.emit("echo", Data(count: transports == [.polling] ? 15_000 : 20_001))
          }
          #expect(binary?.code == .limitExceeded)
          // As long as it may be. aiohttp closes a WebSocket over that.
          if transports == [.polling] { try await client.emit("echo", String(text.prefix(19_987))) }
          let answer = try await client.emitWithAck("echo", 1)
          #expect(try answer.decode(Int.self) == 1, "the connection stays")
        }
      }
    }
  }

  @Test("What the server closed the connection over as too big is not sent again")
  func notRepeated() async throws {
    // A new connection each time, so that one who repeated it could.
    let client = client("too-big-event") { $0.reconnection = .init(delay: .milliseconds(1), jitter: 0) }
    let sent = client.sentEvents()
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { client in
        try await client.emitWithRetries("large", retries: 2, timeout: wait)
      }
    }
    #expect(error?.reason?.closeCode == 1009, "\(error?.description ?? "")")
    #expect(sent.drain().map(\.name) == ["large"])
  }

  @Test("Strictly, what JSON.parse refuses ends the connection as in a browser, and says where")
  func strict() async throws {
    let client = client("nan") { $0.limits.strictJSON = true }
    let all = client.allEvents()
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { _ in _ = try await all.next(timeout: wait) }
    }
    #expect(error?.code == .malformedPacket && error?.reason == .parseError)
    #expect(
      error?.description.contains("NaN") == true && error?.message.contains("byte 16") == true,
      "\(error?.description ?? "")")
  }

  @Test("The strict grammar is JSON's")
  func grammar() {
    func isJSON(_ text: String) -> Bool { (try? JSONGrammar.check(ByteBuffer(string: text))) != nil }
    for text in [
      "1", "-0.5e+10", "[]", "{}", " [ 1 , {\"a\" : [ ] , \"b\":null} , \"\\u00e9\\n\\\"\" , true,false ] ",
      "\"\\ud83d\"",
      "1e999", "[[[[{\"a\":[{}]}]]]]", "{\"a\":1,\"a\":2}",
    ] { #expect(isJSON(text), "\(text)") }
    for text in [
      "", " ", "NaN", "[NaN]", "-Infinity", "01", "1.", ".5", "+1", "1e", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
      "{a:1}", "{,}",
      "{\"a\":1,}", "[1 2]", "[1}", "[", "]", "1 1", "\"", "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "tru", "nul", "'a'",
      "[1]]",
      "{\"a\":1 \"b\":2}", "undefined", "[\"a\":1]", "{\"a\",1}",
    ] { #expect(!isJSON(text), "\(text)") }
  }

  @Test(
    "Numbers are written as JavaScript writes them",
    arguments: [
      (0, "0"), (-0.0, "0"), (1, "1"), (-1.5, "-1.5"), (100, "100"), (123_456_789, "123456789"), (0.1, "0.1"),
      (0.000001, "0.000001"), (0.0000001, "1e-7"), (1e16, "10000000000000000"), (1e20, "100000000000000000000"),
      (1e21, "1e+21"), (1.5e300, "1.5e+300"), (-2.5e-9, "-2.5e-9"),
      (2.2250738585072014e-308, "2.2250738585072014e-308"), (0.00015, "0.00015"),
    ] as [(Double, String)])
  func numbers(value: Double, text: String) { #expect(EventName.javaScriptText(value) == text) }

  @Test(
    "The dates of cookies in every order that servers write",
    arguments: [
      ("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480), ("Wednesday, 21-Oct-15 07:28:00 GMT", 1_445_412_480),
      ("Wed Oct 21 07:28:00 2015", 1_445_412_480), ("21 oct 2015 7:28:00", 1_445_412_480),
      ("Thu, 01-Jan-1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
      ("Sat, 01 Mar 2025 00:00:00 GMT", 1_740_787_200), ("some day", nil), ("", nil),
      ("Wed, 41 Oct 2015 07:28:00", nil),
      ("Wed, 21 Oct 2015 25:00:00", nil), ("Wed, 21 Oct 1500 07:28:00", nil),
    ] as [(String, Double?)])
  func cookieDates(text: String, seconds: Double?) {
    #expect(CookieDate.parse(text)?.timeIntervalSince1970 == seconds)
  }

  @Test("A cookie lasts until its time: Max-Age goes before Expires")
  func cookieTimes() {
    let jar = CookieJar()
    let now = Date(timeIntervalSince1970: 1_700_000_000)
    jar.take(
      [
        "a=1; Max-Age=10", "b=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Max-Age=0", "c=3",
        "d=4; max-age=-1; Max-Age=20",
      ],
      at: now)
    #expect(jar.header(at: now) == "a=1; c=3; d=4")
    #expect(jar.header(at: now + 11) == "c=3; d=4")
    #expect(jar.header(at: now + 21) == "c=3")
    jar.take(["c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], at: now)
    #expect(jar.header(at: now) == nil)
  }
}
