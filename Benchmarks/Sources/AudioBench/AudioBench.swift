import AudioPrint
import BenchSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
  import Glibc
#else
  import Foundation
#endif

/// What AudioPrint costs, in CPU time of this process.
@main
struct AudioBench {
  static func main() async { await Report.running { try await run(Array(CommandLine.arguments.dropFirst())) } }

  static func run(_ arguments: [String]) async throws {
    switch (arguments.first, arguments.count) {
    case ("features", 2): return try await features(arguments[1])
    case ("scene", 4):
      guard let count = Int(arguments[2]), count >= 2 else { break }
      return try await Scene(file: arguments[1], candidates: count).write(to: arguments[3])
    case ("attribute", 3), ("attribute", 4):
      guard let count = Int(arguments[2]), count >= 2 else { break }
      let scene = try await Scene(file: arguments[1], candidates: count)
      return try await attribute(scene, recording: arguments.count == 4 ? arguments[3] : nil)
    case ("fingerprint", 2): return try await fingerprint(arguments[1])
    case ("continuity", 3): return try await continuity(arguments[1], recording: arguments[2])
    case ("stream", 3): return try await stream(arguments[1], original: arguments[2])
    default: break
    }
    Report.usage(
      "AudioBench features|fingerprint FILE | scene FILE CANDIDATES TO | attribute FILE CANDIDATES [RECORDING] | continuity FILE RECORDING | stream FILE ORIGINAL"
    )
  }

  /// Everything that is computed from decoded samples before anything is compared.
  static func features(_ file: String) async throws {
    let clip = try await AudioDecoder.decode(file)
    let repetitions = 10
    let before = Usage.cpuSeconds
    var prepared = 0
    for _ in 0..<repetitions {
      prepared += Attributor(candidates: [Candidate(role: .original, clip: clip)]).candidates.count
    }
    let milliseconds = (Usage.cpuSeconds - before) * 1e3 / Double(repetitions) / (clip.duration / 60)
    guard prepared == repetitions else { throw Failure(what: "prepared \(prepared) of \(repetitions)") }
    try Report.line(["cpu_ms_per_min": milliseconds])
  }

  /// Candidates are prepared before, the output is not. A wrong verdict is an error: what is quick and wrong is no figure.
  ///
  /// - Parameter recording: the scene's output after a codec; nil for the samples themselves.
  static func attribute(_ scene: Scene, recording: String?) async throws {
    var clip = scene.output
    if let recording { clip = try await AudioDecoder.decode(recording) }
    let attributor = Attributor(candidates: scene.candidates)
    // The first run also plans the transforms, once a process; the FFTW loop's planning is not counted either.
    let results = attributor.attribute(clip, windows: scene.windows)
    guard results.map(\.attribution) == scene.expected else {
      throw Failure(what: "expected \(scene.expected), got \(results)")
    }
    let repetitions = 5
    let before = Usage.cpuSeconds
    for _ in 0..<repetitions {
      guard attributor.attribute(clip, windows: scene.windows) == results else { throw Failure(what: "verdicts vary") }
    }
    let milliseconds = (Usage.cpuSeconds - before) * 1e3 / Double(repetitions) / (clip.duration / 60)
    try Report.line(["cpu_ms_per_min": milliseconds, "peak_rss_mb": Usage.peakMB])
  }

  /// A clip is prepared before, its recording is not; every 5 ms of it are accounted for.
  static func continuity(_ file: String, recording: String) async throws {
    let (clip, recorded) = (try await AudioDecoder.decode(file), try await AudioDecoder.decode(recording))
    let continuity = Continuity(clips: [clip])
    let placements = [Continuity.Placement(clip: 0, start: 0)]
    let report = continuity.report(on: recorded, placements: placements)
    guard report.isUnbroken else { throw Failure(what: "\(report)") }
    let repetitions = 20
    let before = Usage.cpuSeconds
    for _ in 0..<repetitions {
      guard continuity.report(on: recorded, placements: placements) == report else {
        throw Failure(what: "reports vary")
      }
    }
    let milliseconds = (Usage.cpuSeconds - before) * 1e3 / Double(repetitions) / (recorded.duration / 60)
    try Report.line(["cpu_ms_per_min": milliseconds, "peak_rss_mb": Usage.peakMB])
  }

  /// Decoding and a fingerprint, as fpcalc does; the caller counts this process and its ffmpeg together.
  static func fingerprint(_ file: String) async throws {
    let fingerprint = try await Fingerprint(contentsOf: file)
    try Report.line(["seconds": fingerprint.duration, "peak_rss_mb": Usage.peakMB])
  }

  /// Decoding of a recording and of its original, side by side, and attribution of windows of 6 s.
  static func stream(_ file: String, original: String) async throws {
    var (end, count) = (0.0, 0)
    try await Attributor.attribute(recording: file, original: original, window: 6) { window in
      guard window.attribution == .passthrough else { throw Failure(what: "\(window)") }
      (end, count) = (window.end, count + 1)
    }
    guard count == Int((end / 6).rounded(.up)) else { throw Failure(what: "\(count) windows in \(end) s") }
    try Report.line(["seconds": end, "peak_rss_mb": Usage.peakMB])
  }

  struct Failure: Error { var what: String }
}

/// Windows of 6 s, of which every other one is dubbed.
///
/// Two candidates are an original and a dubbed track of its length. More are the original and fragments of 6 s, which are
/// played elsewhere than expected.
struct Scene {
  var candidates: [Candidate]
  var windows: [(start: Double, end: Double)]
  var expected: [SegmentClass] = []
  var output: AudioClip

  init(file: String, candidates count: Int) async throws {
    let original = try await AudioDecoder.decode(file)
    let rate = original.sampleRate
    windows = (0..<Int(original.duration / 6)).map { (start: Double($0) * 6, end: Double($0) * 6 + 6) }
    candidates = [Candidate(role: .original, clip: original, expectedStart: 0)]
    if count == 2 {
      let track = try Speech.fragment(0, seconds: original.duration, sampleRate: rate)
      candidates.append(Candidate(role: .dubbed(0), clip: track, expectedStart: 0))
    } else {
      candidates += try (0..<(count - 1)).map {
        let fragment = try Speech.fragment($0, seconds: 6, sampleRate: rate)
        return Candidate(role: .dubbed($0), clip: fragment, expectedStart: Double($0) * 6)
      }
    }
    var samples: [Float] = []
    for (index, window) in windows.enumerated() {
      let k = count == 2 ? 0 : index * 7 % (count - 1)
      let isOriginal = index % 2 == 0
      let source = isOriginal ? original : candidates[k + 1].clip
      let start = count == 2 || isOriginal ? window.start : 0
      samples += source.slice(from: start, to: start + 6).samples
      expected.append(isOriginal ? .passthrough : .dubbed(k))
    }
    output = try AudioClip(samples: samples, sampleRate: rate)
  }

  /// As raw 32-bit floats at 8 kHz, for a codec.
  func write(to path: String) throws {
    try output.samples.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: path))
  }
}

/// Voiced syllables of random pitch and formants: enough like speech, the same on every machine.
enum Speech {
  static func fragment(_ seed: Int, seconds: Double, sampleRate: Int) throws -> AudioClip {
    var chance = Chance(state: UInt64(seed + 1) &* 0x9E37_79B9_7F4A_7C15)
    let syllable = sampleRate / 5
    var samples: [Float] = []
    while samples.count < Int(seconds * Double(sampleRate)) {
      let pitch = 90 + 120 * chance.next()
      let formants = (0..<3).map { _ in 250 + 2900 * chance.next() }
      let gains = (1...16).map { harmonic in
        formants.reduce(0.01) { $0 + exp(-pow((Double(harmonic) * pitch - $1) / 180, 2)) }
      }
      for index in 0..<syllable {
        let time = Double(index) / Double(sampleRate)
        let sum = gains.enumerated().reduce(0.0) {
          $0 + $1.element * sin(2 * .pi * pitch * Double($1.offset + 1) * time)
        }
        samples.append(Float(0.1 * sum * sin(.pi * Double(index) / Double(syllable)) + 0.002 * (chance.next() - 0.5)))
      }
    }
    return try AudioClip(samples: Array(samples.prefix(Int(seconds * Double(sampleRate)))), sampleRate: sampleRate)
  }

  /// xorshift64*.
  struct Chance {
    var state: UInt64

    mutating func next() -> Double {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return Double((state &* 0x2545_F491_4F6C_DD1D) >> 11) / Double(1 << 53)
    }
  }
}
