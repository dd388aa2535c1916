import ArgumentParser
import AudioPrint

/// `audioprint compare A B`.
struct Compare: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether B is the recording A, whatever codec, level, filter and offset.",
    discussion: """
      Either may be a fingerprint that audioprint fingerprint stored; then fingerprints are compared, which tells no speed and no sound below \
      the recording.
      B may be an excerpt; what is muted in it and sounds in A counts: "same for 12 of 30 s".
      Exit codes: 0 same from beginning to end, 1 not so, 2 error.

      EXAMPLE: audioprint compare talk.mp4 copy.m4a --json
      """)

  @Argument(help: "The reference: a file or URL that ffmpeg reads, or a stored fingerprint.")
  var a: String
  @Argument(help: "What is compared with it.")
  var b: String
  @Option(help: ArgumentHelp("How far B may be shifted against A.", valueName: "seconds"))
  var maxOffset = 10.0
  @Option(help: "Audio track of B, counted from 0.")
  var track = 0
  @Option(help: "Audio track of A, counted from 0.")
  var referenceTrack = 0
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (0...600).contains(maxOffset) else { throw ValidationError("--max-offset must be 0 to 600 seconds") }
    guard track >= 0, referenceTrack >= 0 else {
      throw ValidationError("--track and --reference-track count from 0")
    }
  }

  func run() async throws {
    let stored = (a: try StoredFingerprint.read(a), b: try StoredFingerprint.read(b))
    if stored.a != nil || stored.b != nil {
      let (reference, other) = try await (
        fingerprint(a, referenceTrack, stored.a), fingerprint(b, track, stored.b)
      )
      return try tell(reference.compare(other, maxOffset: maxOffset))
    }
    async let reference = output.decode(a, track: referenceTrack)
    async let other = output.decode(b, track: track)
    let result = Similarity.compare(try await reference, try await other, maxOffset: maxOffset)
    if output.json {
      try output.print(result)
    } else {
      print(headline(isSame: result.isSame, result.sameSeconds, of: result.seconds))
      print("  explained  \(result.explainedWindows) of \(result.audibleWindows) windows that are not silent")
      print("  coherence  \(result.coherence.text(3))")
      print("  lag        \((result.lagSeconds * 1000).text(1)) ms")
      print("  speed      \(result.speedRatio == 1 ? "1" : result.speedRatio.text(5))")
      print(
        "  level      \((result.level ?? -.infinity).text(1)) dBFS, unexplained \((result.residualLevel ?? -.infinity).text(1)) dBFS"
      )
    }
    if !result.isSame { throw ExitCode.failure }
  }

  /// The stored one, or that of the media, made while it is decoded.
  private func fingerprint(_ path: String, _ track: Int, _ stored: Fingerprint?) async throws -> Fingerprint {
    if let stored { return stored }
    return try await Fingerprint(contentsOf: path, track: track)
  }

  /// What is the same for a part only is neither the same nor another recording.
  private func headline(isSame: Bool, _ same: Double, of seconds: Double) -> String {
    if isSame { return "same" }
    guard same > 0 else { return "different" }
    func text(_ seconds: Double) -> String {
      let text = seconds.text(1)
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
    return "same for \(text(min(same, seconds - 0.1))) of \(text(seconds)) s"
  }

  private func tell(_ match: Fingerprint.Match) throws {
    if output.json {
      try output.print(match)
    } else {
      print(headline(isSame: match.isSame, match.sameSeconds, of: match.seconds))
      print("  explained  \(match.explainedBlocks) of \(match.audibleBlocks) blocks of 3 s that are not silent")
      print("  bit errors \(match.bitErrorRate.map { "\(($0 * 100).text(1)) %" } ?? "-")")
      print("  lag        \((match.lagSeconds * 1000).text(0)) ms")
      print("  speed      \(match.speedRatio == 1 ? "1" : match.speedRatio.text(3))")
    }
    if !match.isSame { throw ExitCode.failure }
  }
}
