import ArgumentParser
import AudioPrint

/// `audioprint continuity RECORDING --clip C …`.
struct FollowContinuity: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "continuity",
    abstract:
      "Says where RECORDING does not play its clips without a break: missing, doubled, skipped or foreign sound.",
    discussion: """
      Each clip is looked for anywhere, or with --at near its expected begin. What is silent in a clip cannot be judged there.
      Kinds: missing, doubled, skipped, inserted, levelDrop, clipping, channelLost; between clips: gap, overlap, inserted.
      Exit codes: 0 unbroken, 1 a break, a clip that is not played or is cut off at the recording's ends, 2 error.

      EXAMPLE: audioprint continuity output.flv --clip talk.mp4
      """)

  @Argument(help: "The recording: a file or URL that ffmpeg reads.")
  var recording: String
  @Option(name: .customLong("clip"), help: "What it should play; repeat it for further clips.")
  var clips: [String] = []
  @Option(
    name: .customLong("at"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Where the clip begins in the recording; once for each clip, in the same order.", valueName: "seconds"))
  var starts: [Double] = []
  @Option(help: ArgumentHelp("How far a clip may be from where --at expects it.", valueName: "seconds"))
  var searchRange = 1.0
  @Option(help: ArgumentHelp("Silence between two clips that is no break.", valueName: "seconds"))
  var gap = 0.02
  @Option(help: ArgumentHelp("Sound that is missing inside of a clip for less is no break.", valueName: "seconds"))
  var shortestMissing = Continuity.Options().shortestMissing
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !clips.isEmpty else { throw ValidationError("give at least one --clip") }
    guard starts.isEmpty || starts.count == clips.count else {
      throw ValidationError("--at must be given once for each --clip: there are \(starts.count) for \(clips.count)")
    }
    guard starts.allSatisfy(\.isFinite) else { throw ValidationError("--at must be a number of seconds") }
    guard (0...30).contains(searchRange) else { throw ValidationError("--search-range must be 0 to 30 seconds") }
    guard (0...60).contains(gap) else { throw ValidationError("--gap must be 0 to 60 seconds") }
    guard (0...1).contains(shortestMissing) else { throw ValidationError("--shortest-missing must be 0 to 1 second") }
  }

  func run() async throws {
    var sources: [AudioClip] = []
    for path in clips { sources.append(try await output.decode(path)) }
    let progress = Progress(recording, always: output.progress)
    let heard = try await AudioDecoder.decodeStereo(recording, sampleRate: decodingRate, progress: progress.decoded)
    progress.finish()
    let continuity = Continuity(
      clips: sources, options: .init(searchRange: searchRange, gap: gap, shortestMissing: shortestMissing))
    let placements = starts.enumerated().map { Continuity.Placement(clip: $0, start: $1) }
    let report = continuity.report(
      left: heard.left, right: heard.right, placements: placements.isEmpty ? nil : placements)
    if output.json { try output.print(Answer(report)) } else { tell(report) }
    if !report.isUnbroken { throw ExitCode.failure }
  }

  private func tell(_ report: Continuity.Report) {
    print(report.isUnbroken ? "unbroken" : "broken")
    for clip in report.clips {
      var line = "  \(clips[clip.clip])  \(clip.start.text(3))…\(clip.end.text(3)) s"
      line += ", follows it for \(clip.followed.text(2)) of \(clip.judged.text(2)) s that sound"
      if clip.speedRatio != 1 { line += ", \(clip.speedRatio.text(5)) times as fast" }
      if clip.cutBefore > 0.1 { line += ", its first \(clip.cutBefore.text(2)) s lie before the recording" }
      if clip.cutAfter > 0.1 { line += ", its last \(clip.cutAfter.text(2)) s lie after the recording" }
      print(line)
    }
    for clip in report.lost { print("  \(clips[clip])  is not played") }
    guard !report.breaks.isEmpty else { return }
    print("from       length ms  kind         clip  at")
    for found in report.breaks {
      print(
        column(found.start.text(3), 11) + column((found.length * 1000).text(0), 11) + column(found.kind.rawValue, 13)
          + column("\(found.clip)", 6) + found.clipStart.text(3))
    }
  }

  private func column(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// The report, with its verdict.
  private struct Answer: Encodable {
    var isUnbroken: Bool
    var breaks: [Break]
    var clips: [FollowedClip]
    var interludes: [Interlude]
    var lost: [Int]

    init(_ report: Continuity.Report) {
      isUnbroken = report.isUnbroken
      (breaks, clips, interludes, lost) = (report.breaks, report.clips, report.interludes, report.lost)
    }
  }
}
