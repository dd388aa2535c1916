import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Channels that cancel, are missing or swapped", .kind(.computing))
struct ChannelTests {
  /// A stereo file from two mono clips of one length.
  static func write(left: AudioClip, right: AudioClip, to path: String, _ coding: [String] = []) async throws {
    let frames = zip(left.samples, right.samples).flatMap { [$0, $1] }
    try await Media.ffmpeg(
      ["-f", "f32le", "-ar", "8000", "-ac", "2", "-i", "pipe:0"] + coding + [path],
      input: frames.withUnsafeBytes { Array($0) })
  }

  static let codings: [(String, [String])] = [
    ("wav", ["-ar", "48000"]), ("m4a", ["-c:a", "aac", "-b:a", "128k", "-ar", "48000"]),
    ("flac", ["-ar", "44100"]),
  ]

  @Test("Left is right upside down: it sounds, and is the source", arguments: codings.indices)
  func opposite(coding: Int) async throws {
    let clip = try await Media.dubbed()[coding]
    let (container, arguments) = Self.codings[coding]
    try await Media.withFolder { folder in
      let path = "\(folder)/opposite.\(container)"
      try await Self.write(left: clip, right: try clip.inverted(), to: path, arguments)
      for isAligned in [false, true] {
        let decoded = try await AudioDecoder.decode(path, alignedToTimestamps: isAligned)
        #expect(abs(decoded.level - clip.level) < 3.5, "\(decoded.level) dBFS of \(clip.level)")
        #expect(Similarity.compare(clip, decoded).isSame)
        #expect(!Similarity.compare(try .silence(6), decoded).isSame)
      }
    }
  }

  @Test("Channels that nearly cancel, for a part of the time: the rest stays as it was")
  func partly() async throws {
    let clip = try await Media.original()
    var right = clip.samples
    for index in Int(10 * 8000)..<Int(20 * 8000) { right[index] *= -0.95 }
    let other = try AudioClip(samples: right, sampleRate: 8000)
    try await Media.withFolder { folder in
      let path = "\(folder)/partly.wav"
      try await Self.write(left: clip, right: other, to: path, ["-ar", "48000"])
      let decoded = try await AudioDecoder.decode(path)
      #expect(Similarity.compare(clip, decoded).isSame)
      #expect(decoded.slice(from: 11, to: 19).level > clip.slice(from: 11, to: 19).level - 3.5)
    }
  }

  @Test("PCM in memory is looked at in the same way")
  func memory() async throws {
    let clip = try await Media.dubbed()[0]
    let frames = clip.samples.flatMap { [$0, -$0] }
    let float = try AudioClip(pcmFloat32: frames.withUnsafeBytes { Array($0) }, sampleRate: 8000, channels: 2)
    #expect(abs(float.level - clip.level) < 0.1 && Similarity.compare(clip, float).isSame)
    let words = frames.map { Int16(($0 * 32767).rounded()) }
    let whole = try AudioClip(pcm16: words.withUnsafeBytes { Array($0) }, sampleRate: 8000, channels: 2)
    #expect(abs(whole.level - clip.level) < 0.1 && Similarity.compare(clip, whole).isSame)
  }

  @Test("One channel silent, and channels swapped: both stay dubbed", arguments: codings.indices)
  func missing(coding: Int) async throws {
    let dubbed = try await Media.dubbed()
    let (container, arguments) = Self.codings[coding]
    try await Media.withFolder { folder in
      let (one, swapped) = ("\(folder)/one.\(container)", "\(folder)/swapped.\(container)")
      let (clip, quiet) = (dubbed[coding], try dubbed[coding].gain(-6))
      try await Self.write(left: clip, right: try .silence(6), to: one, arguments)
      try await Self.write(left: quiet, right: clip, to: swapped, arguments)
      let attributor = Attributor(candidates: dubbed.enumerated().map { Candidate(role: .dubbed($0), clip: $1) })
      for path in [one, swapped] {
        let found = attributor.attribute(try await AudioDecoder.decode(path), windows: [(0, 6)])
        #expect(found.map(\.attribution) == [.dubbed(coding)], "\(path): \(found)")
      }
    }
  }
}

extension AudioClip {
  func inverted() throws -> AudioClip { try AudioClip(samples: samples.map { -$0 }, sampleRate: sampleRate) }
}
