import ArgumentParser
import DubbingTesting
import Foundation

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Says what differs between two runs; ends with 1 if anything is worse.",
    discussion: """
      Outcomes, red checks, checks that are no longer asked, answers that take half as long again, A/V, faults.

      EXAMPLE: dubbing-report diff last-week/report.json .build/e2e
      """)

  @Argument(help: "The report that the other is held against, or its folder.") var old: ReportArgument
  @Argument(help: "The report in question, or its folder.") var new = ReportArgument(argument: ".build/e2e")
  @Flag(help: "Print the differences as JSON.") var json = false

  func run() throws {
    let comparison = RunComparison(try old.read(), try new.read())
    print(json ? try text(of: comparison) : comparison.text)
    if comparison.isWorse { throw ExitCode(1) }
  }
}

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Shows how runs went one after another: flaky cases, slower answers.",
    discussion: """
      A folder stands for every report.json in it.

      EXAMPLE: dubbing-report history --last 20 ~/artifacts
      """)

  @Argument(help: "Reports, or folders with reports somewhere in them.") var reports: [String]
  @Option(help: "How many of the last runs to look at.") var last = 30
  @Flag(help: "Print the history as JSON.") var json = false

  func validate() throws {
    if last < 1 { throw ValidationError("--last \(last): at least one run has to be looked at") }
  }

  func run() throws {
    let files = try ReportArgument.all(in: reports)
    let all = try files.map { try $0.read() }.sorted { $0.started < $1.started }
    let history = RunHistory(Array(all.suffix(last)))
    print(json ? try text(of: history) : history.text)
  }
}

/// As `report.json` is written: snake_case keys, ISO 8601 times.
func text(of value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.dateEncodingStrategy = .iso8601
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
