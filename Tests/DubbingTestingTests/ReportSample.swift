import AudioPrint
import DubbingTesting
import Foundation

/// A report in which nothing is left out: a healthy stream, one under a fault, an environment, a fault and a figure.
enum ReportSample {
  static var report: RunReport {
    var report = RunReport(started: Date(timeIntervalSince1970: 0))
    report.envReadyS = 3.5
    report.totalS = 40
    report.publishingS = 30
    var listened = HealthyRun.evidence
    listened.heard = [0: "uno dos tres", 1: "siete ocho nueve"]
    report.streams = [stream(DubbingVerdict(listened), "s", fault: nil), stream(late, "t", fault: "late")]
    report.faults = [
      .init(
        fault: "noise", caughtBy: ["identity"], expected: ["identity"], message: "1 < 2", ok: true, outcome: .failed,
        hashDiffers: true)
    ]
    report.environments = [
      .init(
        media: "m-1", sts: "s-1", readyS: 3.5, services: [.init(service: "worker", readyS: 2.25)],
        logs: ["logs/m-1.log", "logs/s-1.log"])
    ]
    report.versions = RunVersions(
      engine: "20.10.24", compose: "docker compose 2.26.1", ffmpeg: "5.1.6", swift: "6.3", os: "an <os>", cores: 2)
    report.measurements = ["sample (ms)": 1.5]
    report.cases = [.init(test: "t", arguments: "a", shard: 1, outcome: .failed, durationS: 1.5, issues: ["red"])]
    report.shards = .init(reported: [1], count: 2, gaps: ["shard 2 of 2 is missing"])
    report.elsewhere = ["left behind"]
    report.engines = [.init(context: "a", engine: "docker", cores: 2, places: 3, lost: "no answer", lostAfterS: 1.5)]
    (report.streams[0].engine, report.streams[0].lostEngine) = ("b", "a")
    report.rerun = "A=b make e2e FILTER='{filter}'"
    return report
  }

  /// The same of a run that nobody had parted.
  static var whole: RunReport {
    var report = report
    (report.cases, report.shards, report.elsewhere, report.engines) = (nil, nil, nil, nil)
    (report.streams[0].engine, report.streams[0].lostEngine) = (nil, nil)
    return report
  }

  /// Files that the report links to.
  static var files: [String] {
    report.environments.flatMap(\.logs) + report.streams.flatMap { [$0.recording, $0.events].compactMap { $0 } }
  }

  static var sounds: [StreamSound] {
    [StreamSound(original: png, output: png, hashDiffers: true), StreamSound(original: png, output: nil)]
  }

  /// The eight bytes that every PNG begins with; nobody decodes it here.
  static let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])

  /// The second fragment is answered too late, and heard too late.
  private static var late: DubbingVerdict {
    var events = HealthyRun.events
    events[6].date += 40
    var evidence = HealthyRun.evidence
    evidence.events = StreamEvents(events, stream: "s")
    evidence.windows[1].lag = .milliseconds(250)
    evidence.continuity = DubContinuity(
      breaks: [Break(kind: .missing, start: 7, length: 0.12, clip: 1, clipStart: 1)], followed: [0, 1], judged: 8)
    return DubbingVerdict(evidence)
  }

  private static func stream(_ verdict: DubbingVerdict, _ name: String, fault: String?) -> RunReport.Stream {
    var stream = RunReport.Stream(verdict, test: "a <b> & \"c\"")
    (stream.stream, stream.testCase) = (name, "m.s/t(): \(name)")
    stream.fault = fault
    stream.environment = "m-1"
    stream.hashDiffers = true
    stream.recording = "streams/\(name)/output.flv"
    stream.events = "streams/\(name)/events.jsonl"
    stream.starvation = Starvation(
      watchedS: 14, lateS: 0.1, longestLateS: 0.05, tasksLateS: 0, waitingS: 3, throttledS: 0)
    return stream
  }
}
