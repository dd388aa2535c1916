import Foundation

// Is the output what STS made of the fixture, where it belongs, and can it be played?
extension DubbingVerdict {
  static func outputChecks(_ evidence: StreamEvidence) -> [Check] {
    [
      published(evidence).check(.published),
      identity(evidence).check(.identity),
      originalAbsent(evidence).check(.originalAbsent),
      loudness(evidence).check(.loudness),
      avSync(evidence).check(.avSync),
      duration(evidence).check(.duration),
      codecs(evidence).check(.codecs),
      timestamps(evidence).check(.timestamps),
      videoPackets(evidence).check(.videoPackets),
    ]
  }

  /// All that can be asked where the fixture has no audio: that nothing was made of it.
  static func refusalChecks(_ evidence: StreamEvidence) -> [Check] {
    [
      sent(evidence).check(.fragmentsSent),
      contract(evidence.events).check(.contract),
      published(evidence).check(.published),
    ]
  }

  /// Above this share of a window's energy the original is audible in it.
  ///
  /// A dub that replaces the original measured at most 0.1 here, a voice-over on the original ducked by 12 dB measures above it.
  static let audibleOriginal = 0.25
  /// A dub this far under the original's level is not heard as one, dB.
  static let quietDub = 26.0

  private static func published(_ evidence: StreamEvidence) -> Finding {
    guard evidence.fixture.canBeDubbed else {
      return Finding(
        problems: evidence.output == nil ? [] : ["an output was published although there is no audio to dub"],
        measured: "the stream was refused: nothing was published")
    }
    return evidence.output == nil ? .noOutput(evidence) : Finding(problems: [], measured: "recorded to its end")
  }

  private static func identity(_ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    for sequence in evidence.sequences {
      guard let window = evidence.windows.first(where: { $0.sequence == sequence }) else {
        problems.append("fragment \(sequence): the output has no such window")
        continue
      }
      let silentDub = window.content == .silent && !evidence.events.isSpoken(sequence)
      // Where nothing was spoken, silence is the right dub, unless the fixture promises words.
      if silentDub, evidence.fixture.expectedTranscripts?[safe: sequence]?.isEmpty ?? true { continue }
      if window.content != .dubbed(sequence) {
        problems.append(
          "fragment \(sequence): the window holds \(window.content), coherence \(window.coherence.twoPlaces)")
      }
    }
    let least = evidence.windows.map(\.coherence).min() ?? 0
    if evidence.windows.isEmpty { problems.append("there is no output to look at") }
    return Finding(
      problems: problems, measured: "each window is its own dubbed fragment, coherence ≥ \(least.twoPlaces)")
  }

  private static func originalAbsent(_ evidence: StreamEvidence) -> Finding {
    let heard = evidence.windows.filter { $0.originalCoherence > audibleOriginal && $0.content != .silent }
    let most = evidence.windows.map(\.originalCoherence).max() ?? 0
    return Finding(
      problems: heard.map {
        "fragment \($0.sequence): the original explains \($0.originalCoherence.twoPlaces) of the window"
      },
      measured: "the original explains ≤ \(most.twoPlaces) of any window")
  }

  private static func loudness(_ evidence: StreamEvidence) -> Finding {
    var problems: [String] = []
    for window in evidence.windows where evidence.events.isSpoken(window.sequence) {
      guard let original = evidence.originalLevels[window.sequence], window.level < original - quietDub else {
        continue
      }
      problems.append(
        "fragment \(window.sequence): the output is at \(window.level.decibels) where the original is at \(original.decibels)"
      )
    }
    let quietest = evidence.windows.map(\.level).min() ?? -.infinity
    return Finding(
      problems: problems, measured: "quietest window \(quietest.decibels)")
  }

  private static func avSync(_ evidence: StreamEvidence) -> Finding {
    let bound = evidence.budget.avDelta.seconds
    // Only what was found can be out of place; what was not found is `identity`'s business.
    let located = evidence.windows.filter { $0.content == .dubbed($0.sequence) || $0.content == .original }
    let late = located.filter { abs($0.lag) >= bound }
    let worst = located.map(\.lag).max { abs($0) < abs($1) } ?? 0
    return Finding(
      problems: late.map {
        "fragment \($0.sequence): audio is \(($0.lag * 1000).signed) ms from the picture, the bound is ±\(Int(bound * 1000)) ms"
      },
      measured: located.isEmpty ? "nothing that could be placed" : "worst \((worst * 1000).signed) ms")
  }

  private static func duration(_ evidence: StreamEvidence) -> Finding {
    guard let output = evidence.output else { return .noOutput(evidence) }
    let difference = output.duration - evidence.fixture.duration
    let tolerance = evidence.budget.durationTolerance.seconds
    let text = "\(output.duration.twoPlaces) s, the fixture has \(evidence.fixture.duration.twoPlaces) s"
    return Finding(
      problems: abs(difference) > tolerance
        ? [text + ", ±\(tolerance.twoPlaces) s is allowed" + (evidence.lateStart.map { "; \($0)" } ?? "")] : [],
      measured: text)
  }

  private static func codecs(_ evidence: StreamEvidence) -> Finding {
    guard let output = evidence.output else { return .noOutput(evidence) }
    var problems: [String] = []
    if output.audio?.codec != "aac" { problems.append("audio is \(output.audio?.codec ?? "missing"), not aac") }
    if let video = evidence.fixture.video, output.video?.codec != video.codec {
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
    if video.jitter > 0.02 { problems.append("video times move against the input's by \(Int(video.jitter * 1000)) ms") }
    return Finding(problems: problems, measured: "monotonic, jitter \(String(format: "%.1f", video.jitter * 1000)) ms")
  }

  private static func videoPackets(_ evidence: StreamEvidence) -> Finding {
    guard evidence.fixture.video != nil else { return Finding(problems: [], measured: "the fixture has no video") }
    let video = evidence.video
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

extension Finding {
  fileprivate static func noOutput(_ evidence: StreamEvidence) -> Finding {
    Finding(problems: ["there is no output" + (evidence.outputProblem.map { ": \($0)" } ?? "")], measured: "")
  }
}

extension StreamEvidence {
  /// What a worker missed because it joined after the first packet, in words.
  fileprivate var lateStart: String? {
    guard let missed = missedStart, missed > 0.1 else { return nil }
    let joined = workerJoined.map { "read the input \($0.text) after it was there" } ?? "was not seen to read the input"
    return "the worker missed the first \(missed.twoPlaces) s: it \(joined), the publisher waits \(publisherLead.text)"
  }
}

extension Double {
  fileprivate var twoPlaces: String { String(format: "%.2f", self) }
  fileprivate var decibels: String { isFinite ? String(format: "%.0f dBFS", self) : "-∞ dBFS" }
  fileprivate var signed: String { String(format: "%+.0f", self) }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
