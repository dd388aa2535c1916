import Foundation
import SocketIOLite

/// Follows each fragment to its answer while streams run, so that the next ones know how many of them there may be.
///
/// At the wire between tap and STS: what a fault delays or drops on purpose has been answered there.
package struct AnswerWatch {
  private var sent: [String: ContinuousClock.Instant] = [:]
  let contract: Contract
  let bound: Duration

  package init(contract: Contract, bound: Duration) {
    (self.contract, self.bound) = (contract, bound)
  }

  /// How long the answer took that this is; nil for everything else.
  package mutating func note(_ event: ObservedEvent, at now: ContinuousClock.Instant) -> PlacesController.Sign? {
    switch event.content {
    case .fragmentData(let fragment):
      // Sent again by a worker that reconnects: it has waited since the first time.
      if sent[fragment.fragmentID] == nil { sent[fragment.fragmentID] = now }
      return nil
    case .fragmentProcessed(let answer):
      return sent.removeValue(forKey: answer.fragmentID).map { .answer($0.duration(to: now) / bound) }
    default: return nil
    }
  }

  /// How long the fragment has waited that has waited longest; nil: none waits. What has not come within its bound is waited for no more:
  /// a service that is gone never answers.
  package mutating func unanswered(at now: ContinuousClock.Instant) -> PlacesController.Sign? {
    sent = sent.filter { $0.value.duration(to: now) < bound }
    return sent.values.min().map { .unanswered($0.duration(to: now) / bound) }
  }
}

extension DualStackEnvironment {
  /// Runs `body`, and measures meanwhile how soon answers come and how late this process is.
  func measured<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    let (contract, bound) = (stack.contract, stack.budget.fragment)
    let names = Set([Contract.Event.fragmentData, .fragmentProcessed].compactMap { contract.name(of: $0) })
    let records = wire.queue(named: "fragments and answers at the wire") { record in
      record.kind == .event && names.contains(record.event.name)
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await Heartbeat.shared.beat() }
      group.addTask {
        let clock = ContinuousClock()
        var watch = AnswerWatch(contract: contract, bound: bound)
        var load = MachineLoad.waiting()
        while true {
          let since = clock.now
          try await Task.sleep(for: .seconds(1))
          let now = clock.now
          for record in records.drain() {
            // A record has the time of the wall, and was made at most a second ago.
            if let sign = watch.note(ObservedEvent(record, contract: contract), at: now - record.date.age) {
              places.note(sign)
            }
          }
          if let sign = watch.unanswered(at: now) { places.note(sign) }
          places.note(.late(Heartbeat.shared.late(since: since).total / since.duration(to: now)))
          let loadBefore = load
          load = .waiting()
          if let share = loadBefore.waiting(until: load) { places.note(.waiting(share)) }
        }
      }
      defer { group.cancelAll() }
      return try await body()
    }
  }
}

extension Date {
  /// How long ago it was; never less than nothing.
  fileprivate var age: Duration { .seconds(max(0, -timeIntervalSinceNow)) }
}
