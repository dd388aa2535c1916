import ComposeKit
import SocketIOLite

extension SocketIOTap {
  /// Waits until somebody has connected, ever.
  ///
  /// - Returns: false when nobody has until the deadline.
  func isConnected(within time: Duration) async throws -> Bool {
    let first = queue(named: "the worker's connection", capacity: 1) { _ in true }
    if wasConnected { return true }
    do {
      _ = try await first.next(timeout: time)
      return true
    } catch is EventQueue<TapRecord>.Timeout {
      return wasConnected
    }
  }

  /// Somebody who connects and is not understood is an anomaly, and no record.
  private var wasConnected: Bool {
    struct Found: Error {}
    do { try forEachRecord { _ in throw Found() } } catch { return true }
    return !anomalies().isEmpty
  }
}

extension DualStackEnvironment {
  /// Throws when nobody has ever connected to the tap although the worker has had its time: no event of any stream can come then.
  ///
  /// - Parameters:
  ///   - stream: whose turn it is.
  ///   - time: how long the worker may take from now.
  func requireConnection(for stream: String, within time: Duration) async throws {
    if try await tap.isConnected(within: time) { return }
    let log = (try? await media.logs(service: stack[.worker].service, tail: 12)) ?? "the log could not be read"
    throw stack.nobodyConnected(to: tap.port, for: stream, within: time, log: log)
  }
}

extension DualStack {
  /// Where the worker was told to look for STS, and what it said instead of coming.
  func nobodyConnected(to tap: Int, for stream: String, within time: Duration, log: String) -> DubbingError {
    let worker = self[.worker].service
    let address = workerEnvironment(tap: tap)[stsURLVariable] ?? ""
    let lines = log.split(whereSeparator: \.isNewline)
    return DubbingError(
      .nobodyConnected, stream: stream,
      reason: "nobody has connected to the tap within \(time.text): \(worker) does not find STS there",
      evidence: [
        "address   \(address), which \(worker) was given in \(stsURLVariable)",
        "log       \(lines.isEmpty ? "\(worker) has said nothing" : "the last lines of \(worker):")",
      ] + lines.map { "          \($0)" },
      next:
        "does \(worker) read \(stsURLVariable), and does its container know \(hostName)? \"extra_hosts\": true in the stack file tells it"
    )
  }
}
