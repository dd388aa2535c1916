import DubbingTesting
import Foundation
import Testing

@Suite("Checks of one's own", .kind(.programs))
struct StreamCheckTests {
  private static let page = Metrics(
    #"""
    # HELP worker_audio_fragments_total Fragments
    # TYPE worker_audio_fragments_total counter
    worker_audio_fragments_total{status="sent"} 12
    worker_audio_fragments_total{status="fallback",stream="a \"b\", c"} 2 1764280000000
    worker_audio_fragments_total{status="fallback",stream="d"} 1
    worker_streams_active 3
    worker_time_bucket{le="+Inf"} 5
    not a line of it
    """#)

  @Test("Prometheus' text is read: labels, quotes in them, times behind values, comments")
  func metrics() {
    #expect(Self.page.samples.count == 5)
    #expect(Self.page.value(of: "worker_audio_fragments_total", ["status": "fallback"]) == 3)
    #expect(Self.page.value(of: "worker_audio_fragments_total", ["stream": "a \"b\", c"]) == 2)
    #expect(Self.page.value(of: "worker_time_bucket", ["le": "+Inf"]) == 5)
    #expect(Self.page.value(of: "worker_streams_active", ["status": "sent"]) == nil)
  }

  @Test(
    "A metric is held against its bound by how much it grew, or by what it is",
    arguments: [
      (
        #"worker_audio_fragments_total{status="fallback"} == 0"#, MetricBound.Value.delta,
        "grew by 3, the bound is == 0"
      ),
      (#"worker_audio_fragments_total{status="fallback"} <= 3"#, .delta, nil),
      (#"worker_audio_fragments_total{status="lost"} == 0"#, .delta, nil),
      ("worker_streams_active <= 2", .end, "it is 3"),
      ("worker_streams_active > 2.5", .end, nil),
      ("worker_stream_active == 3", .end, "there is no metric worker_stream_active"),
    ] as [(String, MetricBound.Value, String?)])
  func bounds(text: String, value: MetricBound.Value, said: String?) throws {
    let bound = try #require(MetricBound(text, value: value))
    let answer = bound.answer(before: Metrics(""), after: Self.page)
    if let said {
      guard case .failed(let detail) = answer else { return #expect(Bool(false), "\(answer)") }
      #expect(detail.contains(said), "\(detail)")
    } else {
      guard case .passed = answer else { return #expect(Bool(false), "\(answer)") }
    }
    #expect(value == .end || bound.answer(before: Self.page, after: Self.page) != .failed(""))
  }

  @Test("A counter that has not grown has not, whatever it was")
  func delta() throws {
    let bound = try #require(MetricBound(#"worker_audio_fragments_total{status="fallback"} == 0"#))
    #expect(bound.answer(before: Self.page, after: Self.page) == .passed("it grew by 0"))
    for text in ["x", "x = 1", "x{ == 1", "x == y", #"x{a="b} == 1"#] { #expect(MetricBound(text) == nil, "\(text)") }
  }

  @Test("Lines at error level are found in several forms, and known ones are not")
  func logs() throws {
    let log = """
      worker-1  | 23:10:01 ERROR dubber.session: engine is busy
      worker-1  | {"level": "error", "msg": "x"}
      sts-1     | time=1 level=error msg=y
      sts-1     | INFO no errors so far
      sts-1     | ERROR_COUNT=0
      """
    let lines = try LogLines()
    #expect(lines.found(in: log).count == 3)
    guard case .failed(let detail) = lines.answer(lines.found(in: log)) else { return #expect(Bool(false)) }
    #expect(detail.hasPrefix("3 lines:") && detail.contains("engine is busy"), "\(detail)")
    #expect(try LogLines(pattern: "ERROR", except: "busy|COUNT").found(in: log).isEmpty)
    let others = log + "\nworker-1  | ERROR test_other_0123abcd: lost\nworker-1  | ERROR test_own_0123abcd: lost"
    #expect(lines.found(in: others, of: "test_own_0123abcd").count == 4)
    #expect(lines.answer([]) == .passed("no line at error level"))
    #expect(throws: (any Error).self) { try StreamCheck.logErrors(pattern: "(") }
  }

  @Test(
    "What a line's level is, is the same for the check and for the page",
    arguments: [
      ("2026-11-28 ERROR dubber.session: engine is busy", LogLevel.error), ("ERR [RTSP] listener is closed", .error),
      (#"{"time": 1, "level": "error", "msg": "INFO"}"#, .error), ("time=1 level=fatal msg=y", .error),
      ("Traceback (most recent call last):", .error), ("Killed", .error), ("ERROR_COUNT=0", .ordinary),
      ("INFO told the client ERROR INVALID_SEQUENCE", .ordinary), ("WARN after ERROR: tried again", .warning),
      (#"level=warn msg="ERROR""#, .warning), ("the noise level, error or not", .ordinary),
      ("ERR [API] path not found", .ordinary),
    ])
  func levels(line: String, level: LogLevel) throws {
    #expect(LogLevel(of: line) == level)
    let log = "worker-1  | 2026-11-28T02:23:02.100000001Z \(line)"
    #expect(LogLine.lines(of: log).map(\.level) == [level])
    #expect(try LogLines().found(in: log).isEmpty == (level < .error))
  }

  @Test("More fragments under way than were agreed on")
  func inflight() {
    func opening(_ most: Int?) -> ObservedEvent {
      HealthyRun.event(
        0, .toSTS,
        .streamInit(
          StreamInit(
            streamID: "s", workerID: "w", config: .init(sourceLanguage: "en", targetLanguage: "es"), maxInflight: most))
      )
    }
    let sent = (0..<3).map { HealthyRun.event(1, .toSTS, .fragmentData(HealthyRun.data($0))) }
    #expect(Inflight([opening(2)] + sent, stream: "s").answer == .failed("3 were under way at once, 2 were agreed on"))
    #expect(Inflight([opening(3)] + sent, stream: "s").answer == .passed("3 of 3"))
    #expect(Inflight([opening(nil)] + sent, stream: "s").answer == .notAsked("neither side said how many"))
    let answered = HealthyRun.event(2, .toWorker, .fragmentProcessed(HealthyRun.processed(0)))
    #expect(Inflight([opening(2), sent[0], sent[1], answered, sent[2]], stream: "s").answer == .passed("2 of 2"))
    let ready = HealthyRun.event(
      1, .toWorker, .streamReady(StreamReady(streamID: "s", sessionID: "x", maxInflight: 1)))
    #expect(Inflight([opening(3), ready, sent[0], sent[1]], stream: "s").bound == 1)
  }

  typealias Answer = StreamCheck.Answer

  @Test("When the output was there, against its bound")
  func firstOutput() {
    #expect(Answer(firstOutput: nil, within: .seconds(9)) == .notAsked("there was no output"))
    #expect(Answer(firstOutput: .seconds(9), within: .seconds(9)) == .passed("after 9.00 s"))
    #expect(
      Answer(firstOutput: .seconds(9.5), within: .seconds(9)) == .failed("there after 9.50 s, the bound is 9.00 s"))
  }

  @Test("How late the worker connected: after its own start, or, if that was for this stream, after the stream's")
  func workerConnects() {
    let (started, began) = (Date(timeIntervalSince1970: 100), Date(timeIntervalSince1970: 200))
    func answer(_ at: Double?) -> Answer {
      Answer(
        connectedAt: at.map(Date.init(timeIntervalSince1970:)), began: began, startedAt: started, within: .seconds(5))
    }
    #expect(answer(nil) == .notAsked("the worker never connected"))
    #expect(answer(104) == .passed("after 4.00 s"))
    #expect(answer(106) == .failed("connected after 6.00 s, the bound is 5.00 s"))
    #expect(answer(204) == .passed("after 4.00 s"))
    #expect(answer(206) == .failed("connected after 6.00 s, the bound is 5.00 s"))
  }

  @Test("How many fragments are in sync, of those that could be placed")
  func inSync() {
    var evidence = HealthyRun.evidence
    evidence.windows[1].lag = .milliseconds(200)
    #expect(Answer(inSync: DubbingVerdict(evidence), share: 0.5) == .passed("1 of 2 within ±120 ms"))
    #expect(
      Answer(inSync: DubbingVerdict(evidence), share: 0.9)
        == .failed("1 of 2 within ±120 ms, at least 90 % are wanted"))
    evidence.video.lag = nil
    #expect(Answer(inSync: DubbingVerdict(evidence), share: 0) == .notAsked("nothing could be placed"))
  }
}
