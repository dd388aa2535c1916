import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite("Tap between peers that go their own way", .kind(.programs), .peer("hostile.py"))
struct TapPressureTests {
  private let patient = TapOptions(connectTimeout: wait)

  @Test("A server that does not read holds its client back through a tap as well")
  func backPressure() async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, options: patient) { tap in
      let passed = tap.events(named: "large", .toServer)
      let client = SocketIOClient(url: tap.url + "?case=never-reads", configuration: .patient(reconnection: nil))
      let sending = try await client.withConnection { client in
        let sending = Task {
          for _ in 0..<100 { try await client.emit("large", Data(count: 1_000_000)) }
        }
        // What four sockets' buffers take passes; a tap that reads on would have all of it.
        _ = try await passed.next(timeout: wait)
        // However slow the machine: all that pass come one soon after another, and then none.
        var count = 1
        await #expect(throws: EventQueue<TapRecord>.Timeout.self) {
          while count < 100 {
            _ = try await passed.next(timeout: .seconds(3))
            count += 1
          }
        }
        #expect(count < 60)
        return sending
      }
      await #expect(throws: SocketIOError.self) { try await sending.value }
    }
  }

  @Test("One side may stop sending and still hear the answer")
  func halfClose() async throws {
    let answer = try await SocketIOTap.withTap(upstream: Peer.url, options: patient) { tap in
      try await Peer.output("raw.py", ["\(tap.port)", "half-close"])
    }
    #expect(answer.contains("404 Not Found"))
  }

  @Test("Frames that a client sends with its upgrade request pass, and are recorded once the server has agreed")
  func earlyFrames() async throws {
    try await SocketIOTap.withTap(upstream: Peer.url, options: patient) { tap in
      #expect(try await Peer.output("raw.py", ["\(tap.port)", "early"]).contains("40{\"sid\":\"y\"}"))
      try await eventually("the last is recorded") { tap.records().contains { $0.kind == .disconnect } }
      let asked = tap.records().filter { $0.direction == .toServer }
      #expect(asked.map(\.kind) == [.connect, .event, .disconnect] && asked[1].event.name == "early")
      #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
    }
  }

  @Test("A changed event goes to a server masked, as a client's frames must be, and to a client unmasked")
  func masks() throws {
    for direction in [TapDirection.toServer, .toClient] {
      let faults = FaultEngine()
      faults.set([FaultRule("r", .replace { FaultPayload(payload: $0.payload, attachments: [[7]]) })])
      var flow = TapFlow(direction: direction, connection: 1, faults: faults, limits: .init())
      var stream = TapStream(
        direction: direction, recorder: TapRecorder(maxBytes: 1_000), faults: faults, limits: .init())
      var sent = ByteBuffer()
      let message = TapFlowTests.text(#"42["a",1]"#, masked: direction == .toServer)
      for case .send(let part) in flow.receive(message, into: &stream, now: .now()) {
        sent.writeImmutableBuffer(part)
      }
      var scanner = WebSocketFrameScanner(maxPayloadBytes: 1_000)
      scanner.append(sent)
      for content in [ByteBuffer(string: #"451-["a",1]"#), ByteBuffer(bytes: [7])] {
        let frame = try #require(try scanner.next())
        #expect(frame.payload == content)
        let second = try #require(frame.unsent.getInteger(at: frame.unsent.readerIndex + 1, as: UInt8.self))
        #expect((second & 0x80 != 0) == (direction == .toServer))
      }
    }
  }
}
