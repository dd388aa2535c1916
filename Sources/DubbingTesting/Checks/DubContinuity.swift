import AudioPrint
import Foundation

/// Whether the output plays each fragment's dub without a break, which a window of seconds averages away.
///
/// Only windows that hold their own dub are followed: what is wrong with the others, ``DubbingVerdict/Check/Name/identity`` says.
package struct DubContinuity: Sendable, Hashable {
  /// In order of time: `start` counts from the output's time 0, `clip` is the fragment's sequence number.
  package var breaks: [Break] = []
  /// Fragments that were followed, by sequence number.
  package var followed: Set<Int> = []
  /// Fragments whose sound cannot tell: what the pipeline makes of it is too far from the dub to be followed.
  package var untold: Set<Int> = []
  /// Seconds of the dubs that are loud enough to be judged.
  package var judged = 0.0

  /// What was followed by somebody else.
  package init(breaks: [Break] = [], followed: Set<Int> = [], untold: Set<Int> = [], judged: Double = 0) {
    (self.breaks, self.followed, self.untold, self.judged) = (breaks, followed, untold, judged)
  }

  /// Share of a dub that must be followed for its breaks to count: with less, everything would be one.
  private static let least = 0.5

  /// Follows the dubs of the windows that hold them.
  ///
  /// - Parameters:
  ///   - videoLag: how much later the picture is in the output than in the fixture, seconds.
  /// - Throws: `AudioError`.
  init(
    left: AudioClip, right: AudioClip, windows: [StreamEvidence.Window], placed: [PlacedFragment], videoLag: Double
  ) throws {
    var (sequences, clips, placements): ([Int], [AudioClip], [Continuity.Placement]) = ([], [], [])
    var spans: [(sequence: Int, time: Range<Double>)] = []
    for window in windows where window.content == .dubbed(window.sequence) {
      guard let piece = placed.first(where: { $0.sequence == window.sequence }), let dub = piece.dubbed else {
        continue
      }
      let start = piece.start + videoLag + window.lag.seconds
      // A clock that is slow plays it for up to 3 % longer, before what is no dub.
      let rest = windows.first { $0.sequence == window.sequence + 1 && $0.content != .dubbed($0.sequence) }?.place
      let latest = max(start + piece.duration, rest?.output.lowerBound.seconds ?? .infinity)
      let end = min(start + 1.032 * piece.duration, latest)
      placements.append(.init(clip: clips.count, start: start))
      sequences.append(window.sequence)
      if let last = spans.last, last.sequence + 1 == window.sequence {
        spans[spans.count - 1] = (window.sequence, last.time.lowerBound..<max(last.time.upperBound, end))
      } else {
        spans.append((window.sequence, start..<end))
      }
      // A worker cuts off what is longer than its fragment, and says so itself.
      clips.append(dub.duration > piece.duration ? dub.slice(from: 0, to: piece.duration) : dub)
    }
    // What is silent between two dubs is the worker's business, and how late the next one is, that of `avSync`.
    let continuity = Continuity(clips: clips, options: .init(gap: 60))
    // In another window the same voice may say the same words.
    let report = continuity.report(
      left: try left.silenced(outside: spans.map(\.time)), right: try right.silenced(outside: spans.map(\.time)),
      placements: placements)
    judged = report.clips.map(\.judged).reduce(0, +)
    for clip in report.clips {
      if clip.judged > 0, clip.followed >= Self.least * clip.judged {
        followed.insert(sequences[clip.clip])
      } else {
        untold.insert(sequences[clip.clip])
      }
    }
    untold.formUnion(report.lost.map { sequences[$0] })
    breaks = report.breaks.filter { $0.kind != .overlap && $0.kind != .gap }.map { found in
      var found = found
      found.clip = sequences[found.clip]
      return found
    }.filter { followed.contains($0.clip) }
  }
}

extension DubbingVerdict {
  /// Each break with its kind, place and length.
  static func continuity(_ found: DubContinuity) -> Finding {
    guard !found.followed.isEmpty else {
      return .notAsked(
        found.untold.isEmpty ? "no window holds its dub" : "the output's sound is too far from the dubs to be followed")
    }
    let untold = found.untold.isEmpty ? "" : "; \(found.untold.count) could not be followed"
    return Finding(
      problems: found.breaks.map {
        "fragment \($0.clip): \($0.kind.words) at \($0.start.threePlaces) s for \(($0.length * 1000).short) ms"
      },
      measured: "\(found.followed.count) dubs play without a break, \(found.judged.twoPlaces) s of sound" + untold)
  }
}

extension Break.Kind {
  fileprivate var words: String {
    switch self {
    case .missing: "sound is missing"
    case .doubled: "sound is played twice"
    case .skipped: "sound is left out"
    case .inserted: "another sound is heard"
    case .levelDrop: "the level drops"
    case .clipping: "peaks are cut off"
    case .channelLost: "a channel is silent"
    case .gap: "there is a gap"
    case .overlap: "the next fragment begins"
    }
  }
}

extension Double {
  fileprivate var threePlaces: String { String(format: "%.3f", self) }
}

extension AudioClip {
  /// The same with silence outside of some spans, given in seconds and in order.
  fileprivate func silenced(outside spans: [Range<Double>]) throws -> AudioClip {
    var kept = [Float](repeating: 0, count: samples.count)
    for span in spans {
      func index(_ seconds: Double) -> Int { min(samples.count, max(0, Int((seconds * Double(sampleRate)).rounded()))) }
      let part = index(span.lowerBound)..<max(index(span.lowerBound), index(span.upperBound))
      kept.replaceSubrange(part, with: samples[part])
    }
    return try AudioClip(samples: kept, sampleRate: sampleRate)
  }
}
