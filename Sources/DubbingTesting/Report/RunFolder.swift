import AudioPrint
import ComposeTesting
import Foundation

/// The folder that a run has left, and the page that is made of it once nothing is published any more.
package struct RunFolder: Sendable {
  /// Where `report.json` is.
  package var folder: URL
  /// The folder of the fixtures, for the sound of those streams that the run has kept none of.
  package var fixtures: URL

  /// What a run has left in a folder.
  package init(_ folder: URL, fixtures: URL) { (self.folder, self.fixtures) = (folder, fixtures) }

  /// Writes `index.html`, with players of every stream that is not as expected: a few at a time, since each takes an encoder.
  ///
  /// - Parameter playsAll: also of those that are as expected, which takes about 0.7 CPU seconds for each stream.
  /// - Returns: the page's size, bytes.
  /// - Throws: what reading `report.json` and writing the page throw. What is missing beside the report is missing on the page.
  package func writePage(playsAll: Bool = false) async throws -> Int {
    let report = try RunReport(contentsOf: folder.appending(path: "report.json"))
    let streams = report.streams
    var parts = [(StreamSound, StreamTrace)?](repeating: nil, count: streams.count)
    try await withThrowingTaskGroup(of: (Int, StreamSound, StreamTrace).self) { group in
      func add(_ index: Int) {
        group.addTask { [folder, fixtures] in
          let canBeHeard = playsAll || !streams[index].isAsHoped(in: report)
          let trace = await StreamTrace.read(
            streams[index], of: report, in: folder, fixtures: fixtures, canBeHeard: canBeHeard)
          return (index, await sound(of: streams[index]), trace)
        }
      }
      var next = min(ConcurrencyLimit.cores, streams.count)
      for index in 0..<next { add(index) }
      for try await (index, sound, trace) in group {
        parts[index] = (sound, trace)
        if next < streams.count { add(next) }
        next += 1
      }
    }
    let found = parts.compactMap { $0 }
    let page = RunPage(
      report: report, sounds: found.map(\.0), traces: found.map(\.1), failures: TestLog.failures(in: log))
    let html = Data(page.html.utf8)
    try html.write(to: folder.appending(path: "index.html"), options: .atomic)
    return html.count
  }

  /// As the run kept it, or drawn anew.
  private func sound(of stream: RunReport.Stream) async -> StreamSound {
    let files = stream.events.map { folder.appending(path: $0).deletingLastPathComponent() }
    if let kept = files.flatMap(StreamSound.kept) { return kept }
    let output = stream.recording.map { MediaFile(folder.appending(path: $0).path) }
    guard let fixture = try? Fixture.named(stream.fixture, in: fixtures) else { return StreamSound() }
    return await StreamSound.of(fixture, output: output)
  }

  /// What `swift test` printed; empty where nobody kept it.
  package var log: String { Self.log(in: folder) }

  static func log(in folder: URL) -> String {
    (try? String(contentsOf: folder.appending(path: "test.log"), encoding: .utf8)) ?? ""
  }
}
