import AudioPrint
import Foundation

/// Sound and pictures small enough to be part of the page, as MP4: what every browser plays, and what ffmpeg makes without further libraries.
package enum PageMedia {
  private static let sound = ["-c:a", "aac", "-b:a", "24k", "-ac", "1", "-ar", "16000"]
  private static let originals = OnceEach<String, Data>()

  /// A recording of 192 pixels' width.
  ///
  /// - Parameter isWhole: all pictures, five a second; otherwise keyframes only, at a tenth of the work.
  static func recording(_ file: URL, isWhole: Bool) async throws -> Data {
    let input = (isWhole ? [] : ["-skip_frame", "nokey"]) + ["-i", file.path]
    return try await encode(
      input + ["-map", "0:v:0?", "-map", "0:a:0?", "-vf", "fps=\(isWhole ? 5 : 1),scale=192:-2"]
        + ["-c:v", "libx264", "-preset", "veryfast", "-crf", "38", "-pix_fmt", "yuv420p"] + sound)
  }

  /// A fixture's sound, of its first track as everywhere; each is encoded once.
  package static func original(of fixture: Fixture) async throws -> Data {
    // Without a map ffmpeg takes the track with most channels, which may be another language's.
    try await originals(fixture.media.path) {
      try await encode(["-i", fixture.media.path, "-map", "0:a:0"] + sound)
    }
  }

  /// Every answer's sound in a slot of `slot` seconds.
  static func dubs(_ sounds: [Int: TapLine.Sound], slot: Double) async throws -> StreamTrace.Dubs {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dubs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let sequences = sounds.keys.sorted()
    var (inputs, filters): ([String], [String]) = ([], [])
    for (index, sequence) in sequences.enumerated() {
      guard let sound = sounds[sequence] else { continue }
      let file = folder.appending(path: "\(sequence)")
      try sound.bytes.write(to: file)
      if !sound.isFile { inputs += ["-f", "s16le", "-ar", "\(sound.sampleRate)", "-ac", "\(sound.channels)"] }
      inputs += ["-i", file.path]
      filters.append(
        "[\(index):a]aresample=16000,aformat=channel_layouts=mono,apad=whole_dur=\(slot),atrim=0:\(slot)[s\(index)]")
    }
    filters.append(sequences.indices.map { "[s\($0)]" }.joined() + "concat=n=\(sequences.count):v=0:a=1[all]")
    let file = try await encode(inputs + ["-filter_complex", filters.joined(separator: ";"), "-map", "[all]"] + sound)
    return StreamTrace.Dubs(file: file, slot: slot, sequences: sequences)
  }

  private static func encode(_ arguments: [String]) async throws -> Data {
    let file = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID().uuidString).mp4")
    defer { try? FileManager.default.removeItem(at: file) }
    let all = ["-v", "error", "-nostdin", "-y", "-threads", "1"] + arguments + ["-movflags", "+faststart", file.path]
    let result = try await MediaTool.run("ffmpeg", all, timeout: .seconds(60))
    guard result.succeeded else {
      throw DubbingError(
        .mediaUnreadable, command: "ffmpeg \(all.joined(separator: " "))",
        reason: "nothing could be made for the page: \(result.lastWords)",
        next: "try the command by hand")
    }
    return try Data(contentsOf: file)
  }
}

/// Which media the page has room for, each once: what is red first.
struct MediaShelf {
  /// In the order in which they stand at the page's end.
  private(set) var items: [Data] = []
  private var room: Int

  /// - Parameter room: bytes of the page that media may take, as base64.
  init(room: Int) { self.room = room }

  /// The key of the item, or nil where there is none, or no room for it.
  mutating func put(_ item: Data?) -> Int? {
    guard let item else { return nil }
    if let known = items.firstIndex(of: item) { return known }
    let size = (item.count + 2) / 3 * 4 + 80
    guard size <= room else { return nil }
    room -= size
    items.append(item)
    return items.count - 1
  }
}
