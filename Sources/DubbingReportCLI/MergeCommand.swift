import ArgumentParser
import DubbingTesting
import Foundation

struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Puts what the shards of a run have left together; ends with 1 if anything is red or missing.",
    discussion: """
      Writes report.json, index.html, junit.xml and test.log. Recordings stay where they are: the page has them, and links to them.

      EXAMPLE: dubbing-report merge artifacts/shard-1 artifacts/shard-2 artifacts/shard-3
      """)

  @Argument(help: "Reports of shards, or folders with such reports somewhere in them.") var reports: [String]
  @Option(help: "The folder to write into.") var output = ".build/e2e-merged"
  @Flag(help: "Merge even if the shards ran with other versions of engine, compose, ffmpeg or Swift.")
  var mixedVersions = false
  @Flag(help: "Print the merged report, which is JSON, instead of its summary.") var json = false

  func run() async throws {
    let target = URL(filePath: output).standardizedFileURL
    // What an earlier merge has left below the same folder is no shard.
    let own = target.appending(path: "report.json").path
    let shards = try ReportArgument.all(in: reports).filter { $0.file.standardizedFileURL.path != own }
    let parts = try shards.map { shard in
      let path = shard.file.deletingLastPathComponent().path(from: target)
      return ShardMerge.Part(
        name: shard.file.standardizedFileURL.path, report: try shard.read(), prefix: path.isEmpty ? "" : path + "/")
    }
    let report = try ShardMerge(parts, mixingVersions: mixedVersions).report

    let fixtures = DubbingSettings.fromEnvironment().fixtures
    let folders = shards.map { RunFolder($0.file.deletingLastPathComponent(), fixtures: fixtures) }
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    let log = zip(parts, folders).map { "== \($0.name) ==\n\($1.log)" }.joined(separator: "\n")
    try Data(log.utf8).write(to: target.appending(path: "test.log"))
    try report.json().write(to: target.appending(path: "report.json"), options: .atomic)
    try Data(JUnitReport(report).xml.utf8).write(to: target.appending(path: "junit.xml"), options: .atomic)
    _ = try await RunFolder(target, fixtures: fixtures).writePage()

    if json {
      print(String(decoding: try report.json(), as: UTF8.self))
    } else {
      print("e2e: \(report.summary())")
      print("e2e: \(target.path)/report.json, index.html, junit.xml, test.log")
    }
    if report.isRed { throw ExitCode(1) }
  }
}

extension URL {
  /// How this folder is called from another one.
  fileprivate func path(from base: URL) -> String {
    let (own, others) = (standardizedFileURL.pathComponents, base.standardizedFileURL.pathComponents)
    let common = zip(own, others).prefix { $0 == $1 }.count
    return ([String](repeating: "..", count: others.count - common) + own.dropFirst(common)).joined(separator: "/")
  }
}
