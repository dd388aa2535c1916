import Foundation
import SocketIOLite
import Subprocess
import Testing

/// Two services that know nothing of this test; the one is told the tap's address in place of the other's.
@Suite("A kitchen and its waiter")
struct KitchenTests {
  @Test("The tap hears every order and every answer, which go to one session only", .timeLimit(.minutes(2)))
  func everything() async throws {
    try await withKitchen { kitchen in
      try await SocketIOTap.withTap(upstream: kitchen) { tap in
        try await waiter(at: tap.url)
        let said = tap.records().filter { $0.kind == .event }
        #expect(said.map(\.event.name) == ["order", "served", "order", "served", "order", "served"])
        #expect(said.map(\.direction) == [.toServer, .toClient, .toServer, .toClient, .toServer, .toClient])
        #expect(said.last?.event.payloadText == #"[{"dish":"cake"}]"#)
      }
    }
  }

  @Test("An answer that is lost is ordered again", .timeLimit(.minutes(2)))
  func lost() async throws {
    let rule = FaultRule("lose the fish", .drop, event: "served", direction: .toClient, occurrence: .nth(2))
    try await withKitchen { kitchen in
      try await SocketIOTap.withTap(upstream: kitchen, rules: [rule]) { tap in
        try await waiter(at: tap.url)
        let orders = tap.records().filter { $0.event.name == "order" }
        #expect(orders.map(\.event.payloadText) == [#"["soup"]"#, #"["fish"]"#, #"["fish"]"#, #"["cake"]"#])
        // What the tap did is told apart from what happened by itself.
        #expect(tap.records().filter { !$0.faults.isEmpty }.map(\.faults) == [["lose the fish"]])
      }
    }
  }

  // MARK: The services

  /// `PYTHON`, or the one on the PATH; it needs services/requirements.txt.
  private let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"

  private func script(_ name: String) -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return package.appending(path: "services/\(name)").path
  }

  /// Runs the kitchen for as long as `body` takes, which gets its address.
  private func withKitchen<R: Sendable>(_ body: @Sendable (String) async throws -> R) async throws -> R {
    let ended = try await run(
      .name("env"), arguments: [python, script("kitchen.py")], input: .none, output: .sequence,
      error: .string(limit: 16_384)
    ) { execution -> Result<R, any Error> in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let result: Result<R, any Error>
      do {
        let port = try #require(try await lines.next(), "the kitchen did not start: see services/requirements.txt")
        result = .success(try await body("http://127.0.0.1:\(port.trimmingCharacters(in: .whitespacesAndNewlines))"))
      } catch {
        result = .failure(error)
      }
      try execution.send(signal: .kill)
      return result
    }
    return try ended.closureResult.get()
  }

  /// Runs the waiter to its end.
  private func waiter(at url: String) async throws {
    let ended = try await run(
      .name("env"), arguments: [python, script("waiter.py"), url], input: .none, output: .string(limit: 16_384),
      error: .string(limit: 16_384))
    try #require(ended.terminationStatus.isSuccess, "\(ended.standardError)")
  }
}
