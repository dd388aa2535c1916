import Foundation

/// What most likely made a stream red, in a sentence: the first link of the chain that broke, since later ones break with it.
struct LikelyCause {
  var stream: RunReport.Stream
  var trace = StreamTrace()

  /// nil: nothing is red, and the outcome is the expected one.
  var sentence: String? {
    guard !red.isEmpty || stream.outcome != stream.expectedOutcome else { return nil }
    let rules = [refused, sending, answers, time, wire, sound, words, place, file]
    let cause =
      rules.lazy.compactMap { $0() }.first
      ?? red.first.map { "\($0.name): \($0.detail)" }
      ?? "The outcome is \(stream.outcome.rawValue), expected was \(stream.expectedOutcome.rawValue)"
    return cause + "." + rulesOfTheTap
  }

  private var red: [RunReport.Stream.Check] { stream.failedChecks }

  private func detail(_ name: DubbingVerdict.Check.Name) -> String? {
    red.first { $0.name == name.rawValue }?.detail
  }

  private var sent: [RunReport.Stream.Fragment] { stream.fragments.filter { $0.sentAfterS != nil } }

  private func refused() -> String? {
    let failures = trace.events.filter { !$0.isFromWorker && ["failed", "error"].contains($0.status ?? "") }
    guard let failure = failures.first, detail(.processedOnce) != nil else { return nil }
    let fragments = named(Set(failures.compactMap(\.sequence)).sorted())
    return "STS answered \(fragments) with the status \(failure.status ?? "failed")\(throughTheOriginal)"
  }

  private func sending() -> String? {
    guard detail(.fragmentsSent) != nil else { return nil }
    guard let last = sent.max(by: { $0.sequence < $1.sequence }) else {
      return "The worker sent no fragment: it did not read the stream, or STS could not be reached"
    }
    let end =
      "The worker sent nothing after fragment \(last.sequence), \(last.sentAfterS?.short ?? "?") s after the first"
    if detail(.duration) != nil {
      return "\(end), and the output ends at \(stream.durationS.short) s: publisher or worker ended in mid-stream"
    }
    return unanswered.isEmpty
      ? "\(end), while the stream went on"
      : "\(end); \(named(unanswered)) \(unanswered.count == 1 ? "was" : "were") not answered"
  }

  private var unanswered: [Int] { sent.filter { $0.processingMs == nil }.map(\.sequence) }

  private func answers() -> String? {
    if !unanswered.isEmpty {
      return
        "No answer of STS for \(named(unanswered)) reached the worker\(throughTheOriginal)"
    }
    return nil
  }

  private var throughTheOriginal: String {
    stream.fragments.contains { $0.attributedTo == .original } ? "; the worker put the original through" : ""
  }

  private func time() -> String? {
    let slow = sent.filter { ($0.processingMs ?? 0) / 1000 > stream.answerBoundS }
    guard detail(.deadline) != nil, let slowest = slow.max(by: { ($0.processingMs ?? 0) < ($1.processingMs ?? 0) })
    else { return nil }
    return """
      STS took \(((slowest.processingMs ?? 0) / 1000).short) s to answer fragment \(slowest.sequence); \
      \(stream.answerBoundS.short) s are allowed
      """
  }

  private func wire() -> String? {
    if let detail = detail(.contract) { return "What passed between worker and STS breaks the contract: \(detail)" }
    if let detail = detail(.processedOnce) { return "STS did not answer each fragment once: \(detail)" }
    if let detail = detail(.order) { return "Answers came in another order than the fragments: \(detail)" }
    return nil
  }

  private func sound() -> String? {
    guard detail(.identity) != nil || detail(.originalAbsent) != nil else { return nil }
    let wrong = stream.fragments.filter { $0.attributedTo != .dubbed($0.sequence) }
    func those(_ kind: WindowContent.Kind) -> String? {
      let numbers = wrong.filter { $0.attributedTo.kind == kind }.map(\.sequence)
      return numbers.isEmpty ? nil : named(numbers)
    }
    if let others = those(.dubbed) {
      return
        "The output has another fragment’s dub in the place of \(others): answers were confused, by STS or by the worker"
    }
    if let numbers = those(.original) {
      return
        "Everything was answered, yet the original is heard in the place of \(numbers): STS returned it, or the worker put it through"
    }
    if let numbers = those(.silent) {
      return
        "Everything was answered, yet there is silence in the place of \(numbers): STS returned silence, or the worker lost its sound"
    }
    if let numbers = those(.mixed) { return "The original is heard under the dub of \(numbers): the worker mixes both" }
    if let numbers = those(.unknown) {
      return
        "Neither dub nor original is heard in the place of \(numbers): noise, or sound at another rate than declared"
    }
    return nil
  }

  private func words() -> String? {
    if let detail = detail(.transcript) { return "Speech was not recognised as it should be: \(detail)" }
    if let detail = detail(.translation) {
      return "The translation is not in the language that was asked for: \(detail)"
    }
    return nil
  }

  private func place() -> String? {
    guard detail(.avSync) != nil else { return nil }
    let deltas = stream.fragments.compactMap(\.avDeltaMs)
    guard let worst = deltas.max(by: { abs($0) < abs($1) }) else { return nil }
    let isOdd = deltas.filter { abs($0) >= stream.avBoundMs }.count < deltas.count
    let which = isOdd ? "Some of the dubs lie" : "Every dub lies"
    return
      "\(which) up to \(Int(abs(worst).rounded())) ms too \(worst > 0 ? "late" : "early") for the picture: the worker lays its sound there"
  }

  private func file() -> String? {
    if let detail = detail(.duration) { return "The output is not as long as what was published: \(detail)" }
    return red.first.map { "\($0.name.capitalizedFirst): \($0.detail)" }
  }

  private var rulesOfTheTap: String {
    let names = Set(trace.events.flatMap(\.faults)).sorted()
    return names.isEmpty ? "" : " The tap acted on it: \(names.joined(separator: ", "))."
  }

  private func named(_ numbers: [Int]) -> String {
    switch numbers.count {
    case 0: "a fragment"
    case 1: "fragment \(numbers[0])"
    case 2...4: "fragments \(numbers.map(String.init).joined(separator: ", "))"
    default: "\(numbers.count) fragments"
    }
  }
}
