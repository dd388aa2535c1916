import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

@Suite("One direction of a tap, as a value", .kind(.logic))
struct TapFlowTests {
  final class Fixture {
    let recorder = TapRecorder(maxBytes: 1_000_000)
    let faults = FaultEngine()
    var flow: TapFlow
    var stream: TapStream
    var sent = ByteBuffer()
    var disconnected = false
    var wake: NIODeadline?

    init(_ direction: TapDirection = .toClient, limits: SocketIOLimits = .init()) {
      flow = TapFlow(direction: direction, connection: 1, faults: faults, limits: limits)
      stream = TapStream(direction: direction, recorder: recorder, faults: faults, limits: limits)
    }

    func receive(_ bytes: ByteBuffer, now: NIODeadline = .now()) { run(flow.receive(bytes, into: &stream, now: now)) }
    func wake(now: NIODeadline) { run(flow.commands(stream.wake(now: now))) }
    func flush() { run(flow.commands(stream.flush())) }

    private func run(_ commands: [TapFlow.Command]) {
      for command in commands {
        switch command {
        case .send(let bytes): sent.writeImmutableBuffer(bytes)
        case .step(.disconnect): disconnected = true
        case .step(.wakeAt(let time)): wake = time
        case .step: break
        }
      }
    }

    var names: [String] { recorder.records.map { "\($0.event.name)\($0.event.attachments.map(\.count))" } }
  }

  static func text(_ text: String, masked: Bool = false) -> ByteBuffer {
    WebSocketFrameScanner.frame(opcode: 1, ByteBuffer(string: text), masked: masked)
  }

  static func stream(masked: Bool) -> ByteBuffer {
    var stream = text(#"40{"sid":"x"}"#, masked: masked)
    for number in 0..<6 {
      stream.writeImmutableBuffer(text(#"42["small",\#(number)]"#, masked: masked))
      stream.writeImmutableBuffer(
        text(#"452-["blob",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#, masked: masked))
      stream.writeImmutableBuffer(
        WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(repeating: 7, count: 300), masked: masked))
      stream.writeImmutableBuffer(text("2", masked: masked))
      stream.writeImmutableBuffer(
        WebSocketFrameScanner.frame(
          opcode: 2, ByteBuffer(repeating: 8, count: number == 3 ? 70_000 : 130), masked: masked))
      stream.writeImmutableBuffer(WebSocketFrameScanner.frame(opcode: 9, ByteBuffer(string: "ping"), masked: masked))
    }
    return stream
  }

  @Test(
    "However the bytes are cut and whenever rules come and go, every byte leaves once and every event is recorded",
    arguments: [false, true])
  func transparency(masked: Bool) {
    let stream = Self.stream(masked: masked)
    for seed in 0..<40 {
      let fixture = Fixture(masked ? .toServer : .toClient)
      var rest = stream
      let largest = [1 << 20, 40_000, 3_000, 200][seed % 4]
      while rest.readableBytes > 0 {
        switch Int.random(in: 0..<3) {
        case 0: fixture.faults.set([FaultRule("idle", .drop, event: "none")])
        case 1: fixture.faults.set([])
        default: break
        }
        let length = min(rest.readableBytes, Int.random(in: 1...largest))
        guard let chunk = rest.readSlice(length: length) else { break }
        fixture.receive(chunk)
      }
      // Pings overtake an event that is held for its attachments, so the order may differ, never the bytes.
      #expect(fixture.sent.readableBytes == stream.readableBytes)
      let check = Fixture(masked ? .toServer : .toClient)
      check.receive(fixture.sent)
      let names = ["[]"] + (0..<6).flatMap { ["small[]", "blob[300, \($0 == 3 ? 70_000 : 130)]"] }
      #expect(fixture.names == names)
      #expect(check.names == names)
      #expect(fixture.recorder.anomalies.isEmpty, "\(fixture.recorder.anomalies)")
    }
  }

  @Test("Without rules a byte leaves when it comes, whole frame or not")
  func immediate() {
    let fixture = Fixture()
    let frame = Self.text(#"42["a",1]"#)
    for index in 0..<frame.readableBytes {
      fixture.receive(frame.getSlice(at: index, length: 1) ?? ByteBuffer())
      #expect(fixture.sent.readableBytes == index + 1)
    }
    #expect(fixture.sent == frame)
    #expect(fixture.names == ["a[]"])
  }

  @Test("An event's time is when its bytes came, although they are read when they have left")
  func arrival() {
    let fixture = Fixture()
    var bytes = Self.text(#"42["a",1]"#)
    bytes.writeImmutableBuffer(Self.text(#"451-["b",{"_placeholder":true,"num":0}]"#))
    let attachment = WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(string: "bytes"), masked: false)
    let arrivals = [SocketIOEvent.Arrival(), SocketIOEvent.Arrival()]
    for (part, arrival) in zip([bytes, attachment], arrivals) {
      _ = fixture.flow.readOnly(part, into: &fixture.stream, now: .now(), arrival)
    }
    // With all of an event, not with its beginning.
    #expect(fixture.recorder.records.map(\.time) == arrivals.map(\.time))
    #expect(fixture.recorder.records.map(\.date) == arrivals.map(\.date))
  }

  @Test("Rules that are set again count anew")
  func countingAnew() throws {
    let faults = FaultEngine()
    let event = try SocketIOEvent(name: "a", arguments: [])
    for _ in 0..<2 {
      faults.set([FaultRule("first", .drop, occurrence: .nth(1))])
      #expect(faults.decide(event, .toClient).faults == ["first"])
      #expect(faults.decide(event, .toClient).faults == [])
    }
  }

  @Test("Every action, on a clock that the test holds")
  func actions() {
    func sent(_ rule: FaultRule, _ messages: [String]) -> Fixture {
      let fixture = Fixture()
      fixture.faults.set([rule])
      for message in messages { fixture.receive(Self.text(message), now: .uptimeNanoseconds(0)) }
      return fixture
    }
    let (a, b, c) = (#"42["a",1]"#, #"42["b",2]"#, #"42["a",3]"#)
    func joined(_ messages: String...) -> ByteBuffer {
      messages.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(Self.text($1)) }
    }
    #expect(sent(FaultRule("r", .drop, event: "a"), [a, b, c]).sent == joined(b))
    #expect(sent(FaultRule("r", .drop, event: "a", direction: .toServer), [a, b, c]).sent == joined(a, b, c))
    #expect(sent(FaultRule("r", .duplicate, event: "a", occurrence: .first(1)), [a, b, c]).sent == joined(a, a, b, c))
    #expect(sent(FaultRule("r", .reorder(), event: "a"), [a, b, c]).sent == joined(b, c, a))
    #expect(sent(FaultRule("r", .disconnect, event: "b"), [a, b]).disconnected)
    #expect(sent(FaultRule("r", .truncate(bytes: 0), event: "b"), [a, b]).sent == joined(a, #"42["b","#))
    let replaced = sent(FaultRule("r", .replace { _ in FaultPayload(payload: Array("[]".utf8)) }, event: "b"), [b])
    #expect(replaced.sent == joined(#"42["b"]"#))

    let delayed = sent(FaultRule("r", .delay(.seconds(2)), event: "a"), [a, b, "2"])
    #expect(delayed.sent == joined("2"))
    delayed.wake(now: .uptimeNanoseconds(1_999_999_999))
    #expect(delayed.sent == joined("2"))
    delayed.wake(now: .uptimeNanoseconds(2_000_000_000))
    #expect(delayed.sent == joined("2", a, b))

    let lonely = sent(FaultRule("r", .reorder(atMost: .seconds(1)), event: "a"), [a, b])
    #expect(lonely.sent == joined(b))
    lonely.flush()
    #expect(lonely.sent == joined(b, a))
  }

  @Test(
    "What cannot be understood is forwarded untouched and noted",
    arguments: [
      ByteBuffer(bytes: [0xC1, 1, 0x32]), ByteBuffer(bytes: [0x81, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3]),
      Self.text("9what"), Self.text("42{}"), Self.text("42[]"), Self.text(""),
      WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: [1]), masked: false),
    ])
  func anomalies(bytes: ByteBuffer) {
    for rules in [[], [FaultRule("r", .drop)]] {
      let fixture = Fixture()
      fixture.faults.set(rules)
      var stream = bytes
      stream.writeImmutableBuffer(bytes)
      fixture.receive(stream)
      #expect(fixture.sent == stream)
      #expect(!fixture.recorder.anomalies.isEmpty)
    }
  }

  @Test(
    "An event of which some has passed when a rule for it is set passes as it is, and that is said",
    arguments: [
      FaultRule.Action.drop, .duplicate, .disconnect, .delay(.seconds(9)), .delay(.seconds(9), keepingOrder: false),
      .reorder(), .truncate(bytes: 0), .replace { _ in FaultPayload(payload: Array("[]".utf8)) },
    ])
  func partlySent(action: FaultRule.Action) {
    // In the middle of a frame, and between a packet and its attachment.
    let plain = [Self.text(#"42["a",1]"#)]
    let binary = [
      Self.text(#"451-["a",{"_placeholder":true,"num":0}]"#),
      WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: [1, 2, 3]), masked: false),
    ]
    for (frames, passed) in [(plain, 5), (binary, 5), (binary, binary[0].readableBytes)] {
      let fixture = Fixture()
      let stream = frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
      var rest = stream
      fixture.receive(rest.readSlice(length: passed) ?? ByteBuffer(), now: .uptimeNanoseconds(0))
      fixture.faults.set([FaultRule("r", action, event: "a")])
      fixture.receive(rest, now: .uptimeNanoseconds(0))
      #expect(fixture.sent == stream)
      #expect(!fixture.disconnected && fixture.wake == nil)
      #expect(fixture.recorder.records.map(\.event.name) == ["a"])
      #expect(fixture.recorder.records.map(\.faults) == [[]])
      #expect(fixture.recorder.anomalies.map { $0.message.contains("began to pass") } == [true])
      // The next one is the rule's.
      fixture.receive(plain[0], now: .uptimeNanoseconds(0))
      #expect(fixture.recorder.records.last?.faults == ["r"])
    }
  }

  @Test("A full recording stops keeping, says so once, and goes on forwarding")
  func fullRecording() {
    let fixture = Fixture()
    let message = Self.text("42[\"a\",\"\(String(repeating: "x", count: 400_000))\"]")
    for _ in 0..<5 { fixture.receive(message) }
    #expect(fixture.recorder.records.count == 2)
    #expect(fixture.recorder.anomalies.count == 1)
    #expect(fixture.sent.readableBytes == 5 * message.readableBytes)
  }

  @Test(
    "Auth and values whose names say that they are secrets are shown only on demand", arguments: Self.secretMessages)
  func secrets(message: String, direction: TapDirection, shown: String) throws {
    let fixture = Fixture(direction)
    let isMasked = direction == .toServer
    fixture.receive(Self.text(message, masked: isMasked))
    let record = try #require(fixture.recorder.records.first)
    for text in ["\(record)", record.jsonLine(shorteningTo: nil), record.jsonLine()] {
      #expect(!text.contains("hunter2"))
      #expect(text.contains(shown))
    }
    #expect(record.line(showingSecrets: true).contains("hunter2"))
    #expect(record.jsonLine(showingSecrets: true).contains("hunter2"))
    // What tests and rules see is what was said.
    #expect(record.event.payloadText.contains("hunter2"))
  }

  @Test("What names a secret and is no JSON is not shown either")
  func secretsThatAreNoJSON() throws {
    let event = try SocketIOEvent(
      PacketAssembler.Whole(
        packet: SocketIOPacket(kind: .event, data: ByteBuffer(string: #"["login",{"token":"hunter2"]"#)),
        attachments: []))
    let record = TapRecord(direction: .toServer, event: event)
    #expect(record.description.contains("login *** ("))
    #expect(record.jsonLine().contains(#""payload":"***""#))
    #expect(record.line(showingSecrets: true).contains("hunter2"))
  }

  private static let secretMessages: [(String, TapDirection, String)] = [
    (#"40{"token":"hunter2","n":7}"#, .toServer, #""n":"***""#),
    (#"40/sts,{"user":{"name":"hunter2"}}"#, .toServer, #""name":"***""#),
    (#"42["login",{"user":"eve","passWord":"hunter2"}]"#, .toServer, #""user":"eve""#),
    (#"42["session",{"auth":{"is":"hunter2"},"author":"eve"}]"#, .toClient, #""author":"eve""#),
    (#"42["session",{"\u0074oken":"hunter2","n":7}]"#, .toClient, #""n":7"#),
    (#"44{"message":"no","data":{"api_key":"hunter2"}}"#, .toClient, #""message":"no""#),
  ]

  @Test("A record's line of JSON has everything, shortened or in full")
  func lines() throws {
    let fixture = Fixture()
    let long = String(repeating: "x", count: 500)
    fixture.receive(Self.text(#"451-/sts,7["a",{"long":"\#(long)","n":1.5,"d":{"_placeholder":true,"num":0}}]"#))
    fixture.receive(WebSocketFrameScanner.frame(opcode: 2, ByteBuffer(bytes: [1, 2]), masked: false))
    let record = try #require(fixture.recorder.records.first)
    guard
      case .object(let short) = try JSONDecoder().decode(
        JSONValue.self, from: Data(record.jsonLine(shorteningTo: 20).utf8)),
      case .object(let full) = try JSONDecoder().decode(
        JSONValue.self, from: Data(record.jsonLine(shorteningTo: nil).utf8))
    else {
      Issue.record("a line is no object")
      return
    }
    #expect(short["event"] == .string("a") && short["namespace"] == .string("/sts") && short["ack"] == .integer(7))
    #expect(short["direction"] == .string("toClient") && short["attachments"] == .array([.integer(2)]))
    #expect(full["attachments"] == .array([.string("AQI=")]))
    #expect(short["payload"]?.text.contains("(500 bytes)") == true && full["payload"]?.text.contains(long) == true)
    #expect(short["time"]?.string?.hasSuffix("Z") == true)
  }
}
