import BenchSupport
import SocketIOLite

/// How cost grows with the connections that one process holds.
extension SocketIOBench {
  /// CPU for each of `count` events that come over `connections` at the same time, and how many come in a second.
  static func many(_ url: String, connections: Int, count: Int) async throws {
    Usage.allowManySockets()
    let each = count / connections
    let ready = Gate(connections)
    let done = Gate(connections)
    let (cpu, seconds) = try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<connections {
        group.addTask {
          let client = client(url)
          let queue = client.events(named: "fragment:processed", capacity: each)
          try await client.withConnection { client in
            await ready.arrive()
            try await client.emit("burst", Burst(n: each, size: 200))
            for _ in 0..<each { _ = try await queue.next(timeout: .seconds(120)) }
            await done.arrive()
          }
        }
      }
      await ready.isOpen()
      let (start, before) = (ContinuousClock.now, Usage.cpuSeconds)
      await done.isOpen()
      let used = (Usage.cpuSeconds - before, (ContinuousClock.now - start).milliseconds / 1e3)
      try await group.waitForAll()
      return used
    }
    let events = Double(each * connections)
    try Report.line(["cpu_us": cpu / events * 1e6, "events_per_s": events / seconds, "peak_rss_mb": Usage.peakMB])
  }

  /// Memory for each connection that is joined and silent; what the first tenth costs is counted as the process's own.
  static func idle(_ url: String, connections: Int) async throws {
    Usage.allowManySockets()
    let first = connections / 10
    let (few, all, leave) = (Gate(first), Gate(connections), Gate(1))
    let kilobytes = try await withThrowingTaskGroup(of: Void.self) { group in
      func connect() {
        group.addTask {
          try await client(url).withConnection { _ in
            await few.note()
            await all.note()
            await leave.isOpen()
          }
        }
      }
      for _ in 0..<first { connect() }
      await few.isOpen()
      let before = Usage.peakMB
      for _ in first..<connections { connect() }
      await all.isOpen()
      let used = (Usage.peakMB - before) * 1e3 / Double(connections - first)
      await leave.note()
      try await group.waitForAll()
      return used
    }
    try Report.line(["kb": kilobytes])
  }
}

/// Opens when as many as expected have been counted.
private actor Gate {
  private var missing: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ expected: Int) { missing = expected }

  func note() {
    missing -= 1
    guard missing <= 0 else { return }
    for continuation in waiting { continuation.resume() }
    waiting = []
  }

  func isOpen() async {
    guard missing > 0 else { return }
    await withCheckedContinuation { waiting.append($0) }
  }

  func arrive() async {
    note()
    await isOpen()
  }
}
