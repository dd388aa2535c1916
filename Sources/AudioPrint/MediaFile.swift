import Foundation

/// What a file says before anything has decoded it.
struct MediaFile {
  let path: String

  /// What is no regular file, as a pipe or a device, may block whoever opens it. Links are followed.
  var isRegular: Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Whether it begins with an `ftyp` box: ffmpeg misses the index of any file that is only named .mp4. One that cannot be read may.
  var beginsAsMP4: Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return true }
    defer { try? file.close() }
    return Self.isMP4((try? file.read(upToCount: 8)) ?? Data())
  }

  private static func isMP4(_ begin: Data) -> Bool { begin.dropFirst(4).prefix(4) == Data("ftyp".utf8) }

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
    guard Self.isMP4(begin), let size = try? file.seekToEnd(),
      (try? file.seek(toOffset: size - min(size, UInt64(Self.tail)))) != nil, let end = try? file.readToEnd()
    else { return false }
    return end.range(of: word) != nil
  }
}
