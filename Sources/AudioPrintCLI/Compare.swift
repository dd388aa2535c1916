import ArgumentParser
import AudioPrint

/// `audioprint compare A B`.
struct Compare: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether B is the recording A, whatever codec, level, filter and offset.",
    discussion: """
      Either may be a fingerprint that audioprint fingerprint stored; then fingerprints are compared, which tells no speed and no sound below \
      the recording.
      Exit codes: 0 same, 1 different, 2 error.
      """)

  @Argument(help: "The reference: a file or URL that ffmpeg reads, or a stored fingerprint.")
  var a: String
  @Argument(help: "What is compared with it.")
  var b: String
  @Option(help: ArgumentHelp("How far B may be shifted against A.", valueName: "seconds"))
  var maxOffset = 10.0
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (0...600).contains(maxOffset) else { throw ValidationError("--max-offset must be 0 to 600 seconds") }
  }

  func run() async throws {
    let stored = (a: try StoredFingerprint.read(a), b: try StoredFingerprint.read(b))
    if stored.a != nil || stored.b != nil {
      let (reference, other) = try await (fingerprint(a, stored.a), fingerprint(b, stored.b))
      return try tell(reference.compare(other, maxOffset: maxOffset))
    }
    async let reference = output.decode(a)
    async let other = output.decode(b)
    let result = Similarity.compare(try await reference, try await other, maxOffset: maxOffset)
    if output.json {
      try output.print(result)
    } else {
      print(result.isSame ? "same" : "different")
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
  private func fingerprint(_ path: String, _ stored: Fingerprint?) async throws -> Fingerprint {
    if let stored { return stored }
    return try await Fingerprint(contentsOf: path)
  }

  private func tell(_ match: Fingerprint.Match) throws {
    if output.json {
      try output.print(match)
    } else {
      print(match.isSame ? "same" : "different")
      print("  explained  \(match.explainedBlocks) of \(match.audibleBlocks) blocks of 3 s that are not silent")
      print("  bit errors \(match.bitErrorRate.map { "\(($0 * 100).text(1)) %" } ?? "-")")
      print("  lag        \((match.lagSeconds * 1000).text(0)) ms")
    }
    if !match.isSame { throw ExitCode.failure }
  }
}
