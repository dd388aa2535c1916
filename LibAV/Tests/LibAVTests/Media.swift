import AudioPrint
import Foundation
import Subprocess
import Testing

/// Sound that is made here, and ffmpeg to code it.
enum Media {
  /// 12 s at 8 kHz: notes of changing pitch with pauses between them, and a little noise.
  static func sound() throws -> AudioClip {
    var chance = Chance(1)
    var (samples, phase, pitch) = ([Float](), 0.0, 220.0)
    for index in 0..<96_000 {
      if index.isMultiple(of: 1600) { pitch = Double.random(in: 150...900, using: &chance) }
      phase += 2 * Double.pi * pitch / 8000
      let isPause = index / 1600 % 5 == 4
      let note = isPause ? 0 : 0.3 * sin(phase) + 0.1 * sin(3 * phase)
      samples.append(Float(note) + Float.random(in: -0.002...0.002, using: &chance))
    }
    return try AudioClip(samples: samples, sampleRate: 8000)
  }

  static let input = ["-f", "f32le", "-ar", "8000", "-ac", "1", "-i", "pipe:0"]

  static func pcm(_ clip: AudioClip) -> [UInt8] { clip.samples.withUnsafeBytes { Array($0) } }

  static func write(_ clip: AudioClip, to path: String, _ coding: [String]) async throws {
    try await ffmpeg(input + coding + [path], input: pcm(clip))
  }

  /// Input is handed over as a file, for which `pipe:0` stands in the arguments.
  static func ffmpeg(_ arguments: [String], input: [UInt8] = []) async throws {
    try await withFolder { folder in
      let file = folder + "/input"
      try Data(input).write(to: URL(fileURLWithPath: file))
      let list = ["-hide_banner", "-nostdin", "-v", "error", "-y"] + arguments.map { $0 == "pipe:0" ? file : $0 }
      let result = try await run(
        .name("ffmpeg"), arguments: Arguments(list), input: .none, output: .discarded, error: .string(limit: 1 << 20))
      try #require(result.terminationStatus.isSuccess, "ffmpeg \(arguments): \(result.standardError)")
    }
  }

  /// A folder that is removed after the body.
  static func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("libav-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
  }
}

/// A small deterministic generator (SplitMix64).
struct Chance: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
