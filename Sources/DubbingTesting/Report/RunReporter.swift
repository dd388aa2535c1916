import Foundation

/// Collects what the tests of this process found and keeps `.build/e2e/report.json` up to date.
///
/// The file is written anew after every stream, so that a run that is killed leaves what it had found.
public actor RunReporter {
  public static let shared = RunReporter(folder: RunReporter.defaultFolder)

  /// Where reports, recordings and logs of a run are kept: `E2E_REPORT_DIR`, or `.build/e2e`.
  public nonisolated let folder: URL
  private var report = RunReport(started: Date())
  private var verdicts: [DubbingVerdict] = []
  private let clock = ContinuousClock()
  private var start: ContinuousClock.Instant?

  public init(folder: URL) {
    self.folder = folder
  }

  private static var defaultFolder: URL {
    let environment = ProcessInfo.processInfo.environment
    return URL(filePath: environment["E2E_REPORT_DIR"] ?? FileManager.default.currentDirectoryPath + "/.build/e2e")
  }

  /// The run has begun: its total time counts from the first call.
  public func begin() {
    if start == nil { start = clock.now }
  }

  /// The environment is ready; the slowest of several counts.
  public func environmentReady(after duration: Duration) throws {
    report.envReadyS = max(report.envReadyS, duration.seconds.rounded(places: 3))
    try write()
  }

  /// Adds a stream's verdict, prints its table and writes the report.
  public func add(_ verdict: DubbingVerdict, test: String, fault: String? = nil) throws {
    report.streams.append(RunReport.Stream(verdict, test: test))
    verdicts.append(verdict)
    Console.print(verdict.table(test: test, fault: fault))
    try write()
  }

  public func add(_ fault: RunReport.Fault) throws {
    report.faults.append(fault)
    try write()
  }

  private func write() throws {
    begin()
    report.totalS = start.map { $0.duration(to: clock.now).seconds.rounded(places: 3) } ?? 0
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try report.json().write(to: folder.appending(path: "report.json"), options: .atomic)
    let page = RunPage(report: report, verdicts: verdicts).html
    try Data(page.utf8).write(to: folder.appending(path: "index.html"), options: .atomic)
  }
}
