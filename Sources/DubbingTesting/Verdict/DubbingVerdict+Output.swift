import Foundation

// Is the output what STS made of the fixture, where it belongs, and can it be played?
extension DubbingVerdict {
  static func outputFinding(_ name: Check.Name, _ evidence: StreamEvidence) -> Finding? {
    if name == .published { return published(evidence) }
    // One missing output is one red line.
    guard let output = evidence.output else { return .notAsked("there is no output") }
    switch name {
    case .identity: return identity(evidence)
    case .originalAbsent: return originalAbsent(evidence)
    case .loudness: return loudness(evidence)
    case .avSync: return avSync(evidence)
    case .duration: return duration(of: output, evidence)
    case .codecs: return codecs(of: output, evidence)
    case .timestamps: return timestamps(evidence)
    case .videoPackets: return videoPackets(of: output, evidence)
    default: return nil
    }
  }

  private static func published(_ evidence: StreamEvidence) -> Finding {
    guard evidence.isToBeDubbed else {
      return Finding(
        problems: evidence.output == nil ? [] : ["an output was published although there is nothing to dub"],
        measured: "the stream was refused: nothing was published")
    }
    let problem = "there is no output" + (evidence.outputProblem.map { ": \($0)" } ?? "")
    return Finding(problems: evidence.output == nil ? [problem] : [], measured: "recorded to its end")
  }

  private static func identity(_ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    let rule = WindowRule(evidence: evidence)
    for sequence in evidence.sequences where !evidence.outside.contains(sequence) {
      guard let window = evidence.windows.first(where: { $0.sequence == sequence }) else {
        problems.append("fragment \(sequence): the output has no such window")
        continue
      }
      if let problem = rule.problem(with: window) { problems.append(problem) }
    }
    let least = evidence.windows.map(\.coherence).min() ?? 0
    if evidence.windows.isEmpty { problems.append("there is no output to look at") }
    return Finding(
      problems: problems, measured: "each window holds what it should, coherence ≥ \(least.twoPlaces)")
  }

  private static func originalAbsent(_ evidence: StreamEvidence) -> Finding {
    let heard = evidence.windows.filter {
      $0.originalCoherence > evidence.tolerances.audibleOriginal && $0.content != .silent
    }
    guard let most = evidence.windows.map(\.originalCoherence).max() else { return .notAsked("there is no window") }
    return Finding(
      problems: heard.map {
        "fragment \($0.sequence): the original explains \($0.originalCoherence.twoPlaces) of the window"
      },
      measured: "the original explains ≤ \(most.twoPlaces) of any window")
  }

  private static func loudness(_ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    for window in evidence.windows where evidence.events.isSpoken(window.sequence) {
      guard let original = evidence.originalLevels[window.sequence],
        window.level < original - evidence.tolerances.quietDub
      else {
        continue
      }
      problems.append(
        "fragment \(window.sequence): the output is at \(window.level.decibels) where the original is at \(original.decibels)"
      )
    }
    let spoken = evidence.windows.filter { evidence.events.isSpoken($0.sequence) }
    guard let quietest = spoken.map(\.level).min() else { return .notAsked("no words were recognised") }
    return Finding(
      problems: problems, measured: "quietest window \(quietest.decibels)")
  }

  private static func avSync(_ evidence: StreamEvidence) -> Finding {
    guard evidence.video.lag != nil else {
      return .notAsked("not measurable: \(evidence.video.lagProblem ?? "the picture could not be placed")")
    }
    let bound = evidence.tolerances.avDelta
    // Only what was found can be out of place; what was not found is `identity`'s business.
    let located = evidence.windows.filter { $0.content == .dubbed($0.sequence) || $0.content == .original }
    let late = located.filter { $0.lag.magnitude >= bound }
    guard let worst = located.map(\.lag).max(by: { $0.magnitude < $1.magnitude }) else {
      return .notAsked("nothing in the output could be placed")
    }
    return Finding(
      problems: late.map {
        "fragment \($0.sequence): audio is \($0.lag.signed) from the picture, the bound is ±\(Int(bound.milliseconds)) ms"
      },
      measured: "worst \(worst.signed)")
  }

  private static func duration(of output: MediaInfo, _ evidence: StreamEvidence) -> Finding {
    // A worker that joined a little late, or drops what fills no fragment, may leave that out of the output, too.
    let coverage = evidence.coverage
    let missedStart = coverage.map { $0.missedStart > evidence.tolerances.missedStart ? .zero : $0.missedStart }
    let missing = (missedStart ?? .zero) + (coverage?.allowedEnd(evidence.tail) ?? .zero)
    let tolerance = evidence.tolerances.duration.seconds
    let padding = evidence.padding.map { $0.lead + $0.tail } ?? .zero
    let longest = evidence.fixture.duration + padding.seconds
    let bounds = evidence.fixture.duration - missing.seconds - tolerance...longest + tolerance
    let text = "\(output.duration.twoPlaces) s, the fixture has \(evidence.fixture.duration.twoPlaces) s"
    let allowed = missing > .milliseconds(100) ? ", \(missing.text) of which may be missing" : ""
    return Finding(
      problems: bounds.contains(output.duration)
        ? []
        : [text + allowed + ", ±\(tolerance.twoPlaces) s is allowed" + (evidence.lateStart.map { "; \($0)" } ?? "")],
      measured: text + allowed)
  }

  private static func codecs(of output: MediaInfo, _ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    if output.audio?.codec != "aac" { problems.append("audio is \(output.audio?.codec ?? "missing"), not aac") }
    if let video = evidence.fixture.video, evidence.isVideoWanted(output) {
      problems.append("video is \(output.video?.codec ?? "missing"), not \(video.codec)")
    }
    return Finding(
      problems: problems, measured: "\(output.video?.codec ?? "no video") + \(output.audio?.codec ?? "no audio")")
  }

  private static func timestamps(_ evidence: StreamEvidence) -> Finding {
    let video = evidence.video
    var problems: [String] = []
    if video.nonMonotonic > 0 { problems.append("\(video.nonMonotonic) decoding times do not grow") }
    if video.presentedBeforeDecoded > 0 {
      problems.append("\(video.presentedBeforeDecoded) packets are presented before they are decoded")
    }
    let jitter = video.jitter.milliseconds
    if video.jitter > evidence.tolerances.videoJitter {
      problems.append("video times move against the input's by \(Int(jitter)) ms")
    }
    return Finding(problems: problems, measured: "monotonic, jitter \(String(format: "%.1f", jitter)) ms")
  }

  private static func videoPackets(of output: MediaInfo, _ evidence: StreamEvidence) -> Finding {
    guard evidence.fixture.video != nil else { return .notAsked("the fixture has no video") }
    guard output.video != nil else { return .notAsked("the output has no video") }
    let video = evidence.video
    if evidence.picture ?? video.treatment == .reencoded { return reencoded(video) }
    var problems: [String] = []
    func add(_ count: Int, _ what: String) { if count > 0 { problems.append("\(count) \(what)") } }
    add(video.missingInside, "missing inside the span")
    add(video.repeated, "repeated")
    add(video.reordered, "out of order")
    add(video.foreign, "not the input's")
    if video.matched == 0 { problems.append("none of \(video.inputCount) input packets came out") }
    return Finding(problems: problems, measured: "\(video.matched) of \(video.inputCount), in order, untouched")
  }
}

extension DubbingVerdict {
  /// Of a picture that was encoded anew no packet can be known: what it shows is compared.
  private static func reencoded(_ video: VideoMatch) -> Finding {
    if video.treatment == .untouched { return Finding(measured: "untouched, though it need not be") }
    guard video.isAnother || video.frozen > .zero || video.shownAgain > .zero || video.likeness != nil else {
      return .notAsked("encoded anew, and cannot be recognised: \(video.lagProblem ?? "it was not compared")")
    }
    var problems = video.isAnother ? [video.lagProblem ?? "the output shows something else"] : []
    if video.frozen > .zero {
      problems.append("the picture stands still for \(video.frozen.text), and the fixture's moves all the time")
    }
    if video.shownAgain > .zero {
      problems.append("\(video.shownAgain.text) of the picture are shown a second time, where the fixture's moves on")
    }
    if let jump = video.jump {
      let way = jump.change < .zero ? "earlier" : "later"
      problems.append("from \(jump.time.text) on the picture comes \(jump.change.magnitude.text) \(way) than before")
    }
    return Finding(
      problems: problems,
      measured: "encoded anew; \(Int((video.likeness ?? 0) * 100)) % alike")
  }
}

extension StreamEvidence {
  /// Whether the output lacks the video that it is to have: an untouched one is the fixture's.
  fileprivate func isVideoWanted(_ output: MediaInfo) -> Bool {
    switch picture ?? video.treatment {
    case .untouched: output.video?.codec != fixture.video?.codec
    case .reencoded: output.video == nil
    case .absent: picture == nil
    }
  }
}

extension StreamEvidence {
  /// What a worker missed because it joined after the first packet, in words.
  fileprivate var lateStart: String? {
    guard let missed = missedStart, missed > .milliseconds(100) else { return nil }
    let joined = workerJoined.map { "read the input \($0.text) after it was there" } ?? "was not seen to read the input"
    return "the worker missed the first \(missed.text): it \(joined), the publisher waits \(publisherLead.text)"
  }
}

extension Double {
  var twoPlaces: String { String(format: "%.2f", self) }
  fileprivate var decibels: String { isFinite ? String(format: "%.0f dBFS", self) : "-∞ dBFS" }
}

extension Duration {
  /// How long, whichever way.
  var magnitude: Duration { self < .zero ? .zero - self : self }
  /// `+12 ms`.
  fileprivate var signed: String { String(format: "%+.0f ms", milliseconds) }
}
