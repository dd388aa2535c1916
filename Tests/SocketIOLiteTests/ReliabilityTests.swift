import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

/// Long runs, short by default: `make reliability` makes them as long as the environment says.
private func count(_ variable: String, otherwise: Int) -> Int {
  ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? otherwise
}

@Suite("Nothing gets lost unsaid, and nothing leaks", .kind(.programs), .inTurn)
struct ReliabilityTests {
  @Test(
    "Of a stream of events over three lost connections each is received once, or missing beside a reported loss",
    arguments: [SocketIOTransport.webSocket, .polling])
  func stream(transport: SocketIOTransport) async throws {
    try await Peer.run("stream.py") { port in
      _ = try await Self.receive(
        "http://127.0.0.1:\(port)", by: transport, total: count("RELIABILITY_EVENTS", otherwise: 10_000))
    }
  }

  @Test("A tap between them has each in its record once", arguments: [SocketIOTransport.webSocket, .polling])
  func streamThroughTap(transport: SocketIOTransport) async throws {
    let total = count("RELIABILITY_EVENTS", otherwise: 10_000)
    try await Peer.run("stream.py") { port in
      let options = TapOptions(connectTimeout: wait, maxMemoryBytes: 1_000_000)
      try await SocketIOTap.withTap(upstream: "http://127.0.0.1:\(port)", options: options) { tap in
        let numbers = tap.events(named: "number", capacity: 200_000)
        // What passes is forwarded first and recorded then; who reads beside it keeps the queue short.
        async let last: Void = {
          while try await numbers.next(timeout: wait).event.payloadText != "[\(total)]" {}
        }()
        let received = try await Self.receive(tap.url, by: transport, total: total)
        try await last
        var newest = -1
        var recorded = 0
        try tap.forEachRecord { record in
          guard record.event.name == "number" else { return }
          let number = try #require(Int(record.event.payloadText.dropFirst().dropLast()))
          try #require(number > newest, "\(number) is recorded behind \(newest)")
          (newest, recorded) = (number, recorded + 1)
        }
        #expect(newest == total)
        // The last number only says that all were sent.
        #expect(recorded > received)
        #expect(tap.anomalies().isEmpty, "\(tap.anomalies())")
      }
    }
  }

  private static func receive(_ url: String, by transport: SocketIOTransport, total: Int) async throws -> Int {
    let client = SocketIOClient(
      url: url,
      configuration: .patient(
        reconnection: .init(delay: .milliseconds(20), maxDelay: .milliseconds(200)), transports: [transport]))
    let numbers = client.events(named: "number", capacity: 200_000)
    let (received, lost, reasons) = try await client.withConnection { client in
      try await client.emit("start", total)
      return try await Self.account(for: numbers, upTo: total, by: transport)
    }
    #expect(received + lost == total)
    #expect(reasons.count == 3)
    // A poll that comes after the end is answered with 400 instead.
    #expect(reasons.allSatisfy { $0 == .transportClose || (transport == .polling && $0 == .transportError) })
    // At least what the server sent while nobody was connected, at most what it may hold back besides.
    #expect((1...30_000).contains(lost), "\(lost) of \(total) are missing")
    return received
  }

  /// Reads numbers up to `total` and counts what came and what is missing; a gap that nobody reported is an issue.
  static func account(
    for numbers: EventQueue<SocketIOEvent>, upTo total: Int, by transport: SocketIOTransport
  ) async throws -> (received: Int, lost: Int, reasons: [DisconnectReason?]) {
    var next = 0
    var lost = 0
    var reasons: [DisconnectReason?] = []
    var mayHaveGap = false
    var told = ContinuousClock.now
    while next <= total {
      if ContinuousClock.now - told > .seconds(10) {
        told = .now
        // Written at once, where `print` would hold it back in a pipe.
        FileHandle.standardError.write(
          Data(
            "reliability: \(transport): \(next) of \(total), \(lost) lost over \(reasons.count) lost connections\n".utf8
          ))
      }
      do {
        let event = try await numbers.next(timeout: wait)
        let number = try #require(Int(event.payloadText.dropFirst().dropLast()))
        try #require(number == next || (number > next && mayHaveGap), "\(number) came where \(next) was due")
        lost += number - next
        next = number + 1
        mayHaveGap = false
      } catch let error as SocketIOError {
        reasons.append(error.reason)
        mayHaveGap = true
      }
    }
    // The last number only says that all were sent.
    return (next - 1 - lost, lost, reasons)
  }

  @Test("Acknowledgements that time out are forgotten, however many there were")
  func timedOutAcknowledgements() async throws {
    let total = count("RELIABILITY_ACKS", otherwise: 2_500)
    try await Peer.run("hostile.py") { port in
      let client = SocketIOClient(
        url: "http://127.0.0.1:\(port)?case=quiet", configuration: .patient(reconnection: nil))
      try await client.withConnection { client in
        let timedOut = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<50 {
            group.addTask {
              var timedOut = 0
              for _ in 0..<total / 50 {
                do {
                  _ = try await client.emitWithAck("unheard", timeout: .milliseconds(1))
                } catch let error as SocketIOError where error.code == .ackTimedOut {
                  timedOut += 1
                }
              }
              return timedOut
            }
          }
          return try await group.reduce(0, +)
        }
        #expect(timedOut == total)
        let session = try #require(try client.namespace("/").link.connection()).session
        let waiting = try await session.eventLoop.submit { session.handler.value.waitingAckCount }.get()
        #expect(waiting == 0)
        #expect(client.waitingCallCount == 0)
      }
    }
  }
}
