import AudioPrint
import Foundation
import Subprocess
import Testing

/// Audio that tests share: real synthetic speech from the resources, codec round trips through ffmpeg, and signals made here.
enum Media {
  static let fragmentSeconds = 6.0

  /// 30 s of English numbers at 8 kHz.
  static func original() async throws -> AudioClip { try await Cache.shared.clip("original.opus") }

  /// Five fragments of 6 s of Spanish numbers at 8 kHz, all in the same voice.
  static func dubbed() async throws -> [AudioClip] {
    let all = try await Cache.shared.clip("dubbed.opus")
    return (0..<5).map { all.slice(from: Double($0) * fragmentSeconds, to: Double($0 + 1) * fragmentSeconds) }
  }

  /// Decoded once for all tests; each file is asked for by many at the same time.
  actor Cache {
    static let shared = Cache()
    /// Kept while it is being decoded too: all ask at the beginning. Owned by the process, as what it gives is.
    private var clips: [String: Task<AudioClip, any Error>] = [:]

    func clip(_ name: String) async throws -> AudioClip {
      let clip = clips[name] ?? Task { try await AudioDecoder.decode(Media.resource(name)) }
      clips[name] = clip
      return try await clip.value
    }

    /// Programs that code and decode take most of these tests' time, and many ask for the same.
    private var coded: [RoundTrip: Task<AudioClip, any Error>] = [:]

    func clip(after roundTrip: RoundTrip) async throws -> AudioClip {
      let clip = coded[roundTrip] ?? Task { try await roundTrip.run() }
      coded[roundTrip] = clip
      return try await clip.value
    }

    private var files: [Clips: Task<[Data], any Error>] = [:]

    func files(of clips: Clips) async throws -> [Data] {
      let coded = files[clips] ?? Task { try await clips.coded() }
      files[clips] = coded
      return try await coded.value
    }
  }

  struct RoundTrip: Hashable {
    var samples: [Float]
    var rate: Int
    var coding: [String]
    var container: String
    var decodedRate: Int

    func run() async throws -> AudioClip {
      try await withFolder { folder in
        let path = "\(folder)/clip.\(container)"
        try await write(try AudioClip(samples: samples, sampleRate: rate), to: path, coding)
        return try await AudioDecoder.decode(path, sampleRate: decodedRate)
      }
    }
  }

  static func resource(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Resources/" + name, withExtension: nil)).path
  }

  /// A folder that is removed after the body.
  static func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("audioprint-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
  }

  /// Runs ffmpeg. Input is handed over as a file, for which `pipe:0` stands in the arguments: if ffmpeg ends early, writing
  /// to its pipe would end this process with SIGPIPE.
  static func ffmpeg(_ arguments: [String], input: [UInt8] = []) async throws {
    try await withFolder { folder in
      let file = folder + "/input"
      try Data(input).write(to: URL(fileURLWithPath: file))
      let list =
        ["-hide_banner", "-nostdin", "-v", "error", "-y"]
        + arguments.flatMap(Self.quick).map { $0 == "pipe:0" ? file : $0 }
      let result = try await run(
        .name("ffmpeg"), arguments: Arguments(list), input: .none, output: .discarded, error: .string(limit: 1 << 20))
      try #require(result.terminationStatus.isSuccess, "ffmpeg \(arguments): \(result.standardError)")
    }
  }

  /// FFmpeg's AAC encoder as it is by default (`twoloop`) searches for the quietest noise, and for what two channels have
  /// in common, which takes most of the time of these tests.
  private static func quick(_ argument: String) -> [String] {
    argument == "aac" ? [argument, "-aac_coder", "fast", "-aac_ms", "0"] : [argument]
  }

  static func pcm(_ clip: AudioClip) -> [UInt8] { clip.samples.withUnsafeBytes { Array($0) } }

  /// Codes a clip to a file; without a coding to a plain WAV file.
  static func write(_ clip: AudioClip, to path: String, _ coding: [String]) async throws {
    // Plain samples need no program, which takes 0.1 s of a core to start.
    if coding.isEmpty, path.hasSuffix(".wav") { return try wave(clip).write(to: URL(filePath: path)) }
    try await ffmpeg(
      ["-f", "f32le", "-ar", "\(clip.sampleRate)", "-ac", "1", "-i", "pipe:0"] + coding + [path], input: pcm(clip))
  }

  /// A WAV file of 16 bits a sample, to the bit as ffmpeg makes them of these samples.
  private static func wave(_ clip: AudioClip) -> Data {
    let samples = clip.samples.map { Int16(clamping: Int(($0 * 32768).rounded(.toNearestOrEven))).littleEndian }
    let (rate, size) = (UInt32(clip.sampleRate), UInt32(2 * samples.count))
    var file = Data("RIFF".utf8)
    func put(_ number: UInt32) { withUnsafeBytes(of: number.littleEndian) { file.append(contentsOf: $0) } }
    put(36 + size)
    file.append(contentsOf: "WAVEfmt ".utf8)
    put(16)
    // PCM in its low half, of one channel in its high one.
    put(1 << 16 | 1)
    put(rate)
    put(2 * rate)
    // Bytes of a frame, and bits of a sample.
    put(16 << 16 | 2)
    file.append(contentsOf: "data".utf8)
    put(size)
    samples.withUnsafeBytes { file.append(contentsOf: $0) }
    return file
  }

  /// As a dubbing pipeline codes what it publishes.
  static let publishing = ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"]

  /// What comes back of one of several clips that are coded alike: one ffmpeg codes all of them, each to a file of its own, for it takes
  /// longer to start than to code one.
  static func roundTrip(
    _ clip: AudioClip, among all: [AudioClip], _ coding: [String] = publishing, container: String = "mp4"
  ) async throws -> AudioClip {
    let files = try await Cache.shared.files(of: Clips(all: all, coding: coding, container: container))
    let file = files[try #require(all.firstIndex(of: clip))]
    return try await withFolder { folder in
      let path = "\(folder)/clip.\(container)"
      try file.write(to: URL(filePath: path))
      return try await AudioDecoder.decode(path)
    }
  }

  struct Clips: Hashable {
    var all: [AudioClip]
    var coding: [String]
    var container: String

    func coded() async throws -> [Data] {
      try await withFolder { folder in
        var (inputs, outputs) = ([String](), [String]())
        for (index, clip) in all.enumerated() {
          try Data(pcm(clip)).write(to: URL(filePath: "\(folder)/\(index)"))
          inputs += ["-f", "f32le", "-ar", "\(clip.sampleRate)", "-ac", "1", "-i", "\(folder)/\(index)"]
          outputs += ["-map", "\(index):a"] + coding + ["\(folder)/\(index).\(container)"]
        }
        try await ffmpeg(inputs + outputs)
        return try all.indices.map { try Data(contentsOf: URL(filePath: "\(folder)/\($0).\(container)")) }
      }
    }
  }

  /// What comes back after coding; by default as a dubbing pipeline publishes it.
  static func roundTrip(
    _ clip: AudioClip, _ coding: [String] = publishing,
    container: String = "mp4", sampleRate: Int = 8000
  ) async throws -> AudioClip {
    try await Cache.shared.clip(
      after: RoundTrip(
        samples: clip.samples, rate: clip.sampleRate, coding: coding, container: container, decodedRate: sampleRate))
  }
}

/// A small deterministic generator (SplitMix64), so that every run tests the same sounds.
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
  static func silence(_ seconds: Double, sampleRate: Int = 8000) throws -> AudioClip {
    try AudioClip(samples: [Float](repeating: 0, count: Int(seconds * Double(sampleRate))), sampleRate: sampleRate)
  }

  static func noise(_ seconds: Double, amplitude: Float = 0.2, seed: UInt64 = 1, sampleRate: Int = 8000) throws
    -> AudioClip
  {
    var chance = Chance(seed)
    return try AudioClip(
      samples: (0..<Int(seconds * Double(sampleRate))).map { _ in
        Float.random(in: -amplitude...amplitude, using: &chance)
      },
      sampleRate: sampleRate)
  }

  static func tone(_ hertz: Double, _ seconds: Double, sampleRate: Int = 8000, amplitude: Double = 0.5) throws
    -> AudioClip
  {
    try AudioClip(
      samples: (0..<Int(seconds * Double(sampleRate))).map {
        Float(amplitude * sin(2 * Double.pi * hertz * Double($0) / Double(sampleRate)))
      }, sampleRate: sampleRate)
  }

  /// A note every 0.3 s, each with six harmonics that die away, at 16 kHz.
  static func notes(_ seconds: Double, seed: UInt64) throws -> AudioClip {
    let rate = 16_000
    var (chance, samples) = (Chance(seed), [Float](repeating: 0, count: Int(seconds * Double(rate))))
    for note in 0..<Int(seconds / 0.3) {
      let pitch = 262 * pow(2, Double(chance.next() % 24) / 12)
      let first = Int(0.3 * Double(note) * Double(rate))
      for i in 0..<min(rate, samples.count - first) {
        let time = Double(i) / Double(rate)
        for harmonic in 1...6 {
          let n = Double(harmonic)
          let envelope = 0.1 / n * min(1, time / 0.005) * exp(-3 * n * time)
          samples[first + i] += Float(envelope * sin(2 * Double.pi * pitch * n * time))
        }
      }
    }
    return try AudioClip(samples: samples, sampleRate: rate)
  }

  /// The same clip at another level.
  func gain(_ decibels: Double) throws -> AudioClip {
    let factor = Float(pow(10, decibels / 20))
    return try AudioClip(samples: samples.map { $0 * factor }, sampleRate: sampleRate)
  }

  /// Both at once; the shorter one is padded with silence.
  func mixed(with other: AudioClip) throws -> AudioClip {
    var sum = samples + [Float](repeating: 0, count: max(0, other.samples.count - samples.count))
    for index in other.samples.indices { sum[index] += other.samples[index] }
    return try AudioClip(samples: sum, sampleRate: sampleRate)
  }

  /// One after the other.
  static func joined(_ clips: [AudioClip]) throws -> AudioClip {
    try AudioClip(samples: clips.flatMap(\.samples), sampleRate: try #require(clips.first).sampleRate)
  }

  func delayed(_ seconds: Double) throws -> AudioClip {
    try .joined([.silence(seconds, sampleRate: sampleRate), self])
  }

  /// The part of so many seconds that has most energy, the first of ten that do not overlap or a later one.
  func loudest(_ seconds: Double, _ rank: Int = 0) -> AudioClip {
    stride(from: 0, through: duration - seconds, by: seconds).map { slice(from: $0, to: $0 + seconds) }
      .sorted { $0.level > $1.level }[rank]
  }
}
