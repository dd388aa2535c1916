import AudioPrint
import Foundation

/// Measurements that are not windows of a replaced or an untouched clip.
struct Special: Sendable {
  var folder: String
  var factory: MaterialFactory

  /// Distances in seconds between true and found edges, no schedule given; 1 for an edge that is not found within a second.
  func edges(_ index: Int, _ material: Material) async throws -> [Double] {
    var chance = Chance(UInt64(index) + 4000)
    var (parts, edges): ([AudioClip], [Double]) = ([], [])
    var time = 0.0
    for k in 0..<4 {
      let original = Double.random(in: 3.5...5.5, using: &chance)
      parts.append(material.original.slice(from: time, to: time + original))
      time += original
      edges.append(time)
      guard k < 3 else { break }
      parts.append(material.dubbed[(k + index) % Material.fragments].slice(from: 0, to: 4.5 + Double(k) * 0.7))
      time += 4.5 + Double(k) * 0.7
      edges.append(time)
    }
    edges.removeLast()
    let path = "\(folder)/special/edges-\(index).m4a"
    try await Tool.cached(path) { try await Tool.publish(.joined(parts), to: $0) }
    let candidates =
      [Candidate(role: .original, clip: material.original, expectedStart: 0)]
      + material.dubbed.enumerated().map { Candidate(role: .dubbed($0), clip: $1) }
    let segments = Attributor(candidates: candidates).segments(try await AudioDecoder.decode(path))
    let found = segments.dropLast().map(\.end)
    return edges.map { edge in min(1, found.map { abs($0 - edge) }.min() ?? 1) }
  }

  /// Whether the original at another speed is recognised, and with which ratio.
  func speed(_ index: Int, _ material: Material, _ ratio: Double) async throws -> (found: Bool, chromaprint: Double?) {
    let path = "\(folder)/special/speed-\(ratio)-\(index).m4a"
    let reference = "\(folder)/sources/\(index).wav"
    try await Tool.cached(path) {
      let rate = Int((Double(Tool.sampleRate) * ratio).rounded())
      let filter = "asetrate=\(rate),aresample=48000"
      try await Tool.ffmpeg(reference, ["-af", filter, "-c:a", "aac", "-b:a", "128k", "-ac", "2"], $0)
    }
    let result = Similarity.compare(
      try await AudioDecoder.decode(reference), try await AudioDecoder.decode(path), maxOffset: ClipJudge.reach)
    let print = try await ChromaprintFingerprint(of: reference)
    let agreement = print.agreement(in: try await ChromaprintFingerprint(of: path), from: 0, to: Material.seconds)
    return (result.isSame && abs(result.speedRatio - ratio) < 1e-4, agreement)
  }

  /// Of 6 s windows that play 100 fragments of one voice in another order, the share that is given the right number.
  func hundred(windows: Int) async throws -> Double {
    var fragments: [AudioClip] = []
    for k in 0..<100 {
      fragments.append(
        try await factory.spoken("es", seed: 70_000 + UInt64(k), seconds: Material.fragment).levelled(-22))
    }
    var chance = Chance(100)
    let order = Array((0..<100).shuffled(using: &chance).prefix(windows))
    let path = "\(folder)/special/hundred-\(windows).m4a"
    try await Tool.cached(path) { [fragments] in try await Tool.publish(.joined(order.map { fragments[$0] }), to: $0) }
    let candidates = fragments.enumerated().map {
      Candidate(role: .dubbed($0), clip: $1, expectedStart: Double($0) * Material.fragment)
    }
    let results = Attributor(candidates: candidates).attribute(
      try await AudioDecoder.decode(path),
      windows: order.indices.map { (Double($0) * Material.fragment, Double($0 + 1) * Material.fragment) })
    let right = zip(results, order).filter { $0.attribution == .dubbed($1) }.count
    return Double(right) / Double(order.count)
  }
}
