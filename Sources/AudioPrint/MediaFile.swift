#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// What a file says before anything has decoded it.
struct MediaFile {
  let path: String

  /// What is no regular file, as a pipe or a device, may block whoever opens it. Links are followed.
  var isRegular: Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Whether it begins with an `ftyp` box: ffmpeg misses the index of any file that is only named .mp4. One that cannot be read may.
  var beginsAsMP4: Bool { bytes(at: .begin, count: 8).map(Self.isMP4) ?? true }

  private static func isMP4(_ begin: [UInt8]) -> Bool { begin.dropFirst(4).prefix(4).elementsEqual("ftyp".utf8) }

  /// Bytes at the begin in which Ogg, Matroska, FLV, MPEG-TS and MP4 say what they hold; and at the end, where an MP4 may have its index.
  private static let (head, tail) = (1 << 16, 1 << 20)

  /// Whether its audio may be Opus: false is certain, but for a track that begins late. Costs no process, as asking ffprobe does.
  var mayHoldOpus: Bool {
    guard isRegular, let begin = bytes(at: .begin, count: Self.head) else { return false }
    if Self.namesOpus(begin) { return true }
    guard Self.isMP4(begin), let end = bytes(at: .end, count: Self.tail) else { return false }
    return Self.namesOpus(end)
  }

  /// All of them write this word somewhere.
  private static func namesOpus(_ bytes: [UInt8]) -> Bool {
    let word = Array("Opus".utf8)
    return bytes.withUnsafeBufferPointer { bytes in
      var rest = bytes[...]
      while let start = rest.firstIndex(of: word[0]) {
        if rest[start...].starts(with: word) { return true }
        rest = rest[(start + 1)...]
      }
      return false
    }
  }

  private enum Place { case begin, end }

  /// As many bytes as there are of so many; nil if it cannot be read.
  private func bytes(at place: Place, count: Int) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    // Of what is shorter all is read.
    if place == .end, fseek(file, -count, SEEK_END) != 0 { rewind(file) }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { bytes, read in
      read = fread(bytes.baseAddress, 1, count, file)
    }
    return ferror(file) == 0 ? bytes : nil
  }
}
