import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)
private let patient = TapOptions(connectTimeout: .seconds(60))

@Suite("A tap's record of sessions that change connections and transports", .kind(.programs), .inTurn)
struct TapSessionTests {
  static let servers = [[], ["--one-a-poll"], ["--close"], ["--one-a-poll", "--close"]]

  /// Starts the server once for all ways in which clients come, each by a tap of its own.
  private func withTaps(
    _ server: [String], rules: [FaultRule] = [],
    _ body: @escaping @Sendable (_ tap: SocketIOTap, _ transports: String) async throws -> Void
  ) async throws {
    try await Peer.run("server.py", server) { port in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for transports in ["polling", "websocket", "both"] {
          group.addTask {
            try await SocketIOTap.withTap(upstream: "http://127.0.0.1:\(port)", rules: rules, options: patient) {
              try await body($0, transports)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test(
    "Binary events of a session are each in the record once, whatever connections and transports they came over",
    arguments: servers)
  func binaryEvents(server: [String]) async throws {
    let number = 60
    try await withTaps(server) { tap, transports in
      let came = try await Peer.output("blobs.py", [tap.url, transports, "\(number)"])
      #expect(came == (0..<number).map(String.init).joined(separator: " ") + "\n", "\(transports)")
      func indexes(_ name: String, _ direction: TapDirection) -> [Int] {
        tap.records().filter { $0.event.name == name && $0.direction == direction }
          .compactMap { record in
            guard record.event.attachments.map(\.count) == [3] else { return nil }
            return try? record.event.decode(Int.self)
          }
      }
      try await eventually("the last is recorded") { indexes("blob-back", .toClient).last == number - 1 }
      #expect(indexes("blob", .toServer) == Array(0..<number), "\(transports)")
      #expect(indexes("blob-back", .toClient) == Array(0..<number), "\(transports)")
      #expect(tap.anomalies().isEmpty, "\(transports): \(tap.anomalies())")
    }
  }

  @Test("Rules act on binary events by polling, in both directions", arguments: servers)
  func rules(server: [String]) async throws {
    func index(_ number: Int) -> @Sendable (SocketIOEvent) -> Bool {
      { (try? $0.decode(Int.self)) == number }
    }
    let rules = [
      FaultRule("lose 2", .drop, event: "blob", direction: .toServer, where: index(2)),
      FaultRule("double 4", .duplicate, event: "blob", direction: .toServer, where: index(4)),
      FaultRule("lose 6", .drop, event: "blob-back", direction: .toClient, where: index(6)),
      FaultRule("double 8", .duplicate, event: "blob-back", direction: .toClient, where: index(8)),
      FaultRule("swap 10", .reorder(), event: "blob-back", direction: .toClient, occurrence: .nth(11)),
    ]
    try await withTaps(server, rules: rules) { tap, transports in
      let came = try await Peer.output("blobs.py", [tap.url, transports, "16"])
      // 2 is lost and 4 doubled before the server, so that its 11th answer is 10.
      #expect(came == "0 1 3 4 4 5 7 8 8 9 11 10 12 13 14 15\n", "\(transports)")
      #expect(tap.anomalies().isEmpty, "\(transports): \(tap.anomalies())")
    }
  }
}
