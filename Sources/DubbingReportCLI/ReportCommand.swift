import ArgumentParser
import DubbingTesting
import Foundation

/// Prints what a run has left: what `make e2e` ends with.
@main
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dubbing-report",
    abstract: "Sums up the report.json of a run: what was not as expected, why, and where to look.")

  @Argument(help: "The report, or the folder that it is in.")
  var report = ".build/e2e"

  func run() throws {
    var file = URL(filePath: report)
    if file.pathExtension != "json" { file.append(path: "report.json") }
    do {
      // Set by who prints to a terminal that shows colours.
      let isColoured = ProcessInfo.processInfo.environment["E2E_COLOURS"] == "1"
      print("e2e: \(try RunReport(contentsOf: file).summary(isColoured: isColoured))")
    } catch {
      throw ValidationError("\(file.path) cannot be read as a report: \(error)")
    }
  }
}
