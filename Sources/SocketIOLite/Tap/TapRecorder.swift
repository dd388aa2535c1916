import DequeModule
import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a tap has seen: records, anomalies, and the queues that get a copy.
///
/// The newest records are in memory. When they are more than that is to hold, the oldest of them move to a file.
package final class TapRecorder: Sendable {
  private struct Subscription {
    weak var queue: EventQueue<TapRecord>?
    var wants: (@Sendable (TapRecord) -> Bool)?
  }

  private struct Listener {
    weak var queue: EventQueue<TapAnomaly>?
  }

  private struct State {
    var records = Deque<TapRecord>()
    var memoryBytes = 0
    var bytes = 0
    var unrecorded = 0
    var spill: TapSpill?
    var spilledBytes = 0
    /// What goes to the file is put together here: memory that is used again costs no page faults.
    var room = ByteBuffer()
    /// The file failed: what would go there is lost, which is said once.
    var isSpillBroken = false
    var anomalies: [TapAnomaly] = []
    var subscriptions: [Subscription] = []
    var listeners: [Listener] = []
  }

  // Connections write here, tests read.
  private let state = Mutex(State())
  private let maxBytes: Int
  private let maxMemoryBytes: Int
  private let spillFolder: String?
  private let base = ContinuousClock.now
  private static let maxAnomalies = 10_000
  /// About what a record costs beside its payload.
  private static let overhead = 400
  /// So much moves to the file at once: few system calls, and none that holds up what passes.
  private static let spillLength = 262_144

  package init(maxBytes: Int, maxMemoryBytes: Int = .max, spillFolder: String? = nil) {
    self.maxBytes = maxBytes
    self.maxMemoryBytes = maxMemoryBytes
    self.spillFolder = spillFolder
  }

  package var records: [TapRecord] {
    var all: [TapRecord] = []
    forEach { all.append($0) }
    return all
  }

  /// The first that were recorded come first; those that come meanwhile are left out.
  func forEach(_ body: (TapRecord) throws -> Void) rethrows {
    let (spill, end, records) = state.withLock { ($0.spill, $0.spilledBytes, $0.records) }
    try spill?.forEach(upTo: end, base: base, body)
    for record in records { try body(record) }
  }

  package var anomalies: [TapAnomaly] { state.withLock { $0.anomalies } }
  /// How much of the recording is in memory, and how much in the file.
  package var sizes: (memory: Int, file: Int) { state.withLock { ($0.memoryBytes, $0.spilledBytes) } }

  func queue(named name: String, capacity: Int, where wants: (@Sendable (TapRecord) -> Bool)?) -> EventQueue<TapRecord>
  {
    let queue = EventQueue<TapRecord>(name: name, capacity: capacity)
    state.withLock {
      $0.subscriptions.removeAll { $0.queue == nil }
      $0.subscriptions.append(Subscription(queue: queue, wants: wants))
    }
    return queue
  }

  func anomalyQueue(capacity: Int) -> EventQueue<TapAnomaly> {
    let queue = EventQueue<TapAnomaly>(name: "tap anomalies", capacity: capacity)
    state.withLock {
      $0.listeners.removeAll { $0.queue == nil }
      $0.listeners.append(Listener(queue: queue))
    }
    return queue
  }

  package func record(_ record: TapRecord) {
    let size = record.event.byteCount
    let (subscriptions, problem) = state.withLock { state in
      var problem: String?
      if state.bytes + size <= maxBytes {
        state.bytes += size + Self.overhead
        state.memoryBytes += size + Self.overhead
        state.records.append(record)
        if state.memoryBytes > maxMemoryBytes { problem = spill(&state) }
      } else {
        if state.unrecorded == 0, maxBytes > 0 {
          problem = "the recording is full (\(maxBytes) bytes): events are forwarded, not kept"
        }
        state.unrecorded += 1
      }
      return (state.subscriptions, problem)
    }
    if let problem { anomaly(record.connection, record.direction, problem) }
    for subscription in subscriptions {
      guard let queue = subscription.queue, subscription.wants?(record) ?? true else { continue }
      queue.push(record)
    }
  }

  /// Moves the oldest records to the file; returns what went wrong, the first time.
  private func spill(_ state: inout State) -> String? {
    state.room.clear()
    var freed = 0
    let wanted = min(Self.spillLength, maxMemoryBytes / 4)
    while freed <= wanted || state.memoryBytes > maxMemoryBytes, let oldest = state.records.popFirst() {
      freed += oldest.event.byteCount + Self.overhead
      state.memoryBytes -= oldest.event.byteCount + Self.overhead
      if !state.isSpillBroken { state.room.writeTapRecord(oldest, base: base) }
    }
    guard !state.isSpillBroken else { return nil }
    do throws(SocketIOError) {
      if state.spill == nil { state.spill = try TapSpill(folder: spillFolder) }
      guard let file = state.spill else { return nil }
      try file.write(state.room, at: state.spilledBytes)
      state.spilledBytes += state.room.readableBytes
      // One long event must not keep its length for good.
      if state.room.storageCapacity > 4 * Self.spillLength { state.room = ByteBuffer() }
      return nil
    } catch {
      state.isSpillBroken = true
      return "\(error.message): from here on only the newest \(maxMemoryBytes) bytes of events are kept"
    }
  }

  func anomaly(_ connection: Int, _ direction: TapDirection?, _ message: String, evidence: [String] = []) {
    let anomaly = TapAnomaly(
      connection: connection, direction: direction, date: Date(), message: message, evidence: evidence)
    let queues = state.withLock {
      // A peer that sends nothing but rubbish must not fill the memory.
      if $0.anomalies.count < Self.maxAnomalies { $0.anomalies.append(anomaly) }
      return $0.listeners.compactMap(\.queue)
    }
    for queue in queues { queue.push(anomaly) }
  }

  func finish(throwing error: any Error) {
    let (queues, listeners) = state.withLock {
      ($0.subscriptions.compactMap(\.queue), $0.listeners.compactMap(\.queue))
    }
    for queue in queues { queue.finish(throwing: error) }
    for queue in listeners { queue.finish(throwing: error) }
  }
}
