import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

@Suite("Packets as values", .kind(.logic))
struct CodecTests {
  typealias Kind = SocketIOPacket.Kind

  @Test(
    "Socket.IO packets are read, and written as they were",
    arguments: [
      ("0", Kind.connect, "/", Int?.none, 0, ""),
      ("0/sts,{\"token\":\"x\"}", .connect, "/sts", nil, 0, "{\"token\":\"x\"}"),
      ("1/sts,", .disconnect, "/sts", nil, 0, ""),
      ("2[\"a\"]", .event, "/", nil, 0, "[\"a\"]"),
      ("2/sts,17[\"a\",1]", .event, "/sts", 17, 0, "[\"a\",1]"),
      ("30[]", .ack, "/", 0, 0, "[]"),
      ("4{\"message\":\"no\"}", .connectError, "/", nil, 0, "{\"message\":\"no\"}"),
      (
        "52-/sts,3[\"a\",{\"_placeholder\":true,\"num\":0}]", .binaryEvent, "/sts", 3, 2,
        "[\"a\",{\"_placeholder\":true,\"num\":0}]"
      ),
      ("61-9[{\"_placeholder\":true,\"num\":0}]", .binaryAck, "/", 9, 1, "[{\"_placeholder\":true,\"num\":0}]"),
    ])
  func socketIO(text: String, kind: Kind, namespace: String, id: Int?, attachments: Int, data: String) throws {
    let packet = try SocketIOPacket.parse(ByteBuffer(string: text))
    #expect(packet.kind == kind)
    #expect(packet.namespace == namespace)
    #expect(packet.id == id)
    #expect(packet.attachmentCount == attachments)
    #expect(String(buffer: packet.data) == data)
    #expect(String(buffer: packet.encoded()) == text)
  }

  @Test(
    "Malformed Socket.IO packets are errors that quote them",
    arguments: [
      "", "x", "7[]", "-1", "5[\"a\"]", "5-[\"a\"]", "51[\"a\"]", "2", "2{}", "2[", "2[\"a\"", "2\"a\"", "3[]", "0[]",
      "1{}",
      "299999999999999999999[\"a\"]", "5999-[\"a\"]", "2/sts", "4[]",
    ])
  func malformed(text: String) {
    let error = #expect(throws: SocketIOError.self) { try SocketIOPacket.parse(ByteBuffer(string: text)) }
    #expect(error?.evidence.joined().contains(text) == true || text.isEmpty)
  }

  @Test(
    "Events: the name is cut out and arguments are found without decoding the rest",
    arguments: [
      (#"["a"]"#, "a", "[]", 0), (#"["a",1]"#, "a", "[1]", 1),
      (#"[ "a" , [1,"]"] , {"b":","} ]"#, "a", #"[ [1,"]"] , {"b":","} ]"#, 2),
      (#"["q\"uote\\",null]"#, #"q"uote\"#, "[null]", 1), (#"["é\u00e9","\\\"",""]"#, "éé", #"["\\\"",""]"#, 2),
    ])
  func events(array: String, name: String, payload: String, count: Int) throws {
    let event = try SocketIOEvent(.init(packet: SocketIOPacket.parse(ByteBuffer(string: "2" + array)), attachments: []))
    #expect(event.name == name)
    #expect(event.payloadText == payload)
    #expect(try event.argumentCount() == count)
    #expect(throws: SocketIOError.self) { try event.decode(Int.self, at: count) }
  }

  @Test(
    "Events without a name are errors",
    arguments: [
      "[]", "[1 2]", "[01]", "[NaN]", "[true]", "[null]", #"["a]"#, #"["a" 1]"#, #"[["a"]]"#, #"["\x"]"#, "[ ]",
    ])
  func namelessEvents(array: String) throws {
    let packet = try SocketIOPacket.parse(ByteBuffer(string: "2" + array))
    #expect(throws: SocketIOError.self) { try SocketIOEvent(.init(packet: packet, attachments: [])) }
  }

  @Test("A payload that is not JSON is an error when it is decoded, not before")
  func lazyDecoding() throws {
    let event = try SocketIOEvent(
      .init(packet: SocketIOPacket.parse(ByteBuffer(string: #"2["a",{"b":]"#)), attachments: []))
    let error = #expect(throws: SocketIOError.self) { try event.decode([String: Int].self) }
    #expect(error?.code == .decodingFailed)
    let other = try SocketIOEvent(
      .init(packet: SocketIOPacket.parse(ByteBuffer(string: #"2["a","no base64!"]"#)), attachments: []))
    #expect(throws: SocketIOError.self) { try other.decode(Int.self) }
    #expect(throws: SocketIOError.self) { try other.decode(Data.self) }
  }

  @Test("Attachments: a number beyond those that came is an error, base64 is Data as well")
  func placeholders() throws {
    let text =
      #"51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},"AQI=",{"_placeholder":true,"num":-1}]"#
    let event = try SocketIOEvent(
      .init(packet: SocketIOPacket.parse(ByteBuffer(string: text)), attachments: [ByteBuffer(bytes: [7])]))
    #expect(try event.decode(Data.self) == Data([7]))
    #expect(throws: SocketIOError.self) { try event.decode(Data.self, at: 1) }
    #expect(try event.decode(Data.self, at: 2) == Data([1, 2]))
    #expect(throws: SocketIOError.self) { try event.decode(Data.self, at: 3) }
  }

  @Test("Arguments are encoded with Data as numbered attachments")
  func encoding() throws {
    struct Audio: Encodable, Sendable {
      var format = "pcm/16"
      var data = Data([1])
    }
    let encoded = try SocketIOJSON.encode(name: "e\"v", [Audio(), [Data([2]), Data([3])], 1.5, Int?.none])
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(encoded.array.readableBytesView))
    guard case .array(let items) = value else { return #expect(Bool(false), "no array: \(value)") }
    #expect(items[0] == .string("e\"v"))
    #expect(
      items[1]
        == .object(["format": .string("pcm/16"), "data": .object(["_placeholder": .bool(true), "num": .integer(0)])]))
    #expect(items[3] == .number(1.5))
    #expect(items[4] == .null)
    #expect(encoded.attachments == [[1], [2], [3]].map { ByteBuffer(bytes: $0 as [UInt8]) })
    #expect(String(buffer: encoded.array).contains("pcm/16"))
  }

  @Test("Polling payloads are split at 0x1E, with binary parts in base64, and joined again")
  func payloads() throws {
    let body = "42[\"a\"]\u{1E}bAQI=\u{1E}2"
    let parts = try EngineIOPayload.parse(ByteBuffer(string: body))
    #expect(parts.count == 3)
    guard case .binary(let bytes) = parts[1] else { return #expect(Bool(false), "not binary") }
    #expect(bytes == ByteBuffer(bytes: [1, 2]))
    #expect(String(buffer: EngineIOPayload.encode(parts)) == body)
    #expect(try EngineIOPayload.parse(ByteBuffer()).isEmpty)
    #expect(throws: SocketIOError.self) { try EngineIOPayload.parse(ByteBuffer(string: "b!!")) }
  }

  @Test("Bytes cut or changed at random never crash a parser")
  func randomBytes() throws {
    let seeds = [
      #"452-/sts,17["fragment:processed",{"a":{"_placeholder":true,"num":0}},"x\"\\"]"#,
      #"0{"sid":"x","pingInterval":1,"pingTimeout":1}"#,
      "42[\"a\"]\u{1E}bAQI=\u{1E}2",
    ]
    var random = SystemRandomNumberGenerator()
    for _ in 0..<3_000 {
      var bytes = Array(seeds[Int.random(in: 0..<seeds.count)].utf8)
      for _ in 0..<Int.random(in: 0...4) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255)
      }
      let text = ByteBuffer(bytes: bytes.prefix(Int.random(in: 0...bytes.count)))
      var engine = EngineIOSession()
      _ = try? engine.receive(text: text)
      _ = try? EngineIOPayload.parse(text)
      var assembler = PacketAssembler(limits: .init())
      guard
        let whole = try? assembler.receive(
          text: text.getSlice(at: min(1, text.readableBytes), length: max(0, text.readableBytes - 1)) ?? text),
        let event = try? SocketIOEvent(whole)
      else { continue }
      _ = try? event.argumentCount()
      _ = try? event.decode(JSONValue.self)
    }
  }

  @Test("Waits between reconnections double, vary by the jitter and stay under the limit")
  func backoff() {
    let reconnection = SocketIOConfiguration.Reconnection()
    #expect((0..<5).map { reconnection.wait(attempt: $0, random: 0) } == [1, 2, 4, 5, 5].map { Duration.seconds($0) })
    #expect(reconnection.wait(attempt: 0, random: -1) == .milliseconds(500))
    #expect(reconnection.wait(attempt: 1, random: 1) == .seconds(3))
    #expect(reconnection.wait(attempt: 5_000, random: 1) == .seconds(5))
  }

  @Test("URLs become hosts, ports and request targets")
  func endpoints() throws {
    let plain = try SocketIOEndpoint.parse("http://localhost")
    #expect(plain.authority == "localhost" && plain.port == 80 && !plain.isSecure)
    #expect(plain.target(.webSocket) == "/socket.io/?EIO=4&transport=websocket")
    #expect(plain.target(.polling, sid: "a b") == "/socket.io/?EIO=4&transport=polling&sid=a%20b")
    let full = try SocketIOEndpoint.parse("WS://[::1]:3000/ignored?a=1", path: "x/y", query: [("b", "ü")])
    #expect(full.host == "::1" && full.authority == "[::1]:3000")
    #expect(full.target(.webSocket) == "/x/y/?a=1&b=%C3%BC&EIO=4&transport=websocket")
    let secure = try SocketIOEndpoint.parse("wss://example.org")
    #expect(secure.authority == "example.org" && secure.port == 443 && secure.isSecure)
    #expect(full.authority == "[::1]:3000")
  }

  @Test("What comes of a namespace that was left, or that was never asked for, is nobody's")
  func departed() throws {
    var session = SocketIOSession(limits: .init())
    for name in ["/", "/sts"] { _ = session.ask(for: name) }
    _ = try session.receive(text: ByteBuffer(string: #"0/sts,{"sid":"x"}"#))
    _ = try session.receive(text: ByteBuffer(string: #"0{"sid":"y"}"#))
    _ = try session.receive(text: ByteBuffer(string: #"0/other,{"sid":"z"}"#))
    #expect(session.namespaces == ["/", "/sts"] && !session.isAlone("/"))
    session.leave("/sts")
    #expect(session.isAlone("/"))
    for text in [#"2/sts,["late"]"#, #"2/other,["a"]"#] {
      guard case .nothing = try session.receive(text: ByteBuffer(string: text)) else {
        Issue.record("\(text) was delivered")
        continue
      }
    }
  }

  @Test("Cut text, and bytes that are none, in what a server says of itself cost no connection")
  func oddHandshake() throws {
    var engine = EngineIOSession()
    let hello = ByteBuffer(string: #"0{"sid":"a\ud83d","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
    guard case .opened(let handshake) = try engine.receive(text: hello) else {
      Issue.record("not opened")
      return
    }
    #expect(handshake.sid == "a\u{FFFD}")
    for (sid, namespace) in [(Array(#"\udc00"#.utf8), "/"), ([0xFF], "/b")] {
      var session = SocketIOSession(limits: .init())
      _ = session.ask(for: namespace)
      let answer = Array("0\(namespace),{\"sid\":\"".utf8) + sid + Array("\"}".utf8)
      guard case .connected(namespace) = try session.receive(text: ByteBuffer(bytes: answer)) else {
        Issue.record("\(namespace) is not joined")
        continue
      }
      #expect(session.namespaces == [namespace])
    }
  }

  @Test("A namespace whose name is no text is one all the same")
  func oddNamespace() throws {
    let packet = try SocketIOPacket.parse(ByteBuffer(bytes: Array("2/".utf8) + [0xFF] + Array(#",["a"]"#.utf8)))
    #expect(packet.namespace == "/\u{FFFD}" && String(buffer: packet.data) == #"["a"]"#)
  }

  @Test("What comes before the answer to CONNECT is kept, up to the length of one message")
  func early() throws {
    var session = SocketIOSession(limits: .init(maxMessageBytes: 100))
    _ = session.ask(for: "/")
    for index in 0..<5 { _ = try session.receive(text: ByteBuffer(string: "2[\"early\",\(index)]")) }
    guard case .connected = try session.receive(text: ByteBuffer(string: #"0{"sid":"x"}"#)) else {
      Issue.record("not joined")
      return
    }
    #expect(try session.takeEarly("/").map { try $0.decode(Int.self) } == Array(0..<5))
    #expect(session.takeEarly("/").isEmpty)
    // What was taken, or was of a namespace that is left, counts no more.
    for round in 0..<20 {
      _ = session.ask(for: "/\(round)")
      for _ in 0..<5 { _ = try session.receive(text: ByteBuffer(string: "2/\(round),[\"early\",1]")) }
      session.leave("/\(round)")
    }
    _ = session.ask(for: "/b")
    let error = #expect(throws: SocketIOError.self) {
      for _ in 0..<50 { _ = try session.receive(text: ByteBuffer(string: #"2/b,["early",1]"#)) }
    }
    #expect(error?.code == .limitExceeded)
  }
}
