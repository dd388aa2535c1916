import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Collects what the tests of this process found and keeps `.build/e2e/report.json` and the page beside it up to date.
///
/// The report is written anew after every stream, so that a run that is killed leaves what it had found; the page as often as that takes
/// little of the run's time, and when an environment or a suite ends.
package actor RunReporter {
  /// That of this process, in ``DubbingSettings/reportFolder``.
  package static let shared = RunReporter()

  /// Where reports, recordings and logs of a run are kept.
  package nonisolated var folder: URL { ownFolder ?? DubbingSettings.current.reportFolder }
  private nonisolated let ownFolder: URL?
  private var report = RunReport(started: Date())
  /// One for each stream of the report.
  private var sounds: [StreamSound] = []
  private var published = BusyTime()
  private var progress = RunProgress()
  /// How the test cases went that have ended.
  private var cases: [CaseName: RunReport.Case] = [:]
  private let clock = ContinuousClock()
  private var start: ContinuousClock.Instant?
  private var knowsVersions = false
  /// When the page may be written again, and whether the one that lies there is behind the report.
  private var pageDue: ContinuousClock.Instant?
  private var isPageOwed = false

  /// - Parameter folder: nil: ``DubbingSettings/reportFolder``, whenever something is written.
  package init(folder: URL? = nil) { ownFolder = folder }

  /// The run has begun: its total time counts from the first call.
  package func begin() {
    if start == nil { start = clock.now }
  }

  /// Lists a running environment.
  func add(_ environment: DualStackEnvironment) async throws {
    let entry = RunReport.Environment(environment)
    report.environments.append(entry)
    // The slowest of several counts.
    report.envReadyS = max(report.envReadyS, entry.readyS)
    try write()
  }

  /// Notes what the run runs on, once: while the first stream runs, or in the end where there is none, for nobody should wait until
  /// programs have said who they are.
  package func noteVersions(on engine: ComposeEngine) async {
    guard !knowsVersions else { return }
    knowsVersions = true
    let versions = await RunVersions.detect(on: engine)
    // Of a stream that is given up, programs are ended before they have answered: the next one asks again.
    knowsVersions = !Task.isCancelled
    if knowsVersions { report.versions = versions }
  }

  /// Keeps the logs of an environment that is about to go down.
  func keepLogs(of environment: DualStackEnvironment) async throws {
    let logs = folder.appending(path: "logs")
    try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
    var kept: [String] = []
    for stack in [environment.media, environment.sts] {
      try await Data(stack.logText().utf8).write(to: logs.appending(path: "\(stack.projectName).log"))
      kept.append("logs/\(stack.projectName).log")
    }
    let name = environment.media.projectName
    for index in report.environments.indices where report.environments[index].media == name {
      report.environments[index].logs = kept
    }
    try writeReport()
    try writePage()
  }

  /// Notes that a stream is published while `body` runs.
  nonisolated func publishing<R: Sendable>(_ body: @Sendable () async throws -> R) async rethrows -> R {
    await published(true)
    do {
      let result = try await body()
      await published(false)
      return result
    } catch {
      await published(false)
      throw error
    }
  }

  private func published(_ begins: Bool) {
    begin()
    guard let start else { return }
    published.note(begins: begins, at: start.duration(to: clock.now))
  }

  /// Changes what is known of how far the run has come.
  func note(_ change: @Sendable (inout RunProgress, Duration) -> Void) {
    begin()
    change(&progress, start.map { $0.duration(to: clock.now) } ?? .zero)
  }

  /// A test case is over: says how far the run has come.
  func finishedStream() {
    note { progress, time in
      progress.forget(Shards.ofThisProcess.leftOut)
      progress.finish()
      Console.print(progress.line(at: time, width: DubbingSettings.current.columns))
    }
  }

  /// Notes that something is published, recorded and judged while `body` runs.
  nonisolated func running<R: Sendable>(_ name: String, _ body: @Sendable () async throws -> R) async rethrows -> R {
    await note { $0.begin(name, at: $1) }
    do {
      let result = try await body()
      await note { progress, _ in progress.end(name) }
      return result
    } catch {
      await note { progress, _ in progress.end(name) }
      throw error
    }
  }

  /// Adds a stream's verdict, prints its table and writes the report.
  package func add(_ verdict: DubbingVerdict, test: String, fault: String? = nil) throws {
    var entry = RunReport.Stream(verdict, test: test)
    entry.fault = fault
    Console.print(verdict.table(test: test, fault: fault))
    try add(entry, StreamSound())
  }

  /// Adds what was found of a stream; only what is not as expected is printed in full.
  func add(_ judgement: Judgement, of stream: LiveStream, fault: String?, repeatedAs: String? = nil) throws {
    let verdict = judgement.verdict
    let test = Test.current?.displayName ?? Test.current?.name ?? stream.name
    var entry = RunReport.Stream(verdict, test: test)
    if let test = Test.current, let testCase = Test.Case.current {
      entry.testCase = "\(CaseName(testCase, of: test))"
    }
    entry.fault = fault
    entry.hashDiffers = judgement.sound.hashDiffers
    entry.environment = stream.environment.media.projectName
    entry.recording = relativePath(of: stream.recording)
    entry.events = relativePath(of: stream.folder.appending(path: "events.jsonl"))
    entry.starvation = judgement.starvation
    entry.repeatedAs = repeatedAs
    if judgement.isExpected {
      Console.print(verdict.heading(test: test, fault: fault))
    } else {
      let remark = judgement.starvation.remark.map { "\n  ! \($0)" } ?? ""
      Console.print(verdict.table(test: test, fault: fault) + remark)
    }
    // For the page that is made when the run is over.
    try judgement.sound.save(in: stream.folder)
    try add(entry, judgement.sound)
  }

  private func add(_ entry: RunReport.Stream, _ sound: StreamSound) throws {
    report.streams.append(entry)
    sounds.append(sound)
    try write()
  }

  /// Adds how a test case went.
  package func add(_ run: CaseRun) {
    cases[run.name, default: .init(run.name, shard: Shards.ofThisProcess.shard?.index)].add(run)
    // Of a shard that is killed the others' report tells what it had not run. A whole run's is written with each stream anyway.
    if Shards.ofThisProcess.shard != nil { keep() }
  }

  /// Writes the report, of a shard even if no case is left to it, and the page where it is behind or cases failed without a stream.
  package func keepCases() {
    if Shards.ofThisProcess.shard != nil || !cases.isEmpty { keep() }
    // Where nothing started there is no stream that the page was written for.
    guard isPageOwed || !report.otherProblems.isEmpty else { return }
    do { try writePage() } catch { Console.print("e2e: the page cannot be written: \(error)") }
  }

  private func keep() {
    do { try writeReport() } catch { Console.print("e2e: the report cannot be written: \(error)") }
  }

  package func add(_ fault: RunReport.Fault) throws {
    report.faults.append(fault)
    try write()
  }

  /// Keeps a figure that a test has measured; the unit belongs into its name.
  package func add(measured name: String, _ value: Double) throws {
    report.measurements[name] = value.rounded(places: 3)
    try write()
  }

  /// The page of a stream and its siblings alone, for a test to attach: without links, since what they lead to lies elsewhere.
  package func page(of name: String) -> String? {
    var part = report
    let chosen = report.streams.indices.filter { LiveStream.isStream(report.streams[$0].stream, orSiblingOf: name) }
    guard !chosen.isEmpty else { return nil }
    part.streams = chosen.map { report.streams[$0].withoutFiles }
    (part.faults, part.cases, part.shards) = ([], nil, nil)
    part.environments = report.environments.filter { environment in
      part.streams.contains { $0.environment == environment.media }
    }
    return RunPage(report: part, sounds: chosen.map { sounds[$0] }).html
  }

  /// A file's path from the report's folder; nil for one that is not there, or lies elsewhere.
  package func relativePath(of file: URL) -> String? {
    let root = folder.standardizedFileURL.path + "/"
    let path = file.standardizedFileURL.path
    guard path.hasPrefix(root), FileManager.default.fileExists(atPath: path) else { return nil }
    return String(path.dropFirst(root.count))
  }

  private func write() throws {
    try writeReport()
    isPageOwed = true
    if pageDue.map({ clock.now >= $0 }) ?? true { try writePage() }
  }

  private func writePage() throws {
    let began = clock.now
    let page = RunPage(report: report, sounds: sounds).html
    try Data(page.utf8).write(to: folder.appending(path: "index.html"), options: .atomic)
    isPageOwed = false
    // A page of many streams takes long to make. A twentieth of the time is what it may cost.
    let end = clock.now
    pageDue = end + began.duration(to: end) * 20
  }

  private func writeReport() throws {
    begin()
    let elapsed = start.map { $0.duration(to: clock.now) } ?? .zero
    report.totalS = elapsed.seconds.rounded(places: 3)
    report.publishingS = published.total(at: elapsed).seconds.rounded(places: 3)
    let decided = Shards.ofThisProcess.decided.map { ($0.key, RunReport.Case($0.key, shard: $0.value)) }
    report.cases = cases.merging(decided) { ran, _ in ran }.sorted { $0.key < $1.key }.map(\.value)
    report.rerun = DubbingSettings.current.rerun
    report.shards = Shards.ofThisProcess.shard.map { .init(reported: [$0.index], count: $0.count, gaps: []) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try report.json().write(to: folder.appending(path: "report.json"), options: .atomic)
  }
}

extension DualStackEnvironment {
  /// Lists the environment in the report while `body` runs, and keeps its logs when `body` has ended, however it ended.
  package func reported<R: Sendable>(_ body: @Sendable (DualStackEnvironment) async throws -> R) async throws -> R {
    try await RunReporter.shared.add(self)
    let result: Result<R, any Error>
    do { result = .success(try await body(self)) } catch { result = .failure(error) }
    await RunReporter.shared.noteVersions(on: media.engine)
    do {
      try await RunReporter.shared.keepLogs(of: self)
    } catch {
      // What happened first is what should be read first.
      if case .success = result { throw error }
    }
    return try result.get()
  }
}

extension ComposeStack {
  /// Its log so far, or why there is none: a log is never worth a failed test.
  func logText() async -> String {
    do { return try await logs(timestamps: true) } catch { return "the log could not be read: \(error)" }
  }
}

extension RunReport.Stream {
  fileprivate var withoutFiles: Self {
    var stream = self
    (stream.recording, stream.events) = (nil, nil)
    return stream
  }
}
