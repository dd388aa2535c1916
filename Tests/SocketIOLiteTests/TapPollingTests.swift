import ComposeTesting
import Foundation
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SocketIOLite
import Testing

@Suite("Polling through a tap, without sockets", .kind(.logic))
struct TapPollingTests {
  typealias H = TapHarness
  private static let (a, b, c) = (#"42["a",1]"#, #"42["b",2]"#, #"42["a",3]"#)
  private static func body(_ packets: String...) -> String { packets.joined(separator: "\u{1E}") }
  private static let idle = FaultRule("idle", .drop, event: "none")

  @Test("Bytes that no rule touches are forwarded as they came, chunked or not", arguments: [[], [idle]])
  func transparency(rules: [FaultRule]) throws {
    let harness = H(rules)
    let line = try harness.line()
    let plain = Self.body(#"451-["blob",{"_placeholder":true,"num":0}]"#, "bAQID", Self.b, "2")
    let chunked =
      "HTTP/1.1 200 OK\r\nX-Odd:  spaces \r\ntransfer-encoding: chunked\r\n\r\n5\r\n42[\"c\r\n5;x=y\r\n\",40]\r\n0\r\n\r\n"
    #expect(try line.ask(H.poll(nil)) == H.poll(nil))
    #expect(try line.answer(H.ok(H.open)) == H.ok(H.open))
    #expect(try line.ask(H.post(plain)) == H.post(plain))
    #expect(try line.answer(H.ok("ok")) == H.ok("ok"))
    for answer in [H.ok(plain, "Content-Type: text/plain\r\n"), chunked, H.ok("6"), H.ok("")] {
      #expect(try line.ask(H.poll()) == H.poll())
      #expect(try line.answer(answer) == answer)
    }
    #expect(
      harness.names == [
        #"blob[{"_placeholder":true,"num":0}][3]"#, "b[2][]", #"blob[{"_placeholder":true,"num":0}][3]"#, "b[2][]",
        "c[40][]",
      ])
    #expect(Set(harness.recorder.records.map(\.session)) == ["s"])
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  /// What a client gets whose server answers a poll with these packets.
  private func polled(_ rule: FaultRule, _ packets: String...) throws -> (harness: H, line: H.Line, got: String) {
    let harness = H([rule])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    return (harness, line, try line.answer(H.ok(packets.joined(separator: "\u{1E}"))))
  }

  @Test("Every action on an answer's packets; its length is the new one, and one of which nothing is left is a noop")
  func answers() throws {
    let (a, b, c) = (Self.a, Self.b, Self.c)
    #expect(try polled(FaultRule("r", .drop, event: "a"), a, b, c).got == H.ok(b))
    #expect(try polled(FaultRule("r", .drop), a, b).got == H.ok("6"))
    #expect(try polled(FaultRule("r", .drop, event: "a", direction: .toServer), a, b).got == H.ok(Self.body(a, b)))
    #expect(
      try polled(FaultRule("r", .duplicate, event: "a", occurrence: .first(1)), a, b, c).got
        == H.ok(Self.body(a, a, b, c)))
    #expect(try polled(FaultRule("r", .reorder(), event: "a"), a, b, c).got == H.ok(Self.body(b, c, a)))
    #expect(try polled(FaultRule("r", .truncate(bytes: 0), event: "b"), a, b).got == H.ok(Self.body(a, #"42["b","#)))
    let replace = FaultRule(
      "r", .replace { _ in FaultPayload(payload: Array("[9]".utf8), attachments: [[1, 2, 3]]) }, event: "b")
    #expect(try polled(replace, a, b).got == H.ok(Self.body(a, #"451-["b",9]"#, "bAQID")))
  }

  @Test("A changed answer that came in chunks has a length instead")
  func chunks() throws {
    let harness = H([FaultRule("r", .drop, event: "a")])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    let text = Self.body(Self.a, Self.b)
    let chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kept: 1\r\n\r\n4\r\n\(text.prefix(4))\r\n\(String(text.utf8.count - 4, radix: 16))\r\n\(text.dropFirst(4))\r\n0\r\n\r\n"
    #expect(try line.answer(chunked) == H.ok(Self.b, "X-Kept: 1\r\n"))
  }

  @Test(
    "A delayed event goes with an answer of the tap's own to the poll that waits; the server's answer to that one goes to the next"
  )
  func delays() throws {
    let (harness, line, got) = try polled(
      FaultRule("late", .delay(.seconds(2), keepingOrder: false), event: "a"), Self.a, Self.b)
    #expect(got == H.ok(Self.b))
    #expect(try line.ask(H.poll()) == H.poll())
    harness.loop.advanceTime(by: .milliseconds(1999))
    #expect(try line.gotText == "")
    harness.loop.advanceTime(by: .milliseconds(1))
    #expect(try line.gotText.hasSuffix("Content-Length: \(Self.a.utf8.count)\r\n\r\n\(Self.a)"))
    // The upstream has a poll already.
    #expect(try line.ask(H.poll()) == "")
    #expect(try line.answer(H.ok("2")).hasSuffix("\r\n\r\n2"))
    #expect(try line.ask(H.poll()) == H.poll())
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  @Test(
    "The client may close its connection after an answer of the tap's own: the upstream's poll goes on, for its next",
    arguments: [false, true])
  func detached(byHalf: Bool) throws {
    let (harness, line, _) = try polled(FaultRule("late", .delay(.seconds(2), keepingOrder: false), event: "a"), Self.a)
    _ = try line.ask(H.poll())
    harness.loop.advanceTime(by: .seconds(2))
    #expect(try line.gotText.hasSuffix(Self.a))
    if byHalf {
      line.client.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    } else {
      line.client.close(promise: nil)
    }
    harness.loop.run()
    #expect(try line.upstream.isActive)
    let next = try harness.line()
    #expect(try next.ask(H.poll()) == "")
    _ = try line.answer(H.ok(Self.b))
    #expect(try next.gotText.hasSuffix(Self.b))
    harness.loop.run()
    #expect(try !line.upstream.isActive)
  }

  @Test("A delay that keeps the order holds what is behind it, over polls and into the WebSocket")
  func delayIntoUpgrade() throws {
    let (harness, line, got) = try polled(
      FaultRule("late", .delay(.seconds(2)), event: "a", occurrence: .nth(1)), Self.b, Self.a, "2")
    #expect(got == H.ok(Self.body(Self.b, "2")))
    _ = try line.ask(H.poll())
    #expect(try line.answer(H.ok(Self.b)) == H.ok("6"))
    let socket = try harness.line()
    _ = try socket.ask(H.upgrade())
    #expect(try socket.answer(H.switching) == H.switching)
    _ = try socket.ask(TapFlowTests.text("5", masked: true))
    harness.loop.advanceTime(by: .seconds(2))
    var expected = TapFlowTests.text(Self.a)
    expected.writeImmutableBuffer(TapFlowTests.text(Self.b))
    #expect(try socket.got == expected)
  }

  @Test(
    "An event whose attachment comes over another connection, or after the upgrade, is one event",
    arguments: [false, true])
  func acrossConnections(withRules: Bool) throws {
    let harness = H(withRules ? [Self.idle] : [])
    let text = #"451-["blob",{"_placeholder":true,"num":0}]"#
    let (first, second, socket) = (try harness.line(), try harness.line(), try harness.line())
    _ = try first.ask(H.poll())
    _ = try first.answer(H.ok(text))
    _ = try second.ask(H.poll())
    #expect(try second.answer(H.ok("bAQID")) == H.ok(withRules ? Self.body(text, "bAQID") : "bAQID"))
    _ = try first.ask(H.post(text))
    _ = try socket.ask(H.upgrade())
    _ = try socket.answer(H.switching)
    _ = try socket.ask(TapFlowTests.text("5", masked: true))
    _ = try socket.ask(WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: [1, 2]), masked: true))
    #expect(harness.recorder.records.map(\.event.attachments) == [[[1, 2, 3]], [[1, 2]]])
    #expect(harness.recorder.records.map(\.direction) == [.toClient, .toServer])
    #expect(harness.recorder.records.map(\.connection) == [2, 3])
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  /// What a server gets, and a client that posts these packets.
  private func posted(_ rule: FaultRule, _ packets: String...) throws -> (
    harness: H, line: H.Line, sent: String, got: String
  ) {
    let harness = H([rule])
    let line = try harness.line()
    let sent = try line.ask(H.post(packets.joined(separator: "\u{1E}")))
    return (harness, line, sent, try line.gotText)
  }

  @Test("Every action on what a client posts; what nothing is left of is accepted by the tap")
  func posts() throws {
    let (a, b, c) = (Self.a, Self.b, Self.c)
    #expect(try posted(FaultRule("r", .drop, event: "a"), a, b, c).sent == H.post(b))
    let lost = try posted(FaultRule("r", .drop), a, b)
    #expect(lost.sent == "" && lost.got.hasSuffix("\r\n\r\nok"))
    #expect(
      try posted(FaultRule("r", .duplicate, event: "a", occurrence: .first(1)), a, b).sent == H.post(Self.body(a, a, b))
    )
    #expect(try posted(FaultRule("r", .reorder(), event: "a"), a, b, c).sent == H.post(Self.body(b, c, a)))
    #expect(
      try posted(
        FaultRule("r", .truncate(bytes: 1), event: "blob"), #"451-["blob",{"_placeholder":true,"num":0}]"#, "bAQID"
      ).sent
        == H.post(Self.body(#"451-["blob",{"_placeholder":true,"num":0}]"#, "bAQ==")))
  }

  @Test("A delayed event of a client's is posted by the tap, once no other POST of the session is under way")
  func delayedPosts() throws {
    let (harness, line, sent, _) = try posted(FaultRule("late", .delay(.seconds(1)), event: "a"), Self.b, Self.a)
    #expect(sent == H.post(Self.b))
    harness.loop.advanceTime(by: .seconds(1))
    #expect(harness.dialer.posts.isEmpty)
    #expect(try line.answer(H.ok("ok")) == H.ok("ok"))
    #expect(harness.dialer.posts.count == 1)
    let post = try #require(harness.dialer.posts.first)
    #expect(post.request.hasPrefix("POST /socket.io/?EIO=4&transport=polling&sid=s HTTP/1.1\r\nHost: h\r\n"))
    #expect(post.request.hasSuffix("Content-Length: \(Self.a.utf8.count)\r\n\r\n\(Self.a)"))
    // One at a time, and in order.
    #expect(try line.ask(H.post(Self.b)) == "")
    post.done(nil)
    #expect(harness.dialer.posts.count == 2)
    #expect(try #require(harness.dialer.posts.last).request.hasSuffix(Self.b))
    harness.dialer.posts.last?.done("the server answered 400")
    #expect(harness.recorder.anomalies.map(\.evidence) == [["the server answered 400"]])
  }

  @Test("A close packet takes what is held along, in front of it")
  func closing() throws {
    let (_, _, sent, _) = try posted(FaultRule("late", .delay(.seconds(9)), event: "a"), Self.a, Self.b, "1")
    #expect(sent == H.post(Self.body(Self.a, Self.b, "1")))
    // And so it does what there is of an event.
    let half = #"451-["a",{"_placeholder":true,"num":0}]"#
    let (_, line, nothing, got) = try posted(FaultRule("r", .drop, event: "a"), half)
    #expect(nothing == "" && got.hasSuffix("\r\n\r\nok"))
    #expect(try line.ask(H.post("1")) == H.post(Self.body(half, "1")))
  }

  @Test("A disconnecting rule ends every connection of the session, and its id is not known any more")
  func cut() throws {
    let harness = H([FaultRule("cut", .disconnect, event: "a")])
    let (polls, posts) = (try harness.line(), try harness.line())
    _ = try polls.ask(H.poll())
    #expect(try posts.ask(H.post(Self.a)) == "")
    harness.loop.run()
    for channel in [polls.client, posts.client, try polls.upstream, try posts.upstream] { #expect(!channel.isActive) }
    let again = try harness.line()
    #expect(try again.ask(H.poll()) == "")
    #expect(try again.gotText.hasPrefix("HTTP/1.1 400 "))
  }

  @Test(
    "A compressed answer, JSONP and an older protocol pass, and are said to be unread",
    arguments: [
      ("/socket.io/?EIO=4&transport=polling&sid=s", "Content-Encoding: gzip\r\n", "compressed (gzip)"),
      ("/socket.io/?EIO=4&transport=polling&sid=s&j=0", "", "JSONP"),
      ("/socket.io/?EIO=3&transport=polling&sid=s", "", "Engine.IO 3"),
    ])
  func unreadable(uri: String, headers: String, said: String) throws {
    let harness = H([FaultRule("r", .drop)])
    let line = try harness.line()
    for _ in 0..<2 {
      _ = try line.ask("GET \(uri) HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try line.answer(H.ok(Self.a, headers)) == H.ok(Self.a, headers))
    }
    #expect(harness.recorder.anomalies.map { $0.message.contains(said) } == [true])
  }

  @Test(
    "An answer without a length, which the end of its connection ends, is recorded and changed too",
    arguments: [false, true], [false, true])
  func answerUntilEnd(withRules: Bool, byHalf: Bool) throws {
    let harness = H(withRules ? [FaultRule("r", .drop, event: "a")] : [])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    let head = "HTTP/1.0 200 OK\r\n\r\n"
    let got = try line.answer(head + Self.body(Self.a, Self.b))
    if byHalf {
      try line.upstream.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    } else {
      try line.upstream.close(promise: nil)
      harness.loop.run()
    }
    let all = got + (try line.gotText)
    #expect(
      all
        == (withRules
          ? "HTTP/1.0 200 OK\r\nContent-Length: \(Self.b.utf8.count)\r\n\r\n\(Self.b)"
          : head + Self.body(Self.a, Self.b)))
    #expect(harness.recorder.records.map(\.event.name) == ["a", "b"])
  }

  @Test("A server that ends the connection while a poll waits is no anomaly")
  func endWithoutAnswer() throws {
    let harness = H([Self.idle])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    try line.upstream.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    harness.loop.run()
    #expect(!line.client.isActive)
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  @Test(
    "Half a head goes on as it is when its connection ends, and that is said",
    arguments: [TapDirection.toServer, .toClient])
  func halfAHead(direction: TapDirection) throws {
    let harness = H([Self.idle])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    let half = direction == .toClient ? "HTTP/1.1 200 OK\r\nContent-" : "POST /socket.io/?EIO=4"
    let (from, to) = direction == .toClient ? (try line.upstream, line.client) : (line.client, try line.upstream)
    if direction == .toServer { _ = try line.answer(H.ok("2")) }
    try from.writeInbound(ByteBuffer(string: half))
    #expect(try H.sent(to).readableBytes == 0)
    from.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    harness.loop.run()
    #expect(String(buffer: try H.sent(to)) == half)
    #expect(harness.recorder.anomalies.map { $0.message.contains("in the middle of a head") } == [true])
  }

  @Test("A server that refuses to upgrade is read on, and so is its client")
  func refusedUpgrade() throws {
    let harness = H([FaultRule("r", .drop, event: "a")])
    let line = try harness.line()
    for _ in 0..<2 {
      _ = try line.ask(H.upgrade())
      let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
      #expect(try line.answer(refusal) == refusal)
      harness.loop.run()
      #expect(try line.ask(H.post(Self.body(Self.a, Self.b))) == H.post(Self.b))
      #expect(try line.answer(H.ok("ok")) == H.ok("ok"))
    }
    #expect(harness.recorder.records.map(\.event.name) == ["a", "b", "a", "b"])
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  @Test(
    "The Host header names the upstream if that is asked for, and is the client's otherwise", arguments: [false, true])
  func host(rewritesHost: Bool) throws {
    let harness = H(rewritesHost: rewritesHost)
    let line = try harness.line()
    let request = "GET /x HTTP/1.1\r\nhost: tap:1\r\nA: b\r\n\r\n"
    #expect(
      try line.ask(request) == (rewritesHost ? "GET /x HTTP/1.1\r\nA: b\r\nHost: upstream:3000\r\n\r\n" : request))
  }

  @Test("Requests that come at once are told apart, and a body's end is not taken for a head")
  func pipelining() throws {
    let harness = H([FaultRule("r", .drop, event: "a")])
    let line = try harness.line()
    let (both, one) = (H.post(Self.body(Self.a, Self.b)), H.post(Self.body(Self.b, Self.a)))
    #expect(try line.ask(both + one) == H.post(Self.b) + H.post(Self.b))
    #expect(try line.answer(H.ok("1") + H.ok("2")) == H.ok("1") + H.ok("2"))
    #expect(harness.recorder.records.map(\.event.name) == ["a", "b", "b", "a"])
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  @Test(
    "What is held when a WebSocket ends is delivered before the end", arguments: [TapDirection.toServer, .toClient])
  func heldAtClose(direction: TapDirection) throws {
    let harness = H([FaultRule("late", .delay(.seconds(60)), event: "a")])
    let line = try harness.line()
    _ = try line.ask(H.upgrade(nil))
    _ = try line.answer(H.switching)
    let frame = TapFlowTests.text(Self.a, masked: direction == .toServer)
    let (from, to) = direction == .toServer ? (line.client, try line.upstream) : (try line.upstream, line.client)
    try from.writeInbound(frame)
    #expect(try H.sent(to).readableBytes == 0)
    from.close(promise: nil)
    harness.loop.run()
    #expect(try H.sent(to) == frame)
    #expect(!to.isActive)
  }

  @Test(
    "What there is of an event when its WebSocket ends goes on as it came, with a rule and without, and is no event",
    arguments: [TapDirection.toServer, .toClient], [false, true])
  func halfAnEvent(direction: TapDirection, withRules: Bool) throws {
    let masked = direction == .toServer
    let packet = #"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    let text = TapFlowTests.text(packet, masked: masked)
    var most = text
    most.writeImmutableBuffer(WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: [1, 2, 3]), masked: masked))
    // Within the packet's frame and behind it, within that of the first attachment and behind it.
    for length in [5, text.readableBytes, text.readableBytes + 3, most.readableBytes] {
      for isByHalf in [false, true] {
        let harness = H(withRules ? [FaultRule("r", .drop, event: "a")] : [])
        let line = try harness.line()
        _ = try line.ask(H.upgrade(nil))
        _ = try line.answer(H.switching)
        let (from, to) = masked ? (line.client, try line.upstream) : (try line.upstream, line.client)
        let half = try #require(most.getSlice(at: most.readerIndex, length: length))
        try from.writeInbound(half)
        if isByHalf {
          from.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        } else {
          from.close(promise: nil)
        }
        harness.loop.run()
        #expect(try H.sent(to) == half)
        #expect(harness.recorder.records.isEmpty)
        #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
      }
    }
  }
}
