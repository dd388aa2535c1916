import Foundation

/// What a file says before anything has decoded it.
struct MediaFile {
  let path: String

  /// What is no regular file, as a pipe or a device, may block whoever opens it. Links are followed.
  var isRegular: Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Bytes at the begin in which Ogg, Matroska, FLV, MPEG-TS and MP4 say what they hold; and at the end, where an MP4 may have its index.
  private static let (head, tail) = (1 << 16, 1 << 20)

  /// Whether its audio may be Opus: false is certain, but for a track that begins late. Costs no process, as asking ffprobe does.
  var mayHoldOpus: Bool {
    guard isRegular, let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    // All of them write this word somewhere.
    let word = Data("Opus".utf8)
    guard let begin = try? file.read(upToCount: Self.head) else { return false }
    if begin.range(of: word) != nil { return true }
    guard begin.dropFirst(4).prefix(4) == Data("ftyp".utf8), let size = try? file.seekToEnd(),
      (try? file.seek(toOffset: size - min(size, UInt64(Self.tail)))) != nil, let end = try? file.readToEnd()
    else { return false }
    return end.range(of: word) != nil
  }
}

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

  /// Asked once: it takes a process.
  private static let isThere = Task {
    let answer = try? await FFmpeg.text("ffmpeg", ["-hide_banner", "-v", "error", "-decoders"])
    return answer?.output.contains(" \(name) ") ?? false
  }
}
