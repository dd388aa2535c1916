import ArgumentParser
import AudioPrint
import Foundation
import UnixSignals

/// `audioprint watch URL`.
struct Watch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says live what each second of a running stream is, and sums it up when it ends or Ctrl-C is pressed.",
    discussion: """
      A strip grows by a character a second, about three seconds behind: 0…9 the dubbed fragment (its last digit), o the original, m both, \
      . silence, ? unknown. Sources are looked for anywhere, since nobody knows where in the stream one joins.
      Exit codes: 0 every second is explained or silent, 1 something is unknown, 2 error.

      EXAMPLE: audioprint watch rtmp://localhost/live/talk/out --original talk.mp4 --fragment dub-0.wav --fragment dub-1.wav
      """)

  @Argument(help: "The stream: a URL or file that ffmpeg reads.")
  var stream: String
  @Option(help: "The original: a file or URL that ffmpeg reads to its end.")
  var original: String?
  @Option(name: .customLong("fragment"), help: "Dubbed audio of a fragment; repeat it in the order 0, 1, 2, …")
  var fragments: [String] = []
  @Option(help: "Audio track of the stream, counted from 0.")
  var track = 0
  @Option(name: .customLong("for"), help: ArgumentHelp("End after so much of the stream.", valueName: "seconds"))
  var limit: Double?
  @Flag(help: "Print a JSON object a line: one for each second, and the summary as the last.")
  var json = false

  func validate() throws {
    guard track >= 0 else { throw ValidationError("--track counts from 0") }
    guard limit ?? 1 >= 1 else { throw ValidationError("--for must be at least 1 second") }
  }

  func run() async throws {
    var candidates: [Candidate] = []
    if let original {
      candidates.append(Candidate(role: .original, clip: try await OutputOptions.decode(original)))
    }
    for (index, path) in fragments.enumerated() {
      candidates.append(Candidate(role: .dubbed(index), clip: try await OutputOptions.decode(path)))
    }
    let attributor = Attributor(candidates: candidates)
    let interrupted = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let summary = try await withThrowingTaskGroup(of: WatchSummary?.self) { group in
      group.addTask { try await watch(attributor) }
      group.addTask {
        for await _ in interrupted { break }
        return nil
      }
      // The end of the stream, or an interrupt: the watcher then ends with what it has.
      var summary = try await group.next() ?? nil
      group.cancelAll()
      while let other = try await group.next() { summary = summary ?? other }
      return summary ?? WatchSummary()
    }
    if json { try line(summary) } else { print("\n" + summary.text) }
    if summary.seconds["unknown"] != nil { throw ExitCode.failure }
  }

  private func watch(_ attributor: Attributor) async throws -> WatchSummary {
    var watcher = SecondsWatcher(attributor: attributor)
    var (summary, strip) = (WatchSummary(), WatchStrip())
    func show(_ second: WindowAttribution) throws {
      summary.add(second)
      if json { try line(WatchedSecond(second)) } else { strip.show(second) }
      // Standard output is buffered where it is no terminal.
      fflush(nil)
    }
    do {
      try await AudioDecoder.withReader(of: stream, sampleRate: decodingRate, track: track, allowTruncated: true) {
        reader in
        while let piece = try await reader.next() {
          try watcher.append(piece).forEach(show)
          if let limit, watcher.seconds >= limit { return }
        }
      }
    } catch  where Task.isCancelled || error is CancellationError {
      // Ctrl-C: not a failure, but the way in which most streams are left.
    }
    try watcher.finish().forEach(show)
    return summary
  }

  private func line(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Judges a stream second by second, with what is around each: the last dozen seconds are kept.
struct SecondsWatcher {
  let attributor: Attributor
  private var samples: [Float] = []
  /// The second with which `samples` begins, and the next to judge.
  private var (first, next) = (0, 0)
  /// What has to be known behind a second, and before it.
  private static let (behind, before) = (2, 8)

  init(attributor: Attributor) { self.attributor = attributor }

  /// Seconds that have come.
  var seconds: Double { Double(first) + Double(samples.count) / Double(decodingRate) }

  mutating func append(_ piece: [Float]) throws -> [WindowAttribution] {
    samples += piece
    var judged: [WindowAttribution] = []
    while Double(next + 1 + Self.behind) <= seconds { judged.append(try judge()) }
    return judged
  }

  /// What is left when the stream has ended; less than half a second is no second.
  mutating func finish() throws -> [WindowAttribution] {
    var judged: [WindowAttribution] = []
    while Double(next) + 0.5 <= seconds { judged.append(try judge()) }
    return judged
  }

  private mutating func judge() throws -> WindowAttribution {
    let start = Double(next - first)
    let end = min(start + 1, Double(samples.count) / Double(decodingRate))
    let clip = try AudioClip(samples: samples, sampleRate: decodingRate)
    var found = attributor.attribute(clip, windows: [(start, end)])[0]
    (found.start, found.end) = (found.start + Double(first), found.end + Double(first))
    next += 1
    if next - first > Self.before {
      samples.removeFirst(decodingRate)
      first += 1
    }
    return found
  }
}

/// The strip of a stream: a row a minute.
struct WatchStrip {
  private var count = 0
  private let isColored: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
  }()

  mutating func show(_ second: WindowAttribution) {
    let time = Int(second.start)
    if count % 60 == 0 {
      print((count == 0 ? "" : "\n") + String(format: "%3d:%02d  ", time / 60, time % 60), terminator: "")
    }
    count += 1
    let (mark, color) = Self.mark(second.attribution)
    print(isColored ? "\u{1B}[\(color)m\(mark)\u{1B}[0m" : mark, terminator: "")
  }

  /// The character of a second, and its colour on a terminal.
  static func mark(_ attribution: SegmentClass) -> (mark: String, color: Int) {
    switch attribution {
    case .dubbed(let index): ("\(index % 10)", index.isMultiple(of: 2) ? 34 : 36)
    case .passthrough: ("o", 32)
    case .mixed: ("m", 33)
    case .silent: (".", 90)
    case .unknown: ("?", 31)
    }
  }
}

/// A second of a stream, as JSON.
struct WatchedSecond: Encodable {
  var start: Double
  var attribution: String
  var coherence: Double
  var level: Double?

  init(_ second: WindowAttribution) {
    (start, attribution, coherence) = (second.start, "\(second.attribution)", second.coherence)
    level = second.level.isFinite ? second.level : nil
  }

  enum CodingKeys: String, CodingKey {
    case start, attribution, coherence
    case level = "level_dbfs"
  }
}

/// How many seconds of what, and what followed what.
struct WatchSummary: Encodable {
  /// Stretches of one kind, one after another.
  struct Stretch: Encodable {
    var attribution: String
    var start: Double
    var end: Double
  }

  /// By kind: `dubbed`, `passthrough`, `mixed`, `silent`, `unknown`.
  var seconds: [String: Double] = [:]
  var stretches: [Stretch] = []

  mutating func add(_ second: WindowAttribution) {
    let name = "\(second.attribution)"
    seconds[String(name.prefix { $0 != "(" }), default: 0] += second.end - second.start
    if stretches.last?.attribution == name {
      stretches[stretches.count - 1].end = second.end
    } else {
      stretches.append(Stretch(attribution: name, start: second.start, end: second.end))
    }
  }

  var text: String {
    guard !seconds.isEmpty else { return "nothing was heard of the stream" }
    let totals = seconds.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value.text(0)) s" }.joined(
      separator: ", ")
    return ([totals] + stretches.map { "  \($0.start.text(0)) … \($0.end.text(0)) s  \($0.attribution)" }).joined(
      separator: "\n")
  }
}
