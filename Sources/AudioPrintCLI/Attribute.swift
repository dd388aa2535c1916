import ArgumentParser
import AudioPrint

/// `audioprint attribute OUTPUT --original O --fragment F …`.
struct Attribute: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what each part of OUTPUT is: original, dubbed fragment k, both, silence or unknown.",
    discussion: """
      Without --window the parts and their edges are found; with it, windows of that length are judged one by one, and fragment k is expected \
      at k times that length.
      Exit codes: 0 every part is explained or silent, 1 something is unknown, 2 error.

      EXAMPLE: audioprint attribute output.flv --original talk.mp4 --fragment dub-0.wav --fragment dub-1.wav
      """)

  @Argument(help: "The recording: a file or URL that ffmpeg reads.")
  var recording: String
  @Option(help: "The original: a file or URL that ffmpeg reads.")
  var original: String?
  @Option(help: "Audio track of the recording, counted from 0.")
  var track = 0
  @Option(help: "Audio track of the original, counted from 0.")
  var originalTrack = 0
  @Option(name: .customLong("fragment"), help: "Dubbed audio of a fragment; repeat it in the order 0, 1, 2, …")
  var fragments: [String] = []
  @Option(help: ArgumentHelp("Judge windows of this length.", valueName: "seconds"))
  var window: Double?
  @Option(help: ArgumentHelp("How far a source may be from its expected place.", valueName: "seconds"))
  var searchRange = 2.0
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard original != nil || !fragments.isEmpty else { throw ValidationError("give --original, --fragment or both") }
    guard window ?? 1 >= Similarity.shortest else {
      throw ValidationError("--window must be at least \(Similarity.shortest) seconds: in less nothing can be told")
    }
    guard track >= 0, originalTrack >= 0 else { throw ValidationError("--track and --original-track count from 0") }
    guard (0...60).contains(searchRange) else { throw ValidationError("--search-range must be 0 to 60 seconds") }
  }

  func run() async throws {
    var (rows, header): ([Row], String?) = (
      [], "from       to         class          lag ms    speed    coherence  original  level dBFS  confidence"
    )
    var (end, isExplained) = (0.0, true)
    try await attribution { result in
      if output.json {
        rows.append(Row(result))
      } else {
        // With the first row, so that a recording that cannot be read prints nothing here.
        if let text = header { print(text) }
        header = nil
        print(line(result))
      }
      end = result.end
      if result.attribution == .unknown { isExplained = false }
    }
    if output.json { try output.print(rows) } else { print("\(end.text(2)) s") }
    if !isExplained { throw ExitCode.failure }
  }

  /// Decodes and attributes side by side, so that memory does not depend on the length; also used by `plot`.
  func attribution(receive: (WindowAttribution) throws -> Void) async throws {
    try StoredFingerprint.refuse(recording, "attribute")
    if let original { try StoredFingerprint.refuse(original, "--original") }
    var candidates: [Candidate] = []
    for (index, path) in fragments.enumerated() {
      try StoredFingerprint.refuse(path, "--fragment")
      let audio = try await output.decode(path)
      candidates.append(
        Candidate(role: .dubbed(index), clip: audio, expectedStart: window.map { $0 * Double(index) }))
    }
    let progress = Progress(recording, always: output.progress)
    try await Attributor.attribute(
      recording: recording, track: track, original: original, originalTrack: originalTrack, fragments: candidates,
      window: window,
      options: AttributionOptions(searchRange: searchRange, wideSearchRange: max(30, searchRange)),
      progress: progress.decoded, receive: receive)
    progress.finish()
  }

  private func line(_ result: WindowAttribution) -> String {
    func column(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(1, width - text.count))
    }
    return column(result.start.text(3), 11) + column(result.end.text(3), 11)
      + column("\(result.attribution)", 15) + column((result.lagSeconds * 1000).text(1), 10)
      + column(result.speedRatio == 1 ? "1" : result.speedRatio.text(5), 9)
      + column(result.coherence.text(3), 11) + column(result.originalCoherence.text(3), 10)
      + column(result.level.text(1), 12) + result.confidence.text(2)
  }

  private struct Row: Encodable {
    var start: Double
    var end: Double
    var attribution: String
    var candidate: Int?
    var lag: Double
    var speed: Double
    var coherence: Double
    var originalCoherence: Double
    var level: Double?
    var confidence: Double

    enum CodingKeys: String, CodingKey {
      case start, end, attribution, candidate, speed, coherence, confidence
      case lag = "lag_ms"
      case originalCoherence = "original_coherence"
      case level = "level_dbfs"
    }

    init(_ result: WindowAttribution) {
      (start, end) = (result.start, result.end)
      attribution = "\(result.attribution)"
      candidate = result.candidateIndex
      lag = result.lagSeconds * 1000
      speed = result.speedRatio
      (coherence, originalCoherence) = (result.coherence, result.originalCoherence)
      level = result.level.isFinite ? result.level : nil
      confidence = result.confidence
    }
  }
}
