import AudioPrint
import Foundation
import Subprocess

/// What could not be generated or measured, with the tool's own words.
struct EvaluationError: Error, CustomStringConvertible {
  var description: String
}

/// Runs the programs that the evaluation needs, and writes what they read.
enum Tool {
  /// Rate of everything that is generated, in Hz.
  static let sampleRate = 16_000

  @discardableResult
  static func output(_ program: String, _ arguments: [String], accepting codes: [Int32] = [0]) async throws -> String {
    let result = try await run(
      .name(program), arguments: Arguments(arguments), input: .none, output: .string(limit: 8 << 20),
      error: .string(limit: 1 << 20))
    guard case .exited(let code) = result.terminationStatus, codes.contains(code) else {
      throw EvaluationError(
        description:
          "\(program) \(arguments.joined(separator: " ")): \(result.terminationStatus)\n\(result.standardError)")
    }
    return result.standardOutput
  }

  /// Makes a file unless it is there: under another name first, so that an interrupted run leaves no half file.
  static func cached(_ path: String, make: (String) async throws -> Void) async throws {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let temporary = folder.appendingPathComponent("part-\(UUID().uuidString).\(url.pathExtension)").path
    do {
      try await make(temporary)
      try FileManager.default.moveItem(atPath: temporary, toPath: path)
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
  }

  static func ffmpeg(_ input: String, _ arguments: [String], _ output: String) async throws {
    try await self.output(
      "ffmpeg", ["-hide_banner", "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", input] + arguments + [output])
  }

  /// Codes a clip as a pipeline publishes it: AAC 128k, 48 kHz, stereo.
  static func publish(_ clip: AudioClip, to path: String) async throws {
    let wave = path + ".wav"
    try write(clip, to: wave)
    defer { try? FileManager.default.removeItem(atPath: wave) }
    try await ffmpeg(wave, ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"], path)
  }

  /// A WAV file of 16-bit samples.
  static func write(_ clip: AudioClip, to path: String) throws {
    var data = Data(capacity: 44 + 2 * clip.samples.count)
    func word<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }
    let bytes = UInt32(2 * clip.samples.count)
    data.append(contentsOf: "RIFF".utf8)
    word(36 + bytes)
    data.append(contentsOf: "WAVEfmt ".utf8)
    word(UInt32(16))
    word(UInt16(1))
    word(UInt16(1))
    word(UInt32(clip.sampleRate))
    word(UInt32(2 * clip.sampleRate))
    word(UInt16(2))
    word(UInt16(16))
    data.append(contentsOf: "data".utf8)
    word(bytes)
    for sample in clip.samples { word(Int16(max(-32768, min(32767, (sample * 32768).rounded())))) }
    try data.write(to: URL(fileURLWithPath: path))
  }
}

/// A small deterministic generator (SplitMix64), so that every run makes the same material.
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

extension AudioClip {
  static func of(_ samples: [Float]) throws -> AudioClip {
    try AudioClip(samples: samples, sampleRate: Tool.sampleRate)
  }

  static func silence(_ seconds: Double) throws -> AudioClip {
    try .of([Float](repeating: 0, count: Int((seconds * Double(Tool.sampleRate)).rounded())))
  }

  static func noise(_ seconds: Double, seed: UInt64) throws -> AudioClip {
    var chance = Chance(seed)
    return try .of(
      (0..<Int(seconds * Double(Tool.sampleRate))).map { _ in Float.random(in: -0.15...0.15, using: &chance) })
  }

  /// At this RMS level in dBFS.
  func levelled(_ decibels: Double) throws -> AudioClip {
    guard level.isFinite else { return self }
    let factor = Float(pow(10, (decibels - level) / 20))
    return try .of(samples.map { $0 * factor })
  }

  func mixed(with other: AudioClip) throws -> AudioClip {
    var sum = samples + [Float](repeating: 0, count: max(0, other.samples.count - samples.count))
    for index in other.samples.indices { sum[index] += other.samples[index] }
    return try .of(sum)
  }

  static func joined(_ clips: [AudioClip]) throws -> AudioClip { try .of(clips.flatMap(\.samples)) }

  /// Exactly this long: cut, or padded with silence.
  func fitted(to seconds: Double) throws -> AudioClip {
    let count = Int((seconds * Double(Tool.sampleRate)).rounded())
    return try .of(Array(samples.prefix(count)) + [Float](repeating: 0, count: max(0, count - samples.count)))
  }
}
