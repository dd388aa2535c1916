import Synchronization

/// The rules of a tap and how often each has matched, shared by its connections.
package final class FaultEngine: Sendable {
  enum Fate: Sendable {
    case pass, drop, duplicate, disconnect
    case delay(Duration, keepingOrder: Bool)
    case reorder(rule: String, atMost: Duration)
  }

  package struct Decision: Sendable {
    package var faults: [String] = []
    /// Nil if the bytes stay as they are.
    var changed: Changed?
    var fate = Fate.pass
    /// Rules whose reordered event this one was waited for.
    var releases: [String] = []
  }

  struct Changed: Sendable {
    var payload: FaultPayload
    /// How much of the JSON text is sent; nil means all.
    var textLimit: Int?
  }

  private struct State {
    var rules: [FaultRule] = []
    var matches: [String: Int] = [:]
  }

  // Read per event by event loops; predicates and closures of the caller run outside it.
  private let state = Mutex(State())

  package init() {}

  var isActive: Bool { state.withLock { !$0.rules.isEmpty } }
  var rules: [FaultRule] { state.withLock { $0.rules } }

  package func set(_ rules: [FaultRule]) {
    state.withLock {
      $0.rules = []
      $0.matches = [:]
      for rule in rules { Self.add(rule, to: &$0) }
    }
  }

  func add(_ rule: FaultRule) { state.withLock { Self.add(rule, to: &$0) } }

  func remove(named name: String) {
    state.withLock {
      $0.rules.removeAll { $0.name == name }
      $0.matches[name] = nil
    }
  }

  private static func add(_ rule: FaultRule, to state: inout State) {
    state.matches[rule.name] = nil
    if let index = state.rules.firstIndex(where: { $0.name == rule.name }) {
      state.rules[index] = rule
    } else {
      state.rules.append(rule)
    }
  }

  package func decide(_ event: SocketIOEvent, _ direction: TapDirection) -> Decision {
    var decision = Decision()
    for rule in rules where rule.matches(event, direction) {
      let count = state.withLock { state in
        state.matches[rule.name, default: 0] += 1
        return state.matches[rule.name, default: 0]
      }
      if case .reorder = rule.action { decision.releases.append(rule.name) }
      let isMeant =
        switch rule.occurrence {
        case .every: true
        case .nth(let wanted): count == wanted
        case .first(let wanted): count <= wanted
        }
      // Every rule counts what matches, but an event whose way is decided is not touched again.
      guard isMeant, case .pass = decision.fate else { continue }
      decision.faults.append(rule.name)
      Self.apply(rule, to: event, &decision)
    }
    return decision
  }

  private static func apply(_ rule: FaultRule, to event: SocketIOEvent, _ decision: inout Decision) {
    let current =
      decision.changed ?? Changed(payload: FaultPayload(payload: event.payload, attachments: event.attachments))
    switch rule.action {
    case .drop: decision.fate = .drop
    case .duplicate: decision.fate = .duplicate
    case .disconnect: decision.fate = .disconnect
    case .delay(let time, let keepingOrder): decision.fate = .delay(time, keepingOrder: keepingOrder)
    case .reorder(let atMost): decision.fate = .reorder(rule: rule.name, atMost: atMost)
    case .replace(let change):
      decision.changed = Changed(payload: change(current.payload), textLimit: current.textLimit)
    case .truncate(let bytes):
      var changed = current
      if changed.payload.attachments.isEmpty {
        changed.textLimit = max(0, bytes)
      } else {
        changed.payload.attachments = changed.payload.attachments.map { Array($0.prefix(max(0, bytes))) }
      }
      decision.changed = changed
    }
  }
}
