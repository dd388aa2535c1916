/// Opus is decoded by its own library, where ffmpeg has it.
///
/// ffmpeg's own decoder, which is its first choice (5.1), makes clicks of 5 to 150 ms where an encoder changes from one of its modes to
/// another, as it does over music at 24 kbit/s; some of them are 80 dB above full scale.
enum OpusLibrary {
  static let name = "libopus"

  /// The decoder that ffmpeg is to use for a track; nil leaves it the choice.
  static func decoder(for request: DecodingRequest) async -> String? {
    var codec = request.codec
    if codec == nil, MediaFile(path: request.path).mayHoldOpus {
      // What is wrong with the file is said by who decodes it.
      codec = try? await AudioProbe.track(request.track, of: request.path).codec
    }
    guard codec == "opus", await isThere.value else { return nil }
    return name
  }

  /// Asked once: it takes a process. Owned by the type: whoever asks waits for the one answer.
  private static let isThere = Task {
    let answer = try? await FFmpeg.text("ffmpeg", ["-hide_banner", "-v", "error", "-decoders"])
    return answer?.output.contains(" \(name) ") ?? false
  }
}
