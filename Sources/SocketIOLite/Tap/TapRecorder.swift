import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a tap has seen: records, anomalies, and the queues that get a copy.
final class TapRecorder: Sendable {
  private struct Subscription {
    weak var queue: EventQueue<TapRecord>?
    var wants: (@Sendable (TapRecord) -> Bool)?
  }

  private struct State {
    var records: [TapRecord] = []
    var bytes = 0
    var unrecorded = 0
    var anomalies: [TapAnomaly] = []
    var subscriptions: [Subscription] = []
  }

  // Connections on several event loops write here, tests read.
  private let state = Mutex(State())
  private let maxBytes: Int
  private static let maxAnomalies = 10_000

  init(maxBytes: Int) { self.maxBytes = maxBytes }

  var records: [TapRecord] { state.withLock { $0.records } }
  var anomalies: [TapAnomaly] { state.withLock { $0.anomalies } }

  func queue(named name: String, capacity: Int, where wants: (@Sendable (TapRecord) -> Bool)?) -> EventQueue<TapRecord>
  {
    let queue = EventQueue<TapRecord>(name: name, capacity: capacity)
    state.withLock {
      $0.subscriptions.removeAll { $0.queue == nil }
      $0.subscriptions.append(Subscription(queue: queue, wants: wants))
    }
    return queue
  }

  func record(_ record: TapRecord) {
    let (subscriptions, isFirstLost) = state.withLock { state in
      var isFirstLost = false
      // 200 bytes: about what a record costs beside its payload.
      if state.bytes + record.event.byteCount <= maxBytes {
        state.bytes += record.event.byteCount + 200
        state.records.append(record)
      } else {
        isFirstLost = state.unrecorded == 0 && maxBytes > 0
        state.unrecorded += 1
      }
      return (state.subscriptions, isFirstLost)
    }
    if isFirstLost {
      anomaly(
        record.connection, record.direction, "the recording is full (\(maxBytes) bytes): events are forwarded, not kept"
      )
    }
    for subscription in subscriptions {
      guard let queue = subscription.queue, subscription.wants?(record) ?? true else { continue }
      queue.push(record)
    }
  }

  func anomaly(_ connection: Int, _ direction: TapDirection?, _ message: String, evidence: [String] = []) {
    let anomaly = TapAnomaly(
      connection: connection, direction: direction, date: Date(), message: message, evidence: evidence)
    state.withLock {
      // A peer that sends nothing but rubbish must not fill the memory.
      if $0.anomalies.count < Self.maxAnomalies { $0.anomalies.append(anomaly) }
    }
  }

  func finish(throwing error: any Error) {
    let queues = state.withLock { $0.subscriptions.compactMap(\.queue) }
    for queue in queues { queue.finish(throwing: error) }
  }
}
