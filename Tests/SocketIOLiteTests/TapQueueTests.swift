import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

@Suite("What a tap keeps of a polling session between its requests, without sockets", .kind(.logic))
struct TapQueueTests {
  typealias H = TapHarness

  private static func joined(_ packets: some Sequence<String>) -> String { packets.joined(separator: "\u{1E}") }
  private static func packets(_ count: Int) -> [String] { (0..<count).map { "42[\"a\",\($0)]" } }

  private static func late(_ direction: TapDirection, keepingOrder: Bool = true) -> FaultRule {
    FaultRule("late", .delay(.seconds(1), keepingOrder: keepingOrder), event: "a", direction: direction)
  }

  /// The contents of frames, masked or not.
  private static func contents(_ frames: ByteBuffer) throws -> [String] {
    var scanner = WebSocketFrameScanner(maxPayloadBytes: 1_000_000)
    scanner.append(frames)
    var all: [String] = []
    while let frame = try scanner.next() { all.append(String(buffer: frame.payload)) }
    return all
  }

  @Test(
    "Of what was held no answer has more than 16 packets, which is what clients in Python read; the rest goes with the next"
  )
  func answersOfSixteen() throws {
    let harness = H([Self.late(.toClient)])
    let line = try harness.line()
    let packets = Self.packets(20)
    _ = try line.ask(H.poll())
    #expect(try line.answer(H.ok(Self.joined(packets))) == H.ok("6"))
    _ = try line.ask(H.poll())
    harness.loop.advanceTime(by: .seconds(1))
    #expect(try line.gotText.hasSuffix("\r\n\r\n" + Self.joined(packets.prefix(16))))
    _ = try line.ask(H.poll())
    #expect(try line.gotText.hasSuffix("\r\n\r\n" + Self.joined(packets.suffix(4))))
  }

  @Test(
    "A session that its server opens twice is forgotten by both names; what it held goes on at its end, or is said once",
    arguments: [false, true])
  func openedTwice(endsItself: Bool) throws {
    let harness = H([Self.late(.toClient)])
    let line = try harness.line()
    _ = try line.ask(H.poll(nil))
    _ = try line.answer(H.ok(H.open))
    _ = try line.ask(H.poll("s"))
    _ = try line.answer(H.ok(H.open.replacing(#""sid":"s""#, with: #""sid":"t""#)))
    #expect(harness.sessions.count == 2)
    _ = try line.ask(H.poll("t"))
    let got = try line.answer(H.ok(endsItself ? Self.joined(["42[\"a\",1]", "1"]) : "42[\"a\",1]"))
    if !endsItself { harness.sessions.close() }
    #expect(harness.sessions.count == 0)
    #expect(harness.recorder.anomalies.count { $0.message.contains("held back") } == (endsItself ? 0 : 1))
    #expect(got.contains(Self.packets(2)[1]) == endsItself)
  }

  @Test(
    "A tap's own POST has at most 16 packets and no more bytes than the server takes, or than 256 KiB, unless one packet is longer",
    arguments: [
      (nil, Array(repeating: 20, count: 20), [16, 4]), (100, [40, 40, 40], [2, 1]), (100, [150, 20], [1, 1]),
      (100, [50, 50], [1, 1]),
      (nil, [100_000, 100_000, 100_000], [2, 1]),
    ] as [(Int?, [Int], [Int])])
  func ownPosts(maxPayload: Int?, lengths: [Int], counts: [Int]) throws {
    let harness = H([Self.late(.toServer)])
    let line = try harness.line()
    if let maxPayload {
      _ = try line.ask(H.poll(nil))
      _ = try line.answer(H.ok(H.open.replacing(#""maxPayload":1000000"#, with: #""maxPayload":\#(maxPayload)"#)))
    }
    let packets = lengths.map { "42[\"a\",\"" + String(repeating: "x", count: $0 - 10) + "\"]" }
    #expect(packets.map(\.utf8.count) == lengths)
    #expect(try line.ask(H.post(Self.joined(packets))) == "")
    // The tap has them: its client may go on.
    #expect(try line.gotText.hasSuffix("\r\n\r\nok"))
    harness.loop.advanceTime(by: .seconds(1))
    var rest = packets[...]
    for (index, count) in counts.enumerated() {
      #expect(harness.dialer.posts.count == index + 1)
      let post = try #require(harness.dialer.posts.last)
      #expect(post.request.hasSuffix("\r\n\r\n" + Self.joined(rest.prefix(count))))
      rest = rest.dropFirst(count)
      post.done(nil)
    }
    #expect(harness.dialer.posts.count == counts.count && harness.recorder.anomalies.isEmpty)
  }

  @Test("A client's POST that a rule makes longer than 16 packets goes on in two")
  func ownPostsOfOne() throws {
    let harness = H([FaultRule("twice", .duplicate, event: "a", occurrence: .first(1))])
    let line = try harness.line()
    let packets = Self.packets(16)
    #expect(try line.ask(H.post(Self.joined(packets))) == "")
    let first = try #require(harness.dialer.posts.first)
    #expect(first.request.hasSuffix("\r\n\r\n" + Self.joined([packets[0]] + packets.prefix(15))))
    first.done(nil)
    #expect(harness.dialer.posts.count == 2)
    #expect(try #require(harness.dialer.posts.last).request.hasSuffix("\r\n\r\n" + packets[15]))
  }

  @Test("A POST whose client goes before its answer holds back none of the tap's own")
  func clientGone() throws {
    let harness = H([Self.late(.toServer)])
    let line = try harness.line()
    #expect(try line.ask(H.post(Self.joined([#"42["b",1]"#] + Self.packets(1)))) == H.post(#"42["b",1]"#))
    line.client.close(promise: nil)
    harness.loop.run()
    harness.loop.advanceTime(by: .seconds(1))
    #expect(harness.dialer.posts.count == 1)
  }

  @Test("Of two requests for packets that both wait for the upstream's one, the earlier is answered with a noop")
  func superseded() throws {
    let harness = H([Self.late(.toClient, keepingOrder: false)])
    let (first, second) = (try harness.line(), try harness.line())
    _ = try first.ask(H.poll())
    _ = try first.answer(H.ok(#"42["a",1]"#))
    #expect(try first.ask(H.poll()) == H.poll())
    harness.loop.advanceTime(by: .seconds(1))
    #expect(try first.gotText.hasSuffix(#"42["a",1]"#))
    #expect(try first.ask(H.poll()) == "")
    #expect(try first.gotText == "")
    #expect(try second.ask(H.poll()) == "")
    #expect(try first.gotText.hasSuffix("\r\n\r\n6"))
    _ = try first.answer(H.ok(#"42["b",2]"#))
    #expect(try second.gotText.hasSuffix(#"42["b",2]"#))
  }

  @Test("A body longer than a message may be goes on as it came, unread, and that is said", arguments: [false, true])
  func tooLong(withRules: Bool) throws {
    let harness = H(withRules ? [FaultRule("r", .drop)] : [], limits: .init(maxMessageBytes: 100))
    let line = try harness.line()
    let long = "42[\"a\",\"" + String(repeating: "x", count: 100) + "\"]"
    #expect(try line.ask(H.post(long)) == H.post(long))
    #expect(try line.answer(H.ok("ok")) == H.ok("ok"))
    #expect(try line.ask(H.poll()) == H.poll())
    #expect(try line.answer(H.ok(long)) == H.ok(long))
    #expect(harness.recorder.records.isEmpty)
    // Once for the session.
    #expect(harness.recorder.anomalies.map { $0.message.contains("longer than 100 bytes") } == [true])
  }

  @Test("A session that ends while something of it is held back says how much")
  func endedWhileHeld() throws {
    let harness = H([FaultRule("late", .delay(.seconds(60)), event: "a")])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    _ = try line.answer(H.ok(Self.joined(Self.packets(2))))
    _ = try line.ask(H.poll())
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    #expect(try line.answer(refusal) == refusal)
    #expect(harness.recorder.anomalies.map { $0.message.contains("session s ended while 2 of its packets") } == [true])
  }

  @Test("What there is of an event when its session ends counts among what was held back")
  func endedWithinEvent() throws {
    let harness = H([FaultRule("r", .drop, event: "none")])
    let line = try harness.line()
    _ = try line.ask(H.poll())
    #expect(try line.answer(H.ok(#"451-["a",{"_placeholder":true,"num":0}]"#)) == H.ok("6"))
    _ = try line.ask(H.poll())
    _ = try line.answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    #expect(harness.recorder.anomalies.map { $0.message.contains("session s ended while 1 of its packets") } == [true])
  }

  @Test("Sessions that went without a word are forgotten, and none that has a request or a WebSocket open")
  func forgotten() throws {
    let harness = H([FaultRule("late", .delay(.seconds(3_600)), event: "a")])
    let (polling, socket) = (try harness.line(), try harness.line())
    // Each holds something back, of whose loss the tap would tell.
    for sid in ["gone", "talks", "polls"] {
      _ = try polling.ask(H.post(Self.packets(1)[0], sid))
      _ = try polling.gotText
    }
    _ = try polling.ask(H.poll("polls"))
    _ = try socket.ask(H.upgrade("socket"))
    _ = try socket.answer(H.switching)
    _ = try socket.ask(TapFlowTests.text("5", masked: true))
    _ = try socket.ask(TapFlowTests.text(Self.packets(1)[0], masked: true))
    func meetOthers(_ name: String) throws {
      for number in 0..<64 {
        _ = try harness.line().ask(H.poll("\(name)\(number)"))
      }
    }
    try meetOthers("soon")
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
    harness.loop.advanceTime(by: .seconds(100))
    let talking = try harness.line()
    _ = try talking.ask(H.post("3", "talks"))
    _ = try talking.answer(H.ok("ok"))
    harness.loop.advanceTime(by: .seconds(100))
    try meetOthers("late")
    #expect(harness.recorder.anomalies.map { $0.message.contains("session gone ended") } == [true])
  }

  @Test("An answer of the tap's own waits for those to the requests before it on its connection")
  func ownAnswerInOrder() throws {
    let harness = H([FaultRule("r", .drop, event: "a")])
    let line = try harness.line()
    #expect(try line.ask(H.poll() + H.post(#"42["a",1]"#)) == H.poll())
    #expect(try line.gotText == "")
    let answer = H.ok(#"42["b",2]"#)
    let got = try line.answer(answer)
    #expect(got.hasPrefix(answer + "HTTP/1.1 200 OK\r\n") && got.hasSuffix("\r\n\r\nok"))
  }

  @Test(
    "What waits for a request of the client's, or for the server to take a POST, goes by the WebSocket once the session has one",
    arguments: [TapDirection.toServer, .toClient])
  func intoUpgrade(direction: TapDirection) throws {
    let harness = H([Self.late(direction)])
    let line = try harness.line()
    let packets = Self.packets(3)
    if direction == .toClient {
      _ = try line.ask(H.poll())
      _ = try line.answer(H.ok(Self.joined(packets)))
    } else {
      // The server has not answered this one yet: it takes no other.
      #expect(try line.ask(H.post(Self.joined([#"42["b",1]"#] + packets))) == H.post(#"42["b",1]"#))
    }
    harness.loop.advanceTime(by: .seconds(1))
    #expect(try line.gotText == "" && harness.dialer.posts.isEmpty)
    let socket = try harness.line()
    _ = try socket.ask(H.upgrade())
    _ = try socket.answer(H.switching)
    let sent = try Self.contents(try socket.ask(TapFlowTests.text("5", masked: true)))
    #expect(sent == (direction == .toServer ? ["5"] + packets : ["5"]))
    #expect(try Self.contents(try socket.got) == (direction == .toClient ? packets : []))
    #expect(harness.recorder.anomalies.isEmpty, "\(harness.recorder.anomalies)")
  }

  @Test(
    "Behind an answer of its own a tap ends the connection of a client that wants it closed", arguments: [false, true])
  func closesAfterOwnAnswer(isWanted: Bool) throws {
    let harness = H([FaultRule("r", .drop)])
    let line = try harness.line()
    let noted = NotedCloses()
    try line.client.pipeline.syncOperations.addHandler(noted, position: .first)
    let post = H.post(#"42["a",1]"#)
    let asked = isWanted ? post.replacing("Host: h", with: "Host: h\r\nConnection: close") : post
    #expect(try line.ask(asked) == "")
    harness.loop.run()
    #expect(try line.gotText.hasSuffix("\r\n\r\nok"))
    #expect(noted.modes == (isWanted ? [.output] : []))
  }
}

/// Writes down what is asked of a channel that cannot close by half.
private final class NotedCloses: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  private(set) var modes: [CloseMode] = []

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    modes.append(mode)
    promise?.succeed()
  }
}
