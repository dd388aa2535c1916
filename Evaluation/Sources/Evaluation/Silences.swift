/// What ffmpeg's silencedetect finds, which knows nothing of what should sound.
enum Silences {
  /// Spans of at least 10 ms below -50 dBFS, in seconds; the material is at -22.
  static func detect(in path: String) async throws -> [ClosedRange<Double>] {
    let output = try await Tool.output(
      "ffmpeg",
      [
        "-hide_banner", "-nostdin", "-v", "error", "-threads", "1", "-i", path, "-af",
        "silencedetect=noise=-50dB:d=0.01,ametadata=print:file=-", "-f", "null", "-",
      ])
    var (found, start): ([ClosedRange<Double>], Double?) = ([], nil)
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: "=")
      guard parts.count == 2, let value = Double(parts[1]) else { continue }
      if parts[0].hasSuffix("silence_start") { start = value }
      if parts[0].hasSuffix("silence_end"), let from = start {
        found.append(from...max(from, value))
        start = nil
      }
    }
    return found
  }
}
