import ComposeTesting
import NIOCore
import SocketIOLite
import Testing

/// What `make fuzz` found, or what a look at its targets did: each was wrong once.
@Suite("Inputs that a fuzzer made", .kind(.logic))
struct FuzzFindingsTests {
  @Test(
    "A polling payload that is read and written is what it was, empty packets and all",
    arguments: ["", "2", "2\u{1E}", "\u{1E}", "\u{1E}\u{1E}", "b\u{1E}\u{1E}2\u{1E}\u{1E}", "42A\u{1E}I=\u{1E}b\u{1E}"])
  func payloads(body: String) throws {
    let parts = try EngineIOPayload.parse(ByteBuffer(string: body))
    #expect(parts.count == (body.isEmpty ? 0 : body.split(separator: "\u{1E}", omittingEmptySubsequences: false).count))
    #expect(String(buffer: EngineIOPayload.encode(parts)) == body)
  }

  @Test("An event whose name looks like the one before, but has an escape in it, has a name of its own")
  func escapedNames() throws {
    var session = SocketIOSession(limits: .init())
    _ = session.ask(for: "/")
    _ = try session.receive(text: ByteBuffer(string: #"0{"sid":"x"}"#))
    var names: [String] = []
    for name in [#"a\\n"#, #"a\n"#, #"a\\n"#, "plain", "plain"] {
      guard case .event(let event) = try session.receive(text: ByteBuffer(string: #"2["\#(name)"]"#)) else { continue }
      names.append(event.name)
    }
    #expect(names == [#"a\n"#, "a\n", #"a\n"#, "plain", "plain"])
  }

  @Test(
    "Events under way from a namespace that either side left are neither delivered nor an error",
    arguments: [true, false])
  func departure(isOwn: Bool) throws {
    var session = SocketIOSession(limits: .init())
    _ = session.ask(for: "/a")
    for text in [#"0/a,{"sid":"x"}"#, #"2/a,["e"]"#] { _ = try session.receive(text: ByteBuffer(string: text)) }
    if isOwn { session.leave("/a") } else { _ = try session.receive(text: ByteBuffer(string: "1/a,")) }
    guard case .nothing = try session.receive(text: ByteBuffer(string: #"2/a,["e"]"#)) else {
      Issue.record("an event of a namespace that was left came through")
      return
    }
  }

  @Test("A burst is cut where the namespace or the name changes, and nothing of it is left out or put elsewhere")
  func runs() throws {
    let events = try [("/", "e"), ("/", "e"), ("/a", "e"), ("/", "e"), ("/b", "e"), ("/b", "f")].map {
      try SocketIOEvent(name: $1, namespace: $0, arguments: [])
    }
    var runs: [String] = []
    events[...].forEachRun { run in
      let of = Set(run.map { "\($0.namespace) \($0.name)" })
      runs.append("\(of.sorted().joined()) \(run.indices)")
    }
    #expect(runs == ["/ e 0..<2", "/a e 2..<3", "/ e 3..<4", "/b e 4..<5", "/b f 5..<6"])
    events[0..<0].forEachRun { _ in Issue.record("there is nothing") }
  }

  @Test(
    "Small frames before, behind and in one read with a refused one: those before it are read",
    arguments: [1, 3, 4_000])
  func batches(chunk: Int) throws {
    var stream = ByteBuffer()
    for number in 0..<100 {
      stream.writeImmutableBuffer(WebSocketFrameReaderTests.frame(ByteBuffer(repeating: 7, count: number)))
    }
    stream.writeBytes([0x81, 0x81, 1, 2, 3, 4, 5])
    var reader = WebSocketFrameReader(maxPayloadBytes: 1_000)
    var lengths: [Int] = []
    #expect(throws: SocketIOError.self) {
      while var input = stream.readSlice(length: min(chunk, stream.readableBytes)), input.readableBytes > 0 {
        while let frame = try reader.next(&input) { lengths.append(frame.payload.readableBytes) }
      }
    }
    #expect(lengths == Array(0..<100))
  }
}
