import AudioPrint
import Foundation

/// A window's score (how surely it is the original in its own place) and whether the verdict was wrong.
struct WindowScore: Sendable {
  var score: Double
  var isWrong: Bool
}

/// Everything measured on one output clip.
struct ClipMeasurement: Sendable {
  var source: Int
  var kind: String
  /// Whether it is an untouched original, apart from a transform.
  var isOriginal: Bool
  var seedSaysSame: Bool
  var clipAgreement: Double?
  /// AudioPrint's verdict over the whole clip.
  var saysOriginal: Bool
  /// By window length in whole seconds.
  var windows: [Int: [WindowScore]] = [:]
  var chromaprintWindows: [Double] = []
  /// On the schedule's windows: how much of what the original leaves a fragment explains.
  var secondCoherence: [Double] = []
}

/// Measures one output against its source.
struct ClipJudge: Sendable {
  /// Seconds by which an original may be late and still be in its own place.
  static let reach = 4.0
  static let lengths = [1, 2, 3, 6]

  let source: Int
  let material: Material
  let reference: AudioClip
  let seedHash: SpectralHash
  let chromaprint: ChromaprintFingerprint
  let attributor: Attributor
  let hop: Double

  init(source: Int, material: Material, path: String, hop: Double) async throws {
    self.source = source
    self.material = material
    self.hop = hop
    reference = try await AudioDecoder.decode(path)
    seedHash = SpectralHash(try await AudioDecoder.decode(path, sampleRate: Tool.sampleRate))
    chromaprint = try await ChromaprintFingerprint(of: path)
    attributor = Attributor(
      candidates: [Candidate(role: .original, clip: reference, expectedStart: 0)]
        + material.dubbed.enumerated().map {
          Candidate(role: .dubbed($0), clip: $1, expectedStart: Double($0) * Material.fragment)
        }, options: AttributionOptions(searchRange: Self.reach))
  }

  func measure(_ path: String, kind: String, replacement: Replacement?) async throws -> ClipMeasurement {
    let native = try await AudioDecoder.decode(path, sampleRate: Tool.sampleRate)
    let output = try native.resampled(to: 8000)
    let print = try await ChromaprintFingerprint(of: path)
    let schedule = (0..<Material.fragments).map {
      (start: Double($0) * Material.fragment, end: Double($0 + 1) * Material.fragment)
    }
    let scheduled = attributor.attribute(output, windows: schedule)
    let audible = scheduled.filter { $0.attribution != .silent }
    var result = ClipMeasurement(
      source: source, kind: kind, isOriginal: replacement == nil, seedSaysSame: SpectralHash(native) == seedHash,
      clipAgreement: chromaprint.agreement(in: print, from: 0, to: Material.seconds),
      saysOriginal: !audible.isEmpty && audible.allSatisfy(isOriginalInPlace))
    result.secondCoherence = audible.map(\.secondCoherence)
    guard replacement.map(Replacement.counted.contains) ?? true else { return result }
    for length in Self.lengths {
      let windows = windows(Double(length), of: output, replacement)
      result.windows[length] = attributor.attribute(output, windows: windows).map { score($0, replacement) }
      guard length == 6 else { continue }
      result.chromaprintWindows = windows.map { chromaprint.agreement(in: print, from: $0.start, to: $0.end) ?? 0.5 }
    }
    return result
  }

  /// Windows that have an answer: of an original those with sound, not in its pauses; of a replacement those without original.
  private func windows(
    _ length: Double, of output: AudioClip, _ replacement: Replacement?
  ) -> [(start: Double, end: Double)] {
    let loud = output.level - 15
    // Shorter windows need no more than one a second.
    let step = length == 6 ? hop : max(1, hop)
    return stride(from: 0, through: Material.seconds - length, by: step).map { (start: $0, end: $0 + length) }.filter {
      if let replacement { return replacement.isReplaced(from: $0.start, to: $0.end) }
      return output.slice(from: $0.start, to: $0.end).level > loud
        && reference.slice(from: $0.start, to: $0.end).level > -40
    }
  }

  private func isOriginalInPlace(_ result: WindowAttribution) -> Bool {
    result.attribution == .passthrough && abs(result.lagSeconds) < Self.reach
  }

  private func score(_ result: WindowAttribution, _ replacement: Replacement?) -> WindowScore {
    // The original at another place, or under a voice, is not the original: only what the verdict says counts there.
    let elsewhere = result.attribution == .passthrough && abs(result.lagSeconds) >= Self.reach
    let score = elsewhere || result.attribution == .mixed ? 0 : result.originalCoherence
    return WindowScore(score: score, isWrong: isOriginalInPlace(result) != (replacement == nil))
  }
}
