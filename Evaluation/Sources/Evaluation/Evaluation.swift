import AudioPrint
import Foundation

/// How well clips and windows are recognised after transforms, beside peers.
struct Evaluation {
  let folder: String
  let quick: Bool
  let sources: [Int]
  var transforms: [Transform] { quick ? stride(from: 0, to: 20, by: 4).map { Transform.all[$0] } : Transform.all }
  /// Seconds from one 6 s window to the next.
  var hop: Double { quick ? 2 : 0.5 }
  var width: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  private struct SourceResult: Sendable {
    var index: Int
    var clips: [ClipMeasurement] = []
    var edges: [Double] = []
    var speeds: [SpeedResult] = []
  }

  struct SpeedResult: Sendable {
    var ratio: Double
    var found: Bool
    var chromaprint: Double?
  }

  func run() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let factory = MaterialFactory(folder: folder)
    let all = try await withThrowingTaskGroup(of: SourceResult.self) { group in
      var waiting = sources.makeIterator()
      var results: [SourceResult] = []
      for _ in 0..<width { if let next = waiting.next() { group.addTask { try await measure(next, factory) } } }
      while let result = try await group.next() {
        results.append(result)
        note("\(results.count) of \(sources.count) sources, \(start.duration(to: clock.now).components.seconds) s")
        if let next = waiting.next() { group.addTask { try await measure(next, factory) } }
      }
      return results.sorted { $0.index < $1.index }
    }
    note("100 fragments")
    let right = try await Special(folder: folder, factory: factory).hundred(windows: quick ? 20 : 100)
    let report = Report(
      clips: all.flatMap(\.clips), edges: all.filter { !$0.index.isMultiple(of: 2) }.flatMap(\.edges),
      speeds: all.filter { !$0.index.isMultiple(of: 2) }.flatMap(\.speeds), rightOfHundred: right)
    let rows = report.rows()
    print(
      Table.text(
        rows,
        title:
          "\(all.count) sources, \(transforms.count) transforms, \(Replacement.counted.count) kinds of replacement; tuned on half of the sources, reported on the others"
      ))
    for line in report.details() { print(line) }
    try Table.write(rows, to: folder + "/results.json")
    note("\(folder)/results.json written after \(start.duration(to: clock.now).components.seconds) s")
  }

  private func measure(_ index: Int, _ factory: MaterialFactory) async throws -> SourceResult {
    let material = try await factory.material(index)
    let reference = "\(folder)/sources/\(index).wav"
    try await Tool.cached(reference) { try Tool.write(material.original, to: $0) }
    let judge = try await ClipJudge(source: index, material: material, path: reference, hop: hop)
    var result = SourceResult(index: index)
    for (number, transform) in transforms.enumerated() {
      let name = transform.name.replacing(" ", with: "-").replacing(",", with: "")
      let path = "\(folder)/clips/\(index)-\(name).\(transform.container)"
      try await Tool.cached(path) { try await Tool.ffmpeg(reference, transform.arguments, $0) }
      result.clips.append(try await judge.measure(path, kind: transform.name, replacement: nil))
      if number % 5 == 4 { note("\(material.name): \(number + 1) of \(transforms.count) transforms") }
    }
    for replacement in Replacement.allCases {
      let path = "\(folder)/clips/\(index)-\(replacement).m4a"
      try await Tool.cached(path) { try await Tool.publish(replacement.output(of: material), to: $0) }
      result.clips.append(try await judge.measure(path, kind: replacement.rawValue, replacement: replacement))
    }
    note("\(material.name): \(Replacement.allCases.count) replacements")
    let special = Special(folder: folder, factory: factory)
    result.edges = try await special.edges(index, material)
    for ratio in [0.97, 0.99, 1.01, 1.03] {
      let (found, agreement) = try await special.speed(index, material, ratio)
      result.speeds.append(SpeedResult(ratio: ratio, found: found, chromaprint: agreement))
    }
    return result
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data("eval: \(text)\n".utf8)) }
}
