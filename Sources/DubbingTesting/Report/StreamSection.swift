import Foundation

/// Everything that the page has about one stream.
struct StreamSection {
  var report: RunReport
  var stream: RunReport.Stream
  var sound: StreamSound
  var trace: StreamTrace
  /// The likeliest cause of what is red.
  var cause: String?
  /// Where the media are at the page's end; nil: the page has none, or no room for it.
  private var recording: Int?
  private var original: Int?
  private var dubs: Int?

  init(
    _ report: RunReport, _ stream: RunReport.Stream, _ sound: StreamSound, _ trace: StreamTrace,
    _ shelf: inout MediaShelf
  ) {
    (self.report, self.stream, self.sound, self.trace) = (report, stream, sound, trace)
    cause = LikelyCause(stream: stream, trace: trace).sentence
    recording = shelf.put(trace.recording)
    dubs = shelf.put(trace.dubs?.file)
    original = shelf.put(trace.original)
  }

  var html: String {
    // A few are all looked at; of many, those that ask for it.
    let isOpen = stream.isUnexpected || report.streams.count <= 3
    let figures = StreamFigures(stream: stream, sound: sound, canBePlayed: recording != nil)
    return """
      <details class="stream" id="\(stream.anchor)"\(isOpen ? " open" : "")><summary>\(stream.mark) <span class="badge is-\(
        stream.outcome.rawValue)">\(stream.outcome.rawValue)</span> <b>\(stream.fixture.escaped)</b> <span class="test">\(
        stream.test.escaped)\(stream.underFault)</span> <span class="soft">\(stream.durationS.short) s</span></summary>
      <div class="content">
      \(cause.map { "<p class=\"cause\" data-part=\"cause\">\($0.escaped)</p>" } ?? "")\(starvation)
      <p data-part="files">\(facts)</p>
      \(bugReport)
      <h3>Checks</h3>
      <div class="scroll" tabindex="0"><table data-part="checks">\(checks.map(row).joined())</table></div>
      <h3>Sent and answered</h3>
      \(figures.timeline)
      <h3>What is heard</h3>
      \(player)\(figures.content)
      <h3>Fragments</h3>
      <div class="scroll" tabindex="0"><table data-part="fragments">\(Self.fragmentHead)\(
        stream.fragments.map(row).joined())</table></div>
      \(log)
      \(SequenceDiagram(events: trace.events).html)
      </div></details>
      """
  }

  // MARK: Facts and files

  /// Whether the machine may be to blame: said of what is red, and wherever the machine was starved.
  private var starvation: String {
    guard let starvation = stream.starvation, starvation.isStarved || cause != nil else { return "" }
    let style = starvation.isStarved ? "warn" : "soft"
    return "<p class=\"\(style)\" data-part=\"starvation\">\(starvation.sentence.capitalizedFirst.escaped).</p>"
  }

  private var facts: String {
    var parts = ["<span class=\"soft\">\(stream.stream.escaped)</span>"]
    if let engine = stream.engine { parts.append("on \(engine.escaped)") }
    if let lost = stream.lostEngine {
      parts.append("<span class=\"warn\">run again: \(lost.escaped) went away while it ran there</span>")
    }
    if stream.outcome != stream.expectedOutcome { parts.append("expected \(stream.expectedOutcome.rawValue)") }
    if let lag = stream.videoLagMs { parts.append("picture \(lag.short) ms behind the fixture’s") }
    if let joined = stream.workerJoinedMs { parts.append("worker joined after \(joined.short) ms") }
    if let missed = stream.missedStartS, missed > 0.1 { parts.append("missed the first \(missed.short) s") }
    if let recording = stream.recording { parts.append("<a href=\"\(recording.href)\">recorded output</a>") }
    if let events = stream.events { parts.append("<a href=\"\(events.href)\">events.jsonl</a>") }
    for environment in report.environments where environment.media == stream.environment {
      parts += environment.logs.map { "<a href=\"\($0.href)\">\(($0 as NSString).lastPathComponent.escaped)</a>" }
    }
    return parts.joined(separator: " · ")
  }

  private var bugReport: String {
    guard stream.isUnexpected || stream.fault != nil else { return "" }
    let bug = BugReport(report: report, stream: stream, cause: cause, logs: trace.logs)
    let again = bug.command.map {
      """
      <p data-part="again">Run it again: <code class="copied">\($0.escaped)</code> \(Self.copyButton("the command"))</p>

      """
    }
    return """
      \(again ?? "")<details class="report" data-part="bug-report"><summary>Bug report</summary>
      <p>\(Self.copyButton("the bug report"))</p>
      <textarea class="copied" readonly rows="14" aria-label="Bug report of \(stream.stream.escaped)">\(
        bug.text.escaped)</textarea></details>
      """
  }

  private static func copyButton(_ what: String) -> String {
    "<button type=\"button\" class=\"copy\" aria-label=\"Copy \(what)\">Copy</button> <span role=\"status\" class=\"soft\"></span>"
  }

  // MARK: To listen to

  private var player: String {
    guard let recording else { return "" }
    return """
      <video class="player" data-part="player" data-media="\(recording)" controls preload="none" playsinline tabindex="0" \
      aria-label="The recorded output, small"></video>
      """
  }

  private static let fragmentHead = """
    <tr><th>fragment<th>sent<th>acknowledged<th>processed<th>transcript<th>translation<th>attributed to<th>coherence<th>A/V delta<th>listen</tr>

    """

  private func row(_ fragment: RunReport.Stream.Fragment) -> String {
    func milliseconds(_ value: Double?) -> String { value.map { "\($0.short) ms" } ?? "never" }
    let sent: String = fragment.sentAfterS.map { "\($0.short) s" } ?? "never"
    let delta: String = fragment.avDeltaMs.map { $0.signedMilliseconds } ?? "–"
    let coherence: String = fragment.coherence?.short ?? "–"
    let numbers =
      ["\(fragment.sequence)", sent]
      + [fragment.acknowledgedMs, fragment.processingMs].map(milliseconds)
    let words = [fragment.transcript, fragment.translatedText].map { $0 ?? "–" }
    let found = [fragment.attributedTo.description, coherence, delta]
    let cells = [("number", numbers), ("words", words), ("number", found)].flatMap { style, texts in
      texts.map { "<td class=\"\(style)\">\($0.escaped)" }
    }
    return "<tr>\(cells.joined())<td>\(sounds(of: fragment))</tr>\n"
  }

  /// Original, dub and output of a fragment, each where it is known from when to when it lasts.
  private func sounds(of fragment: RunReport.Stream.Fragment) -> String {
    let start = fragment.fixtureStartS
    let slot = trace.dubs.flatMap { dubs in
      dubs.sequences.firstIndex(of: fragment.sequence).map { Double($0) * dubs.slot }
    }
    let all: [(String, Int?, Double?, Double?)] = [
      ("original", original, start, start.map { min($0 + stream.segmentS, stream.fixtureDurationS) }),
      ("dub", dubs, slot, slot.map { $0 + stream.segmentS }),
      ("output", recording, fragment.outputStartS, fragment.outputEndS),
    ]
    return all.compactMap { name, media, from, to in
      guard let media, let from, let to else { return nil }
      return """
        <label class="sound"><span>\(name)</span><audio data-media="\(media)" data-span="\(from.short),\(to.short)" controls \
        preload="none" aria-label="\(name) of fragment \(fragment.sequence)"></audio></label>
        """
    }.joined()
  }

  // MARK: Checks and logs

  /// Red ones first: nobody should have to look for them among the green.
  private var checks: [RunReport.Stream.Check] {
    stream.failedChecks + stream.checks.filter { $0.state != .failed }
  }

  private func row(_ check: RunReport.Stream.Check) -> String {
    let (style, row, said) =
      switch check.state {
      case .passed: ("good", "passed", "passed")
      case .failed: ("bad", "failed", "failed")
      case .notAsked: ("soft", "not-asked", "not asked")
      }
    let mark = "<span class=\"\(style)\" role=\"img\" aria-label=\"\(said)\">\(check.state.mark)</span>"
    return
      "<tr class=\"\(row)\"><td>\(mark)<td class=\"number\">\(check.name)<td class=\"message\">\(check.detail.escaped)</tr>\n"
  }

  /// Errors first, then what was said around the moments in which something went wrong.
  private var log: String {
    guard !trace.logs.isEmpty, let first = trace.events.first?.date else { return "" }
    func rows(_ lines: some Sequence<LogLine>) -> String {
      lines.map { line in
        let times = line.count > 1 ? " <span class=\"soft\">× \(line.count)</span>" : ""
        return """
          <tr class="level-\(line.level)"><td class="number">\(String(format: "%+.2f s", line.date.timeIntervalSince(first)))<td \
          class="number">\(line.service.escaped)<td class="message">\(line.text.prefix(300).escaped)\(times)</tr>
          """
      }.joined(separator: "\n")
    }
    let bad = trace.logs.filter { $0.level > .ordinary }.sorted { ($1.level, $0.date) < ($0.level, $1.date) }
    let rest = trace.logs.filter { $0.level == .ordinary }
    let head =
      "<tr><th>after<th>service<th>\(bad.isEmpty ? "" : "warnings and errors; ")within 5 s of what is wrong</tr>"
    return """
      <h3>What the services logged</h3>
      <div class="scroll" tabindex="0"><table class="log" data-part="log">\(head)\(rows(bad.prefix(40)))
      \(rows(rest.prefix(80)))</table></div>
      """
  }
}

// MARK: What is said of a stream in several places

extension RunReport.Stream {
  var anchor: String { "stream-\(stream.escaped)" }

  var redChecks: String {
    failedChecks.isEmpty ? "–" : failedChecks.map(\.name).joined(separator: ", ")
  }

  var underFault: String { fault.map { " <span class=\"warn\">under ‘\($0.escaped)’</span>" } ?? "" }

  var mark: String {
    let (style, said, mark) =
      fault != nil
      ? ("warn", "broken on purpose", "⚡") : passed ? ("good", "as expected", "✔") : ("bad", "not as expected", "✘")
    return "<span class=\"\(style)\" role=\"img\" aria-label=\"\(said)\" title=\"\(said)\">\(mark)</span>"
  }
}

extension Substring {
  fileprivate var escaped: String { String(self).escaped }
}
