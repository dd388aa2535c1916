import AudioPrint
import Foundation

/// What a stream left beyond its report: what passed between the services, what they logged, and what can be listened to.
package struct StreamTrace: Sendable {
  /// Sound of every answer, one after another, each in a slot of its own.
  struct Dubs: Sendable {
    var file: Data
    /// Seconds of a slot.
    var slot: Double
    /// The fragment in each slot.
    var sequences: [Int]
  }

  var events: [TapLine] = []
  var logs: [LogLine] = []
  /// The recording as a small MP4; nil: there is none, or ffmpeg could not read it.
  var recording: Data?
  /// The fixture's sound.
  var original: Data?
  var dubs: Dubs?
}

extension StreamTrace {
  /// Reads what a run left in its folder, and encodes it for a browser.
  ///
  /// What is missing or cannot be read is left out: the page says so by not having it.
  ///
  /// - Parameters:
  ///   - fixtures: their folder, for the original's sound.
  ///   - canBeHeard: whether players are made, which takes nearly all of the time.
  static func read(
    _ stream: RunReport.Stream, of report: RunReport, in folder: URL, fixtures: URL, canBeHeard: Bool
  ) async -> StreamTrace {
    var trace = StreamTrace()
    if let path = stream.events, let text = try? String(contentsOf: folder.appending(path: path), encoding: .utf8) {
      trace.events = TapLine.lines(of: text)
    }
    let lines = report.environments.filter { $0.media == stream.environment }.flatMap { environment in
      environment.logs.flatMap { path in
        (try? String(contentsOf: folder.appending(path: path), encoding: .utf8)).map {
          LogLine.lines(of: $0, ahead: environment.remote?.clockOffsetMs ?? 0)
        } ?? []
      }
    }
    if let first = trace.events.first?.date, let last = trace.events.last?.date {
      let others = report.streams.map(\.stream).filter { $0 != stream.stream }
      trace.logs = LogLine.lines(lines, near: trace.moments(of: stream), in: first...last, without: others)
    }
    guard canBeHeard else { return trace }
    async let recording = optional(stream.recording) {
      try await PageMedia.recording(folder.appending(path: $0), isWhole: stream.fault != nil || !stream.passed)
    }
    async let original = optional(try? Fixture.named(stream.fixture, in: fixtures)) {
      $0.canBeDubbed ? try await PageMedia.original(of: $0) : nil
    }
    let sounds = Dictionary(
      trace.events.filter { !$0.isFromWorker }.compactMap { line in
        line.sound.flatMap { sound in line.sequence.map { ($0, sound) } }
      }, uniquingKeysWith: { first, _ in first })
    trace.dubs = await optional(sounds.isEmpty ? nil : sounds) { try await PageMedia.dubs($0, slot: stream.segmentS) }
    (trace.recording, trace.original) = await (recording, original)
    return trace
  }

  /// When something went wrong: a fragment was sent that is not what it should be in the output; else the stream's end.
  func moments(of stream: RunReport.Stream) -> [Date] {
    guard stream.fault != nil || !stream.passed else { return [] }
    let wrong = stream.fragments.filter { fragment in
      fragment.attributedTo != .dubbed(fragment.sequence) || fragment.processingMs == nil
        || (fragment.processingMs ?? 0) / 1000 > stream.answerBoundS
    }
    let sent = events.first { $0.isFromWorker && $0.sound != nil }?.date
    let moments = wrong.flatMap { fragment -> [Date] in
      guard let sent, let after = fragment.sentAfterS else { return [] }
      let begin = sent.addingTimeInterval(after)
      return [begin] + (fragment.processingMs.map { [begin.addingTimeInterval($0 / 1000)] } ?? [])
    }
    return moments.isEmpty ? events.last.map { [$0.date] } ?? [] : moments
  }
}

/// `make` of a value, nil where there is none or it throws.
private func optional<T: Sendable, R: Sendable>(
  _ value: T?, _ make: @Sendable (T) async throws -> R?
) async -> R? {
  guard let value else { return nil }
  return try? await make(value)
}
