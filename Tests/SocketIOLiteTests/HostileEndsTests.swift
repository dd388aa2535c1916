import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

@Suite(
  "A connection that ends in the middle of something, and attachments that come otherwise than they are named",
  .kind(.programs),
  .peer("hostile.py"))
struct HostileEndsTests {
  func client(_ name: String) -> SocketIOClient {
    SocketIOClient(url: Peer.url + "?case=\(name)", configuration: .patient(reconnection: nil))
  }

  @Test(
    "Wherever the server closes, whoever waits learns it, and nothing half is delivered",
    arguments: ["close-in-head", "close-in-frame", "close-in-message", "close-among-attachments"])
  func ends(name: String) async throws {
    let client = client(name)
    let events = client.allEvents()
    let error = await #expect(throws: SocketIOError.self) {
      try await client.withConnection { _ in _ = try await events.next(timeout: wait) }
    }
    #expect(error?.code == .disconnected && error?.reason == .transportClose, "\(error?.description ?? "")")
    #expect(events.count == 0)
  }

  @Test(
    "A handshake that breaks off or lacks a field is a typed error",
    arguments: [("close-in-upgrade", SocketIOError.Code.unexpectedResponse), ("no-ping-timeout", .malformedPacket)])
  func handshakes(name: String, code: SocketIOError.Code) async throws {
    let error = await #expect(throws: SocketIOError.self) { try await client(name).withConnection { _ in } }
    #expect(error?.code == code, "\(error?.description ?? "")")
  }

  @Test("Attachments belong to their numbers, not to the order of their placeholders")
  func outOfOrder() async throws {
    let client = client("out-of-order")
    let blobs = client.events(named: "blobs")
    try await client.withConnection { _ in
      let event = try await blobs.next(timeout: wait)
      #expect(try event.decode(Data.self) == Data("one".utf8))
      #expect(try event.decode(Data.self, at: 1) == Data("zero".utf8))
    }
  }
}
