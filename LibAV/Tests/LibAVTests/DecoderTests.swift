import Foundation
import Testing

@testable import AudioPrint

/// The decoder in this process beside the one in a process of its own.
@Suite("Decoding through FFmpeg's libraries")
struct DecoderTests {
  struct Coding: Sendable, CustomTestStringConvertible {
    var container: String
    var arguments: [String]
    var testDescription: String { "\(container) \(arguments.joined(separator: " "))" }
  }

  static let codings = [
    Coding(container: "m4a", arguments: ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"]),
    Coding(container: "m4a", arguments: ["-c:a", "aac", "-b:a", "64k", "-ar", "44100", "-ac", "1"]),
    Coding(container: "flv", arguments: ["-c:a", "aac", "-ar", "44100", "-ac", "2"]),
    Coding(container: "ts", arguments: ["-c:a", "aac", "-ar", "48000", "-ac", "2"]),
    Coding(container: "mp3", arguments: ["-c:a", "libmp3lame", "-ar", "44100", "-ac", "2"]),
    Coding(container: "ogg", arguments: ["-c:a", "libopus", "-b:a", "24k", "-ar", "48000"]),
    Coding(container: "wav", arguments: ["-c:a", "pcm_s16le", "-ar", "22050", "-ac", "2"]),
    Coding(container: "wav", arguments: ["-c:a", "pcm_f32le", "-ar", "8000", "-ac", "1"]),
    Coding(container: "flac", arguments: ["-ar", "96000", "-ac", "6"]),
    Coding(container: "mkv", arguments: ["-c:a", "ac3", "-ar", "48000", "-ac", "6"]),
    // A rate that has a filter of its own for each of 8,000 moments: libswresample's nearest ones are taken.
    Coding(container: "wav", arguments: ["-c:a", "pcm_s16le", "-ar", "32003", "-ac", "1"]),
    Coding(container: "flac", arguments: ["-ar", "8000", "-ac", "2"]),
    Coding(container: "mp4", arguments: ["-c:a", "ac3", "-ar", "48000", "-ac", "2"]),
    Coding(
      container: "mp4",
      arguments: ["-c:a", "aac", "-ar", "24000", "-ac", "6", "-movflags", "+frag_keyframe+empty_moov"]),
  ]

  static func piped(_ path: String, rate: Int, allowTruncated: Bool = false) async throws -> [Float] {
    let request = DecodingRequest(
      path: path, sampleRate: rate, track: 0, start: nil, duration: nil, alignedToTimestamps: false)
    return try await AudioDecoder.withPipe(request, allowTruncated: allowTruncated) { reader in
      var samples: [Float] = []
      while let piece = try await reader.next() { samples += piece }
      return samples
    }
  }

  @Test("The samples are the same to 1e-4, and as many", arguments: codings, [8000, 11025])
  func agree(coding: Coding, rate: Int) async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let path = "\(folder)/clip.\(coding.container)"
      try await Media.write(clip, to: path, coding.arguments)
      let ours = try await AudioDecoder.decode(path, sampleRate: rate).samples
      let theirs = try await Self.piped(path, rate: rate)
      #expect(abs(ours.count - theirs.count) <= 1, "\(ours.count) and \(theirs.count)")
      let apart = zip(ours, theirs).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(apart <= 1e-4, "\(apart)")
    }
  }

  @Test("What an MP4's list of edits leaves out is left out, whether or not it is looked at more closely")
  func edits() async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let whole = "\(folder)/whole.m4a"
      try await Media.write(clip, to: whole, ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"])
      #expect(MP4Edits.onlyPrime(whole))
      let half = "\(folder)/half.m4a"
      try Self.editLength(of: whole, to: half) { $0 / 2 }
      #expect(!MP4Edits.onlyPrime(half))
      let (late, fragmented) = ("\(folder)/late.m4a", "\(folder)/fragmented.mp4")
      try await Media.ffmpeg(["-itsoffset", "2", "-i", whole, "-c", "copy", late])
      #expect(!MP4Edits.onlyPrime(late))
      try await Media.ffmpeg(["-i", whole, "-c", "copy", "-movflags", "+frag_keyframe+empty_moov", fragmented])
      #expect(!MP4Edits.onlyPrime(fragmented))
      let cut = "\(folder)/cut.m4a"
      try await Media.ffmpeg(["-ss", "3.3", "-i", whole, "-t", "5.1", "-c", "copy", cut])
      for (path, least) in [(whole, 95_000), (half, 45_000), (late, 95_000), (fragmented, 95_000), (cut, 40_000)] {
        let (ours, theirs) = try await (
          AudioDecoder.decode(path, sampleRate: 8000).samples, Self.piped(path, rate: 8000)
        )
        #expect(ours.count >= least && abs(ours.count - theirs.count) <= 1, "\(path): \(ours.count), \(theirs.count)")
        let apart = zip(ours, theirs).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(apart <= 1e-4, "\(path): \(apart)")
      }
    }
  }

  /// Writes a copy whose one edit has another length.
  private static func editLength(of path: String, to copy: String, _ change: (UInt32) -> UInt32) throws {
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let word = Array("elst".utf8)
    let start = try #require(bytes.indices.last { bytes[$0...].starts(with: word) }) + 12
    let length = change(bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
    for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * (3 - index))) }
    try Data(bytes).write(to: URL(fileURLWithPath: copy))
  }

  @Test("Damaged headers of an MP4 are no reason to crash")
  func damagedEdits() async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let path = "\(folder)/clip.m4a"
      try await Media.write(clip, to: path, ["-c:a", "aac", "-b:a", "32k", "-movflags", "+faststart"])
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var chance = Chance(9)
      var found = Set<Bool>()
      for _ in 0..<2000 {
        var bytes = whole.prefix(2000)
        for _ in 0..<Int.random(in: 0...4, using: &chance) {
          bytes[Int.random(in: 0..<bytes.count, using: &chance)] = [0, 1, 127, 128, 255].randomElement(using: &chance)!
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        found.insert(MP4Edits.onlyPrime(path))
      }
      #expect(found == [true, false])
    }
  }

  @Test("Channels that cancel are heard")
  func channels() async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let path = "\(folder)/opposite.m4a"
      try await Media.ffmpeg(
        Media.input + ["-af", "pan=stereo|c0=c0|c1=-1*c0", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", path],
        input: Media.pcm(clip))
      let decoded = try await AudioDecoder.decode(path)
      #expect(Similarity.compare(clip, decoded).isSame)
    }
  }

  @Test(
    "Files that are cut off give the error that ffmpeg gives, or its samples, and never a crash", arguments: codings)
  func truncated(coding: Coding) async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let path = "\(folder)/clip.\(coding.container)"
      try await Media.write(clip, to: path, coding.arguments)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for (number, bytes) in Self.damaged(whole).enumerated() {
        try bytes.write(to: URL(fileURLWithPath: path))
        let ours = await Self.decoded(path)
        let theirs = await Self.outcome { try await Self.piped(path, rate: 8000).count }
        // Of damage both speak; in which words, and how much is left, depends on the packets that are lost.
        // Of an empty file neither has a sample; what it is called depends on whether its name tells the format.
        let isEmpty = bytes.isEmpty && !ours.hasSuffix(" samples") && !theirs.hasSuffix(" samples")
        let isRight = ours == theirs || isEmpty || number > 6
        #expect(isRight, "\(number), \(bytes.count) bytes: \(ours), ffmpeg: \(theirs)")
      }
    }
  }

  /// Nothing, the file cut off at six places, and five more times with 20 bytes of what is left changed.
  private static func damaged(_ whole: Data) -> [Data] {
    var chance = Chance(5)
    return (0..<12).map { number in
      var bytes = whole.prefix(number == 0 ? 0 : Int.random(in: 1..<whole.count, using: &chance))
      guard number > 6, !bytes.isEmpty else { return bytes }
      for _ in 0..<20 {
        bytes[Int.random(in: 0..<bytes.count, using: &chance)] = UInt8.random(in: 0...255, using: &chance)
      }
      return bytes
    }
  }

  private static func decoded(_ path: String) async -> String {
    await outcome { try await AudioDecoder.decode(path, sampleRate: 8000).samples.count }
  }

  private static func outcome(_ body: () async throws -> Int) async -> String {
    do { return "\(try await body()) samples" } catch let error as AudioError { return "\(error.code)" } catch {
      return "\(error)"
    }
  }

  @Test("What is missing, no media or without the track is told apart as it is with ffmpeg")
  func errors() async throws {
    try await Media.withFolder { folder in
      let (text, video) = ("\(folder)/text.mp4", "\(folder)/video.mp4")
      try "no media at all".write(toFile: text, atomically: true, encoding: .utf8)
      try await Media.ffmpeg(["-f", "lavfi", "-i", "color=s=64x64:d=1", "-c:v", "libx264", video])
      for path in [text, video, "\(folder)/missing.wav", folder] {
        let ours = await Self.decoded(path)
        let theirs = await Self.outcome { try await Self.piped(path, rate: 8000).count }
        #expect(ours == theirs, "\(path): \(ours), ffmpeg: \(theirs)")
      }
    }
  }

  @Test("Two files are decoded side by side, each with its own complaints")
  func sideBySide() async throws {
    let clip = try Media.sound()
    try await Media.withFolder { folder in
      let (good, bad) = ("\(folder)/good.m4a", "\(folder)/bad.m4a")
      try await Media.write(clip, to: good, ["-c:a", "aac", "-movflags", "+faststart"])
      let whole = try Data(contentsOf: URL(fileURLWithPath: good))
      try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: bad))
      async let one = Self.outcome { try await AudioDecoder.decode(good, sampleRate: 8000).samples.count }
      async let other = Self.outcome { try await AudioDecoder.decode(bad, sampleRate: 8000).samples.count }
      let found = await (one, other)
      #expect(found.0.hasSuffix("samples") && found.1 == "truncated", "\(found)")
    }
  }
}
