import AudioPrint
import Foundation

/// Coded sounds as they are heard again. Takes that go together are coded as one file; what was decoded is kept, so that a run that was
/// stopped goes on where it was, and other thresholds are tried on the same sounds in minutes: 1 MB for a minute of mono.
struct BreakSounds: Sendable {
  let folder: String

  /// Hz; what Continuity follows at.
  private static let rate = 8000
  /// Samples of silence between two takes: more than a codec spreads the sound of one into the other.
  private static let gap = Tool.sampleRate / 2

  /// What is coded: a sound and, where it is stereo, its left channel.
  struct Take: Sendable {
    var samples: [Float]
    var left: [Float]?
    var made: [MadeBreak] = []
  }

  struct Heard: Sendable {
    var left: AudioClip
    var right: AudioClip
    /// Seconds that silencedetect calls silent.
    var silences: [ClosedRange<Double>]
  }

  /// Each take as a codec leaves it.
  ///
  /// - Parameters:
  ///   - takes: all of them mono, or all stereo.
  ///   - name: tells them from others of the same folder.
  ///   - isForSilences: whether silencedetect is asked.
  ///   - source: the unbroken sound's file, for peers that are to judge the first take; nil: they are not.
  func coded(
    _ takes: [Take], _ codec: Transform, _ name: String, isForSilences: Bool, forPeers source: String? = nil
  ) async throws -> [Heard] {
    let path = "\(folder)/breaks/\(name)-\(codec.name.replacing(" ", with: "-")).pcm"
    let silences = path + ".silences"
    let isStereo = takes.contains { $0.left != nil }
    try await Tool.cached(path) { pcm in
      let coded = "\(pcm).\(codec.container)"
      defer { try? FileManager.default.removeItem(atPath: coded) }
      try await encode(
        Self.joined(takes.map(\.samples)), isStereo ? Self.joined(takes.map { $0.left ?? [] }) : nil, codec, coded)
      if let source, let first = takes.first { try await keep(coded, source, first, name) }
      let found = isForSilences ? try await Silences.detect(in: coded) : []
      try JSONEncoder().encode(found.map { [$0.lowerBound, $0.upperBound] }).write(to: URL(fileURLWithPath: silences))
      let decoded = try await AudioDecoder.decodeStereo(coded, sampleRate: Self.rate)
      try Self.write(isStereo ? [decoded.left, decoded.right] : [decoded.left], to: pcm)
    }
    let spans = try JSONDecoder().decode([[Double]].self, from: Data(contentsOf: URL(fileURLWithPath: silences)))
    let (one, other) = try Self.read(path, isStereo: isStereo)
    var start = 0
    return takes.map { take in
      let (from, to) = (Self.seconds(start), Self.seconds(start + take.samples.count))
      start += take.samples.count + Self.gap
      let part = one.slice(from: from, to: to)
      return Heard(
        left: part, right: isStereo ? other.slice(from: from, to: to) : part,
        silences: spans.filter { $0[0] < to && $0[1] > from }.map { max(0, $0[0] - from)...max(0, $0[1] - from) })
    }
  }

  private static func seconds(_ samples: Int) -> Double { Double(samples) / Double(Tool.sampleRate) }

  private static func joined(_ takes: [[Float]]) -> [Float] {
    Array(takes.joined(separator: [Float](repeating: 0, count: gap)))
  }

  /// One channel after the other, 16 bit.
  private static func write(_ channels: [AudioClip], to path: String) throws {
    var data = Data()
    for channel in channels {
      for sample in channel.samples {
        let value = Int16(max(-32768, min(32767, (sample * 32768).rounded())))
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
      }
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  private static func read(_ path: String, isStereo: Bool) throws -> (AudioClip, AudioClip) {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let half = isStereo ? data.count / 4 * 2 : data.count
    let one = try AudioClip(pcm16: [UInt8](data[..<half]), sampleRate: rate)
    return (one, isStereo ? try AudioClip(pcm16: [UInt8](data[half...]), sampleRate: rate) : one)
  }

  /// For Evaluation/peers/breaks.py.
  private func keep(_ path: String, _ source: String, _ take: Take, _ name: String) async throws {
    let peers = folder + "/peers"
    try await Tool.cached("\(peers)/\(name).wav") {
      try await Tool.ffmpeg(
        path, ["-t", "\(Self.seconds(take.samples.count))", "-ac", "1", "-ar", "\(Tool.sampleRate)"], $0)
    }
    let breaks = take.made.map {
      #"{"kind":"\#($0.kind.rawValue)","start":\#($0.start),"length":\#($0.length),"shift":\#($0.shift)}"#
    }
    let json = #"{"source":"\#(URL(fileURLWithPath: source).path)","breaks":[\#(breaks.joined(separator: ","))]}"#
    try Data(json.utf8).write(to: URL(fileURLWithPath: "\(peers)/\(name).json"))
  }

  private func encode(_ samples: [Float], _ left: [Float]?, _ codec: Transform, _ path: String) async throws {
    let wave = path + ".wav"
    defer { try? FileManager.default.removeItem(atPath: wave) }
    try Tool.write(.of(samples), to: wave)
    guard let left else { return try await Tool.ffmpeg(wave, codec.arguments, path) }
    let second = path + ".left.wav"
    defer { try? FileManager.default.removeItem(atPath: second) }
    try Tool.write(.of(left), to: second)
    try await Tool.ffmpeg(
      wave, ["-i", second, "-filter_complex", "[1:a][0:a]join=inputs=2:channel_layout=stereo"] + codec.arguments, path)
  }
}
