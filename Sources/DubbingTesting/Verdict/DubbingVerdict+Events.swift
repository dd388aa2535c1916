import Foundation

// Did every fragment go there and back, once, in order, in time and in the contract's form?
extension DubbingVerdict {
  static func eventFinding(_ name: Check.Name, _ evidence: StreamEvidence) -> Finding? {
    switch name {
    case .fragmentsSent: sent(evidence)
    case .contract: contract(evidence)
    case .acknowledged, .processedOnce, .order, .deadline: answerFinding(name, evidence)
    default: nil
    }
  }

  /// What can only be asked where something was sent.
  private static func answerFinding(_ name: Check.Name, _ evidence: StreamEvidence) -> Finding {
    let fragments = evidence.events.fragments
    guard !fragments.isEmpty else { return .notAsked("no fragment was sent") }
    switch name {
    case .acknowledged:
      guard evidence.events.contract.events[.fragmentAck] != nil else {
        return .notAsked("the contract has no acknowledgements")
      }
      return acknowledged(evidence.events)
    case .processedOnce: return processedOnce(evidence.events)
    default: break
    }
    guard fragments.contains(where: { !$0.answers.isEmpty }) else { return .notAsked("nothing was processed") }
    return name == .order ? order(evidence.events) : deadline(evidence)
  }

  static func sent(_ evidence: StreamEvidence) -> Finding {
    guard evidence.isToBeDubbed else {
      let count = evidence.events.fragments.count
      return Finding(
        problems: count > 0 ? ["\(count) fragments were sent of what was to be refused"] : [], measured: "none")
    }
    guard let coverage = evidence.coverage else { return counted(evidence) }
    var problems = coverage.problems(evidence.tolerances, tail: evidence.tail)
    if !evidence.events.clashes.isEmpty {
      problems.append("two different fragments claim sequence number \(evidence.events.clashes.list)")
    }
    return Finding(problems: problems, measured: coverage.measured(evidence.tail))
  }

  /// Where fragments could not be placed, as many as the fixture's length makes are expected.
  private static func counted(_ evidence: StreamEvidence) -> Finding {
    let expected = evidence.fixture.fragmentCount(segment: evidence.budget.segment)
    let found = evidence.events.fragments.map(\.sequence)
    var problems: [String] = []
    let missing = Set(0..<expected).subtracting(found).sorted()
    if !missing.isEmpty { problems.append("fragment \(missing.list) never sent; \(found.count) of \(expected) were") }
    let surplus = Set(found).subtracting(0..<expected).sorted()
    if !surplus.isEmpty { problems.append("fragment \(surplus.list) sent, \(expected) were expected") }
    if !evidence.events.clashes.isEmpty {
      problems.append("two different fragments claim sequence number \(evidence.events.clashes.list)")
    }
    return Finding(problems: problems, measured: "\(found.count) of \(expected)")
  }

  private static func acknowledged(_ events: StreamEvents) -> Finding {
    guard events.contract.name(of: .fragmentAck) != nil else { return .notAsked("the contract has no acknowledgement") }
    let silent = events.fragments.filter { $0.acknowledgedAt == nil }.map(\.sequence)
    return Finding(
      problems: silent.isEmpty ? [] : ["fragment \(silent.list) was never acknowledged by STS"],
      measured: "\(events.fragments.count) of \(events.fragments.count)")
  }

  private static func processedOnce(_ events: StreamEvents) -> Finding {
    var problems: [String] = []
    let unanswered = events.fragments.filter { $0.answers.isEmpty }.map(\.sequence)
    if !unanswered.isEmpty { problems.append("fragment \(unanswered.list) was never processed") }
    // A fragment that was sent twice may be answered twice.
    let repeated = events.fragments.filter { $0.answers.count > $0.timesSent }
    problems += repeated.map { "fragment \($0.sequence) was processed \($0.answers.count) times" }
    if !events.unknownAnswers.isEmpty {
      problems.append("answers to fragments that were never sent: \(events.unknownAnswers.joined(separator: ", "))")
    }
    problems += events.fragments.compactMap { fragment in
      guard let answer = fragment.firstAnswer, answer.status != .success,
        answer.status != .partial || !events.contract.acceptsPartial
      else { return nil }
      return
        "fragment \(fragment.sequence): status \(answer.status.rawValue)\(answer.error.map { ", \($0.code): \($0.message)" } ?? "")"
    }
    return Finding(
      problems: problems, measured: "\(events.fragments.count - unanswered.count) of \(events.fragments.count)")
  }

  private static func order(_ events: StreamEvents) -> Finding {
    var seen: Set<Int> = []
    let first = events.answerOrder.filter { seen.insert($0).inserted }
    let breaks = zip(first, first.dropFirst()).filter { $1 < $0 }
    return Finding(
      problems: breaks.map { "fragment \($1) was processed after fragment \($0)" },
      measured: "processed in sequence")
  }

  private static func deadline(_ evidence: StreamEvidence) -> Finding {
    let late = evidence.events.fragments.filter { ($0.roundTrip ?? .zero) > evidence.budget.fragment }
    let slowest = evidence.events.fragments.compactMap(\.roundTrip).max() ?? .zero
    return Finding(
      problems: late.map {
        "fragment \($0.sequence) took \(($0.roundTrip ?? .zero).text), the bound is \(evidence.budget.fragment.text)"
      },
      measured: "slowest \(slowest.text)")
  }

  package static func contract(_ evidence: StreamEvidence) -> Finding {
    let events = evidence.events
    guard !events.isEmpty else { return .notAsked("no event was seen") }
    let identity = events.fragments.flatMap { fragment in
      fragment.answers.filter { $0.processed.sequenceNumber != fragment.sequence }.map {
        "fragment:processed: fragment \(fragment.sequence) was answered with sequence_number \($0.processed.sequenceNumber)"
      }
    }
    let errors = events.serviceErrors.map { "STS reported \($0.code): \($0.message)" }
    return Finding(
      problems: events.violations.counted + evidence.soundProblems + identity + errors,
      measured: "every payload is valid")
  }
}

extension [String] {
  /// Each once, in the order of their first, with how often it was said.
  var counted: [String] {
    let counts = Dictionary(map { ($0, 1) }, uniquingKeysWith: +)
    var said: Set<String> = []
    return filter { said.insert($0).inserted }.map { sentence in
      let count = counts[sentence, default: 1]
      return count == 1 ? sentence : "\(count) times: \(sentence)"
    }
  }
}

extension [Int] {
  var list: String { map(String.init).joined(separator: ", ") }
}

extension Duration {
  /// `0.84 s`.
  var text: String { String(format: "%.2f s", seconds) }
}
