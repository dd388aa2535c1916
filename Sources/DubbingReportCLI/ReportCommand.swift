import ArgumentParser
import DubbingTesting
import Foundation

/// Prints what a run has left: what `make e2e` ends with.
@main
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dubbing-report",
    abstract: "Sums up the report.json of a run: its streams, their red checks, the faults.")

  @Argument(help: "The report, or the folder that it is in.")
  var report = ".build/e2e"

  func run() throws {
    var file = URL(filePath: report)
    if file.pathExtension != "json" { file.append(path: "report.json") }
    do {
      print("e2e: \(try RunReport(contentsOf: file).summary)")
    } catch {
      throw ValidationError("\(file.path) cannot be read as a report: \(error)")
    }
  }
}
