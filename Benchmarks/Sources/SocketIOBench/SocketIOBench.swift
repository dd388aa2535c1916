import BenchSupport
import Dispatch
import SocketIOLite

// Not all of Foundation: see BenchSupport.
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One client process a measurement, as each peer is: reads one kind of traffic, prints what it cost, ends.
@main
struct SocketIOBench {
  static func main() async { await Report.running { try await run(Array(CommandLine.arguments.dropFirst())) } }

  static func run(_ arguments: [String]) async throws {
    switch (arguments.first, arguments.count) {
    case ("burst", 4), ("burst-bin", 4), ("burst-poll", 4):
      guard let count = Int(arguments[2]), let size = Int(arguments[3]) else { break }
      return try await burst(arguments[0], arguments[1], count: count, size: size, decoding: false)
    case ("decode", 4), ("decode-bin", 4):
      guard let count = Int(arguments[2]), let size = Int(arguments[3]) else { break }
      let event = arguments[0] == "decode" ? "burst" : "burst-bin"
      return try await burst(event, arguments[1], count: count, size: size, decoding: true)
    case ("ack", 3):
      if let count = Int(arguments[2]) { return try await acknowledge(arguments[1], count: count) }
    case ("connect", 3):
      if let count = Int(arguments[2]) { return try await connect(arguments[1], count: count) }
    case ("many", 4):
      guard let connections = Int(arguments[2]), let count = Int(arguments[3]) else { break }
      return try await many(arguments[1], connections: connections, count: count)
    case ("idle", 3):
      if let connections = Int(arguments[2]) { return try await idle(arguments[1], connections: connections) }
    case ("flow", 5):
      guard let count = Int(arguments[2]), let size = Int(arguments[3]), let repeats = Int(arguments[4]) else { break }
      return try await flow(arguments[1], count: count, size: size, repeats: repeats)
    case ("tap", 2):
      return try await tap(arguments[1], options: .init())
    case ("tap", 3):
      guard let megabytes = Int(arguments[2]) else { break }
      // Of nothing in memory, nothing is kept at all.
      let options =
        megabytes == 0 ? TapOptions(maxRecordedBytes: 0) : TapOptions(maxMemoryBytes: megabytes * 1_000_000)
      return try await tap(arguments[1], options: options)
    default: break
    }
    Report.usage(
      "SocketIOBench burst|burst-bin|burst-poll|decode|decode-bin URL N SIZE | ack|connect|idle URL N | many URL CONNECTIONS N | flow URL N SIZE REPEATS | tap URL [MB]"
    )
  }

  static func client(_ url: String, _ transports: [SocketIOTransport] = [.webSocket]) -> SocketIOClient {
    SocketIOClient(url: url, configuration: SocketIOConfiguration(reconnection: nil, transports: transports))
  }

  struct Burst: Encodable, Sendable {
    var n: Int
    var size: Int
  }

  /// `Data` decodes base64 text and binary attachments alike: the PCM that a test would look at.
  struct Fragment: Decodable {
    var sequenceNumber: Int
    var dubbedAudio: Data

    enum CodingKeys: String, CodingKey {
      case sequenceNumber = "sequence_number"
      case dubbedAudio = "dubbed_audio"
    }
  }

  /// CPU from asking for the events to the last one, as in the peers' clients: connecting is not counted. Not from the first
  /// event on: by the time that a consumer sees it, the event loop may have read many.
  static func burst(_ event: String, _ url: String, count: Int, size: Int, decoding: Bool) async throws {
    let client = event == "burst-poll" ? client(url, [.polling]) : client(url)
    let event = event == "burst-poll" ? "burst" : event
    let queue = client.events(named: "fragment:processed", capacity: count)
    try await client.withConnection { client in
      let before = Usage.cpuSeconds
      try await client.emit(event, Burst(n: count, size: size))
      var bytes = 0
      for index in 0..<count {
        let fragment = try await queue.next(timeout: .seconds(120))
        guard decoding else {
          bytes += fragment.byteCount
          continue
        }
        let content = try fragment.decode(Fragment.self)
        guard content.sequenceNumber == index else { throw Failure(what: "event \(index) came out of order") }
        bytes += content.dubbedAudio.count
      }
      let microseconds = (Usage.cpuSeconds - before) / Double(count) * 1e6
      // Base64 is a third longer than what it holds, and 200 bytes hold little audio.
      guard bytes > count * size / 4 else { throw Failure(what: "only \(bytes) bytes arrived") }
      try Report.line(["cpu_us": microseconds, "peak_rss_mb": Usage.peakMB])
    }
  }

  struct Echo: Codable, Sendable {
    var i: Int
    var s: String
  }

  static func acknowledge(_ url: String, count: Int) async throws {
    try await client(url).withConnection { client in
      let padding = String(repeating: "x", count: 50)
      var times: [Double] = []
      for index in -100..<count {
        let start = ContinuousClock.now
        let answer = try await client.emitWithAck("echo", Echo(i: index, s: padding))
        let time = (ContinuousClock.now - start).milliseconds
        guard try answer.decode(Echo.self).i == index else { throw Failure(what: "answer \(index) is another's") }
        if index >= 0 { times.append(time) }
      }
      try Report.line([
        "p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "peak_rss_mb": Usage.peakMB,
      ])
    }
  }

  static func connect(_ url: String, count: Int) async throws {
    var times: [Double] = []
    for _ in 0..<count {
      let start = ContinuousClock.now
      try await client(url).withConnection { _ in times.append((ContinuousClock.now - start).milliseconds) }
    }
    try Report.line(["p50_ms": percentile(times, 0.5)])
  }

  struct Failure: Error { var what: String }
}
