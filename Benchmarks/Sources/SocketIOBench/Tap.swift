import BenchSupport
import Dispatch
import SocketIOLite

/// What a tap costs those that speak through it, and what it costs by itself.
extension SocketIOBench {
  /// A recording tap in a process of its own, until standard input ends; then it says how much memory it had.
  static func tap(_ upstream: String, options: TapOptions) async throws {
    try await SocketIOTap.withTap(upstream: upstream, options: options) { tap in
      try Report.line(["port": Double(tap.port)])
      await withCheckedContinuation { end in
        // Not on a thread of Swift's own, which are few: this one does nothing but wait.
        DispatchQueue.global().async {
          while readLine() != nil {}
          end.resume()
        }
      }
      let peak = Usage.peakMB
      var count = 0
      tap.forEachRecord { _ in count += 1 }
      try Report.line(["peak_rss_mb": peak, "records": Double(count)])
    }
  }

  /// How many events come in a second, of the last of several bursts: the server encodes them for the first.
  static func flow(_ url: String, count: Int, size: Int, repeats: Int) async throws {
    let client = client(url)
    let queue = client.events(named: "fragment:processed", capacity: count)
    try await client.withConnection { client in
      var rate = 0.0
      for _ in 0..<repeats {
        let start = ContinuousClock.now
        try await client.emit("burst", Burst(n: count, size: size))
        for _ in 0..<count { _ = try await queue.next(timeout: .seconds(120)) }
        rate = Double(count) / ((ContinuousClock.now - start).milliseconds / 1e3)
      }
      try Report.line(["events_per_s": rate])
    }
  }
}
