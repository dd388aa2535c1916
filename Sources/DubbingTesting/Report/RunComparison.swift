import Foundation

/// What differs between two runs: outcomes, checks, answers, A/V, faults. Figures that scatter from run to run are left out.
package struct RunComparison: Sendable, Codable, Equatable {
  /// One difference, and whether it is for the worse.
  package struct Change: Sendable, Codable, Equatable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
      case outcome, checks
      case lostCheck = "lost check"
      case answers
      case avDelta = "a/v"
      case fault, missing, new
    }

    package var kind: Kind
    /// Which stream or fault.
    package var subject: String
    /// What was, and what is.
    package var said: String
    package var isWorse: Bool
  }

  package var changes: [Change]

  /// Whether anything is worse than it was.
  package var isWorse: Bool { changes.contains(where: \.isWorse) }

  /// How much slower or faster a stream's slowest answer has to be: half as much again, and 0.3 s.
  private static let (factor, milliseconds) = (1.5, 300.0)
  /// Milliseconds: a tenth of what is allowed between sound and picture.
  private static let avMilliseconds = 12.0

  /// - Parameters:
  ///   - old: what the other is held against.
  ///   - new: the run in question.
  package init(_ old: RunReport, _ new: RunReport) {
    let (before, after) = (old.streamsByCase, new.streamsByCase)
    changes = []
    for name in before.keys.sorted() {
      guard let was = before[name] else { continue }
      guard let now = after[name] else {
        add(.missing, name, "was \(was.outcome.rawValue), is not in the other run", true)
        continue
      }
      compare(was, now, name)
    }
    for (name, stream) in after.sorted(by: { $0.key < $1.key }) where before[name] == nil {
      add(.new, name, "is \(stream.outcome.rawValue)", stream.isUnexpected)
    }
    let faults = Dictionary(new.faults.map { ($0.fault, $0) }, uniquingKeysWith: { $0.ok ? $1 : $0 })
    for fault in old.faults where fault.ok != faults[fault.fault]?.ok {
      let said = faults[fault.fault].map { $0.ok ? "now leads to its diagnosis" : "no longer leads to its diagnosis" }
      add(.fault, fault.fault, said ?? "was not injected", fault.ok)
    }
  }

  private mutating func add(_ kind: Change.Kind, _ subject: String, _ said: String, _ isWorse: Bool) {
    changes.append(Change(kind: kind, subject: subject, said: said, isWorse: isWorse))
  }

  private mutating func compare(_ was: RunReport.Stream, _ now: RunReport.Stream, _ name: String) {
    if was.outcome != now.outcome {
      add(.outcome, name, "\(was.outcome.rawValue) → \(now.outcome.rawValue)", now.isUnexpected)
    }
    func names(_ stream: RunReport.Stream, _ states: [DubbingVerdict.Check.State]) -> Set<String> {
      Set(stream.checks.filter { states.contains($0.state) }.map(\.name))
    }
    let (wasRed, isRed) = (names(was, [.failed]), names(now, [.failed]))
    let turned = isRed.subtracting(wasRed).sorted()
    // Under a fault a red check is a diagnosis.
    let mended = wasRed.subtracting(isRed).sorted()
    if !turned.isEmpty { add(.checks, name, "now red: \(turned.joined(separator: ", "))", now.fault == nil) }
    if !mended.isEmpty { add(.checks, name, "red no more: \(mended.joined(separator: ", "))", now.fault != nil) }
    let lost = names(was, [.passed, .failed]).subtracting(names(now, [.passed, .failed])).sorted()
    if !lost.isEmpty { add(.lostCheck, name, "no longer asked: \(lost.joined(separator: ", "))", true) }
    if let old = was.slowestMs, let new = now.slowestMs, max(old, new) > min(old, new) * Self.factor,
      abs(old - new) > Self.milliseconds
    {
      add(.answers, name, "slowest answer \((old / 1000).short) s → \((new / 1000).short) s", new > old)
    }
    if let old = was.worstDeltaMs, let new = now.worstDeltaMs, abs(abs(old) - abs(new)) > Self.avMilliseconds {
      add(.avDelta, name, "\(old.signedMilliseconds) → \(new.signedMilliseconds)", abs(new) > abs(old))
    }
  }

  /// The differences for a terminal, what is worse first; each line begins with ✘ or ✔.
  package var text: String {
    guard !changes.isEmpty else { return "nothing differs" }
    let sorted = changes.filter(\.isWorse) + changes.filter { !$0.isWorse }
    return sorted.map { change in
      "\(change.isWorse ? "✘" : "✔") \(change.kind.rawValue.padded(to: 10))  \(change.subject): \(change.said)"
    }.joined(separator: "\n")
  }
}

extension RunReport {
  /// Each stream by what says which it is in every run: test, fixture and fault, with a number where a test publishes several.
  var streamsByCase: [String: Stream] {
    var found: [String: Stream] = [:]
    var seen: [String: Int] = [:]
    for stream in streams {
      let name = "\(stream.test), \(stream.fixture)" + (stream.fault.map { ", under '\($0)'" } ?? "")
      let count = seen[name, default: 0] + 1
      seen[name] = count
      found[count == 1 ? name : "\(name) (\(count))"] = stream
    }
    return found
  }
}

extension RunReport.Stream {
  /// The slowest answer, milliseconds.
  var slowestMs: Double? { fragments.compactMap(\.processingMs).max() }
  /// The greatest distance of sound and picture, milliseconds; positive is late.
  var worstDeltaMs: Double? { fragments.compactMap(\.avDeltaMs).max { abs($0) < abs($1) } }
}
