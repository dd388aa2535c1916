import ArgumentParser
import DubbingTesting
import Foundation

/// Reads what a run has left: what `make e2e` ends with.
@main
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dubbing-report",
    abstract: "Reads the report.json of runs.",
    subcommands: [SummaryCommand.self, PageCommand.self, DiffCommand.self, HistoryCommand.self],
    defaultSubcommand: SummaryCommand.self)
}

/// A report as the user names it.
struct ReportArgument: ExpressibleByArgument {
  var file: URL

  init(argument: String) {
    file = URL(filePath: argument)
    if file.pathExtension != "json" { file.append(path: "report.json") }
  }

  func read() throws -> RunReport {
    do {
      return try RunReport(contentsOf: file)
    } catch {
      throw ValidationError("\(file.path) cannot be read as a report: \(error)")
    }
  }
}

struct SummaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary", abstract: "Sums up a run: its streams, their red checks, the faults.",
    discussion: "EXAMPLE: dubbing-report .build/e2e")

  @Argument(help: "The report, or the folder that it is in.")
  var report = ReportArgument(argument: ".build/e2e")
  @Flag(help: "Print the report itself, which is JSON.") var json = false

  func run() throws {
    let report = try report.read()
    // Set by who prints to a terminal that shows colours.
    let isColoured = ProcessInfo.processInfo.environment["E2E_COLOURS"] == "1"
    print(json ? String(decoding: try report.json(), as: UTF8.self) : "e2e: \(report.summary(isColoured: isColoured))")
  }
}

struct PageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Makes the page of a run anew, with everything that can be listened to.",
    discussion: """
      Media are taken from the folder, fixtures from E2E_FIXTURES or ./fixtures; needs ffmpeg.

      EXAMPLE: dubbing-report page .build/e2e
      """)

  @Argument(help: "The report, or the folder that it is in.")
  var report = ReportArgument(argument: ".build/e2e")

  func run() async throws {
    _ = try report.read()
    let folder = report.file.deletingLastPathComponent()
    let size = try await RunFolder(folder, fixtures: DubbingSettings.fromEnvironment().fixtures).writePage()
    print("e2e: \(folder.appending(path: "index.html").path), \(String(format: "%.1f MB", Double(size) / 1e6))")
  }
}
