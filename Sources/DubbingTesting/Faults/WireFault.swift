import Foundation
import SocketIOLite
import Synchronization

extension StreamFault {
  /// The rule for the tap, which touches no other stream's events.
  ///
  /// - Parameter fragments: the ids of the stream's fragments so far, for events that name only their fragment. Of a wire whose events name
  ///   neither, every one counts as the stream's own.
  package func rule(
    for stream: String, _ contract: Contract, fragments: @escaping @Sendable () -> Set<String> = { [] }
  ) -> FaultRule? {
    guard let wire, let form = contract.events[wire.event] else { return nil }
    let isOwn: @Sendable (SocketIOEvent) -> Bool = { event in
      guard let payload = try? EventPayload(event) else { return false }
      let fields = FieldReader(payload: payload, form: form, contract: contract)
      if form.fields[.streamID] != nil { return (try? fields.stream()) == stream }
      guard form.fields[.fragmentID] != nil else { return true }
      return (try? fields.string(.fragmentID)).map(fragments().contains) ?? false
    }
    let counted = wire.which.rule(isOwn)
    return FaultRule(
      "\(name) (\(stream))", wire.action.rule(wire.event, form, contract), event: form.name,
      direction: wire.direction.atTap, occurrence: counted.occurrence, where: counted.predicate)
  }
}

extension StreamFault.Which {
  /// The tap's own way of counting, or a predicate that counts.
  fileprivate func rule(
    _ isOwn: @escaping @Sendable (SocketIOEvent) -> Bool
  ) -> (occurrence: FaultRule.Occurrence, predicate: @Sendable (SocketIOEvent) -> Bool) {
    switch self {
    case .every: return (.every, isOwn)
    case .nth(let number): return (.nth(number), isOwn)
    case .first(let count): return (.first(count), isOwn)
    case .range(let range):
      let seen = Counter()
      return (.every, { isOwn($0) && range.contains(seen.next()) })
    }
  }

  private final class Counter: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
  }
}

extension StreamFault.Action {
  fileprivate func rule(
    _ event: Contract.Event, _ form: Contract.Form, _ contract: Contract
  ) -> FaultRule.Action {
    switch self {
    case .drop: .drop
    case .delay(let time, let keepingOrder): .delay(time, keepingOrder: keepingOrder)
    case .duplicate: .duplicate
    case .reorder(let time): .reorder(atMost: time)
    case .disconnect: .disconnect
    case .changeFragment(let change): .replace { $0.changed(event, form, contract, FragmentData.init, change) }
    case .changeAnswer(let change): .replace { $0.changed(event, form, contract, FragmentProcessed.init, change) }
    case .changePayload(let change):
      .replace { original in
        guard var payload = EventPayload(original) else { return original }
        change(&payload, form)
        return payload.faultPayload ?? original
      }
    }
  }
}

extension FaultPayload {
  /// The payload with those fields changed that `change` changes; as it is when it cannot be read.
  fileprivate func changed<E: ContractEvent>(
    _ event: Contract.Event, _ form: Contract.Form, _ contract: Contract, _ read: (FieldReader) throws -> E,
    _ change: (inout E) -> Void
  ) -> FaultPayload {
    guard var payload = EventPayload(self),
      let old = try? read(FieldReader(payload: payload, form: form, contract: contract))
    else { return self }
    var new = old
    change(&new)
    contract.write(new, over: old, as: event, into: &payload)
    return payload.faultPayload ?? self
  }
}
