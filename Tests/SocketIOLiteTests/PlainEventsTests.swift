import ComposeTesting
import NIOCore
import NIOEmbedded
import SocketIOLite
import Testing

@Suite("Events that are called like the one before", .kind(.logic))
struct PlainEventsTests {
  /// Joined to "/" and, by `first`, used to one name.
  private static func session(
    after first: String = #"2["said",0]"#, limits: SocketIOLimits = .init()
  ) throws -> SocketIOSession {
    var session = SocketIOSession(limits: limits)
    for name in ["/", "/b"] {
      _ = session.ask(for: name)
      _ = try session.receive(text: ByteBuffer(string: name == "/" ? #"0{"sid":"x"}"# : #"0/b,{"sid":"y"}"#))
    }
    _ = try session.receive(text: ByteBuffer(string: first))
    return session
  }

  private static func frame(_ text: String, first: UInt8 = 0x81) -> WebSocketFrameReader.Frame {
    .init(first, ByteBuffer(string: text))
  }

  @Test("What is taken at a glance is what the session would have read, and its time is that of its bytes")
  func same() throws {
    let taken = [
      #"42["said",1]"#, #"42["said"]"#, #"42["said",]"#, #"42["said", {"a":[1,"]"]} ]"#, #"42["said",[[]]]"#,
      #"42["said","\#(String(repeating: "x", count: 5_000))"]"#, #"42["said"]]"#, #"42["said","é"]"#,
      "42[\"said\",\n1\n]",
    ]
    let read = [
      #"42["said" ,1]"#, #"42[ "said",1]"#, #"42["said",1] "#, #"42["other",1]"#, #"42["sai",1]"#, #"42["saidd",1]"#,
      #"42["s\u0061id",1]"#, #"427["said",1]"#, #"42/b,["said",1]"#, #"2"#, #"3"#, #"6"#, #"42[1,2]"#,
    ]
    for (text, isTaken) in taken.map({ ($0, true) }) + read.map({ ($0, false) }) {
      var session = try Self.session()
      session.arrival = .init()
      let event = try session.plainEvents?.event(Self.frame(text))
      #expect((event != nil) == isTaken, "\(text)")
      guard let event, case .event(let other) = try session.receive(text: ByteBuffer(string: String(text.dropFirst())))
      else { continue }
      #expect(event.name == other.name && event.namespace == other.namespace && event.ackID == other.ackID, "\(text)")
      #expect(event.payload == other.payload && event.array == other.array, "\(text)")
      #expect(event.attachments.isEmpty && event.byteCount == other.byteCount, "\(text)")
      #expect(event.time == other.time && event.date == other.date && event.time == session.arrival.time)
    }
  }

  @Test("Nothing is taken at a glance where more than a glance is needed")
  func notPlain() throws {
    let text = #"42["said",1]"#
    for first: UInt8 in [0x01, 0x82, 0x80, 0xC1, 0x89] {
      #expect(try Self.session().plainEvents?.event(Self.frame(text, first: first)) == nil)
    }
    // Nothing was called anything yet; the last one was of another namespace; its name was written with escapes; a browser's
    // strictness is wanted; attachments are outstanding; the namespace was left.
    #expect(try Self.session(after: #"2/c,["said",1]"#).plainEvents == nil)
    #expect(try Self.session(after: #"2/b,["said",1]"#).plainEvents == nil)
    for name in [#"a\\b"#, #"a\"b"#, ""] { #expect(try Self.session(after: "2[\"\(name)\",1]").plainEvents == nil) }
    #expect(try Self.session(limits: .init(strictJSON: true)).plainEvents == nil)
    var session = try Self.session()
    #expect(session.plainEvents != nil)
    _ = try session.receive(text: ByteBuffer(string: #"51-["said",{"_placeholder":true,"num":0}]"#))
    #expect(session.plainEvents == nil)
    session = try Self.session()
    session.leave("/")
    #expect(session.plainEvents == nil)
    // Deeper than the limit, which ends the connection.
    let deep = #"42["said",\#(String(repeating: "[", count: 600))1]"#
    let error = #expect(throws: SocketIOError.self) { try Self.session().plainEvents?.event(Self.frame(deep)) }
    #expect(error?.code == .limitExceeded)
  }

  @Test(
    "A connection delivers the same, in the same order, however its bytes are cut", arguments: [1, 7, 100, 100_000])
  func connection(chunk: Int) throws {
    let loop = EmbeddedEventLoop()
    let delivered = NIOLoopBoundBox<[String]>([], eventLoop: loop)
    let (ended, closed) = (loop.makePromise(of: SocketIOError.self), loop.makePromise(of: Void.self))
    let join = ClientConnectionHandler.Join(
      namespace: "/", done: loop.makePromise(of: SocketIOSession.Membership.self))
    let handler = ClientConnectionHandler(
      wishes: .init(
        limits: .init(), joins: [join],
        deliver: { events in
          delivered.value += events.map { "\($0.name) \($0.payloadText) \($0.attachments.count) \($0.ackID ?? -1)" }
        }, joined: { _, _ in }, left: { _, _ in }),
      on: loop, ended: ended, closed: closed)
    let channel = EmbeddedChannel(handler: handler, loop: loop)
    try channel.connect(to: .init(unixDomainSocketPath: "/peer")).wait()
    var bytes = ByteBuffer()
    func say(_ text: String, opcode: UInt8 = 1) {
      bytes.writeImmutableBuffer(WebSocketFrameScanner.frame(opcode: opcode, ByteBuffer(string: text), masked: false))
    }
    say(#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
    say(#"40{"sid":"t"}"#)
    var expected: [String] = []
    for number in 0..<20 {
      say("42[\"a\",\(number)]")
      say("42[\"a\",\(number),\"again\"]")
      expected += ["a [\(number)] 0 -1", "a [\(number),\"again\"] 0 -1"]
      switch number % 5 {
      case 0: say("2")
      case 1:
        say("42\(number)[\"a\",1]")
        expected.append("a [1] 0 \(number)")
      case 2:
        say(#"451-["a",{"_placeholder":true,"num":0}]"#)
        say("bytes", opcode: 2)
        expected.append(#"a [{"_placeholder":true,"num":0}] 1 -1"#)
      case 3:
        say(#"42["b"]"#)
        expected.append("b [] 0 -1")
      default:
        // In two frames, with one between that is none of a message.
        bytes.writeBytes([0x01, 7] + Array(#"42["a","#.utf8))
        say("", opcode: 9)
        bytes.writeBytes([0x80, 2] + Array("9]".utf8))
        expected.append("a [9] 0 -1")
      }
    }
    // A message inside of another.
    bytes.writeBytes([0x01, 7] + Array(#"42["a","#.utf8))
    say(#"42["a","inside"]"#)
    while let part = bytes.readSlice(length: min(chunk, bytes.readableBytes)), part.readableBytes > 0 {
      try channel.writeInbound(part)
    }
    #expect(delivered.value == expected)
    #expect(try ended.futureResult.wait().reason == .parseError)
    _ = try? channel.finish(acceptAlreadyClosed: true)
    loop.run()
  }
}
