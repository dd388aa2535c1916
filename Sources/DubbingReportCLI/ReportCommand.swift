import ArgumentParser
import DubbingTesting
import Foundation

/// Reads what a run has left: what `make e2e` ends with.
@main
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dubbing-report",
    abstract: "Reads the report.json of runs.",
    discussion: """
      Without the name of a command it sums a run up:

      EXAMPLE: dubbing-report .build/e2e
      EXAMPLE: dubbing-report diff last-week/report.json .build/e2e
      """,
    version: "0.2.0",
    subcommands: [
      SummaryCommand.self, PageCommand.self, DiffCommand.self, HistoryCommand.self, MergeCommand.self,
    ],
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
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw ValidationError("there is no \(file.path): name the folder that a run has left, such as .build/e2e")
    }
    do {
      return try RunReport(contentsOf: file)
    } catch DecodingError.dataCorrupted {
      let size = (try? Data(contentsOf: file).count) ?? 0
      throw ValidationError(
        "\(file.path) is no JSON, or was cut off after \(size) bytes: take it again from where it was kept")
    } catch {
      throw ValidationError("\(file.path) cannot be read as a report: \(error)")
    }
  }
}

extension ReportArgument {
  /// Reports, and for each folder every report.json in it.
  static func all(in paths: [String]) throws -> [ReportArgument] {
    let files = paths.flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
        return [path]
      }
      let inside = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
      return inside.filter { ($0 as NSString).lastPathComponent == "report.json" }.sorted().map {
        URL(filePath: path).appending(path: $0).path
      }
    }
    guard !files.isEmpty else { throw ValidationError("there is no report.json in \(paths.joined(separator: ", "))") }
    return files.map(ReportArgument.init(argument:))
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
    let environment = ProcessInfo.processInfo.environment
    // In colour where a person reads it, who may refuse that (no-color.org).
    let isColoured =
      isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    print(json ? String(decoding: try report.json(), as: UTF8.self) : "e2e: \(report.summary(isColoured: isColoured))")
  }
}

struct PageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Makes the page of a run anew, with players of what is not as expected.",
    discussion: """
      Media are taken from the folder, fixtures from E2E_FIXTURES or ./fixtures; needs ffmpeg.

      EXAMPLE: dubbing-report page --all .build/e2e
      """)

  @Argument(help: "The report, or the folder that it is in.")
  var report = ReportArgument(argument: ".build/e2e")
  @Flag(help: "Make players of streams that are as expected, too: about 0.7 seconds of a core for each stream.")
  var all = false
  @Flag(help: "Print where the page is, and its size, as JSON.") var json = false

  func run() async throws {
    _ = try report.read()
    let folder = report.file.deletingLastPathComponent()
    let page = Page(
      file: folder.appending(path: "index.html").path,
      bytes: try await RunFolder(folder, fixtures: DubbingSettings.fromEnvironment().fixtures).writePage(playsAll: all))
    print(json ? try text(of: page) : "e2e: \(page.file), \(String(format: "%.1f MB", Double(page.bytes) / 1e6))")
  }

  private struct Page: Encodable {
    var file: String
    var bytes: Int
  }
}
