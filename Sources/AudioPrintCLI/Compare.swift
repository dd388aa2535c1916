import ArgumentParser
import AudioPrint

/// `audioprint compare A B`.
struct Compare: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether B is the recording A, whatever codec, level, filter and offset.",
    discussion: "Exit codes: 0 same, 1 different, 2 error.")

  @Argument(help: "The reference: a file or URL that ffmpeg reads.")
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
}
