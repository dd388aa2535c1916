import Foundation

/// The report as one self-contained page: what a person looks at when a run was red.
struct RunPage {
  var report: RunReport
  /// What each stream of the report sounds like.
  var sounds: [StreamSound]

  var html: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
    <title>Dubbing E2E</title><style>\(PageStyle.css)</style></head><body>
    <h1>Dubbing E2E</h1>
    <p class="soft" data-part="versions">\(report.started.formatted(.iso8601))\(versions)</p>
    \(cards)
    \(overview)
    \(faultTable)
    \(environmentTable)
    <h2>Every stream</h2>
    \(zip(report.streams, sounds).map(section).joined(separator: "\n"))
    </body></html>

    """
  }

  // MARK: The run

  private var versions: String {
    guard let versions = report.versions else { return "" }
    let parts = [
      "docker engine \(versions.engine)", versions.compose, "ffmpeg \(versions.ffmpeg)", "Swift \(versions.swift)",
      versions.os, "\(versions.cores) cores",
    ]
    return parts.map { " · " + $0.escaped }.joined()
  }

  private var cards: String {
    let unexpected = report.streams.filter(\.isUnexpected).count
    let caught = report.faults.filter(\.ok).count
    var cards = [
      ("\(report.streams.count)", "streams, \(unexpected) of them not as expected", unexpected == 0 ? "good" : "bad")
    ]
    if !report.faults.isEmpty {
      let isGood = caught == report.faults.count
      cards.append(
        ("\(caught) of \(report.faults.count)", "faults led to their diagnosis", isGood ? "good" : "bad"))
    }
    cards += [
      ("\(report.envReadyS.short) s", "until the slowest environment was ready", ""),
      ("\(report.totalS.short) s", "whole run", ""),
      ("\(report.publishingS.short) s", "with a stream being published", ""),
      ("\((report.totalS - report.publishingS).short) s", "without: overhead", ""),
    ]
    let text = cards.map { "<div class=\"card\"><b class=\"\($0.2)\">\($0.0)</b><span>\($0.1)</span></div>" }
    return "<div class=\"cards\" data-part=\"run\">\(text.joined())</div>"
  }

  private var overview: String {
    let rows = report.streams.map { stream in
      let slowest = stream.fragments.compactMap(\.processingMs).max().map { "\(($0 / 1000).short) s" } ?? "–"
      let delta = stream.fragments.compactMap(\.avDeltaMs).max { abs($0) < abs($1) }
      return """
        <tr><td>\(mark(stream))<td><span class="badge is-\(stream.outcome.rawValue)">\(stream.outcome.rawValue)</span><td>\(
          stream.fixture.escaped)<td><a href="#\(anchor(stream))">\(stream.test.escaped)</a>\(fault(stream))<td class="number">\(
          slowest)<td class="number">\(delta.map { String(format: "%+.1f ms", $0) } ?? "–")<td>\(redChecks(stream).escaped)</tr>
        """
    }
    let head = "<tr><th><th>outcome<th>fixture<th>test<th>slowest answer<th>A/V delta<th>red checks</tr>"
    return "<div class=\"scroll\"><table data-part=\"overview\">\(head)\(rows.joined(separator: "\n"))</table></div>"
  }

  private func redChecks(_ stream: RunReport.Stream) -> String {
    let red = stream.checks.filter { !$0.passed }.map(\.name)
    return red.isEmpty ? "–" : red.joined(separator: ", ")
  }

  private func mark(_ stream: RunReport.Stream) -> String {
    if stream.fault != nil { return "<span class=\"warn\" title=\"broken on purpose\">⚡</span>" }
    return stream.passed ? "<span class=\"good\">✔</span>" : "<span class=\"bad\">✘</span>"
  }

  private func fault(_ stream: RunReport.Stream) -> String {
    stream.fault.map { " <span class=\"warn\">under ‘\($0.escaped)’</span>" } ?? ""
  }

  private func anchor(_ stream: RunReport.Stream) -> String { "stream-\(stream.stream.escaped)" }

  private var faultTable: String {
    guard !report.faults.isEmpty else { return "" }
    let rows = report.faults.map { fault in
      let caught = fault.caughtBy.isEmpty ? "nothing, as it should be" : fault.caughtBy.joined(separator: ", ")
      let said = fault.ok ? caught : "\(caught); expected were \(fault.expected.joined(separator: ", "))"
      return """
        <tr><td>\(fault.ok ? "<span class=\"good\">✔</span>" : "<span class=\"bad\">✘</span>")<td>\(fault.fault.escaped)<td>\(
          fault.outcome.map { "<span class=\"badge is-\($0.rawValue)\">\($0.rawValue)</span>" } ?? "")<td>\(said.escaped)<td>\(
          fault.hashSays)<td class="message">\(fault.message.escaped)</tr>
        """
    }
    return """
      <h2>Faults</h2><div class="scroll"><table data-part="faults"><tr><th><th>injected<th>outcome<th>caught by<th>“hash differs” says<th>message</tr>
      \(rows.joined(separator: "\n"))</table></div>
      """
  }

  private var environmentTable: String {
    guard !report.environments.isEmpty else { return "" }
    let rows = report.environments.map { environment in
      let services = environment.services.map { "\($0.service) \($0.readyS.short) s" }.joined(separator: ", ")
      return """
        <tr><td>\(environment.media.escaped)<br>\(environment.sts.escaped)<td class="number">\(environment.readyS.short) s<td>\(
          services.escaped)<td>\(links(environment))</tr>
        """
    }
    return """
      <h2>Environments</h2><div class="scroll"><table data-part="environments"><tr><th>projects<th>ready after<th>each service<th>logs</tr>
      \(rows.joined(separator: "\n"))</table></div>
      """
  }

  private func links(_ environment: RunReport.Environment) -> String {
    let links = environment.logs.map { "<a href=\"\($0.href)\">\(($0 as NSString).lastPathComponent.escaped)</a>" }
    return links.isEmpty ? "kept when it is down" : links.joined(separator: "<br>")
  }

  // MARK: One stream

  private func section(_ stream: RunReport.Stream, _ sound: StreamSound) -> String {
    // A few are all looked at; of many, those that ask for it.
    let isOpen = stream.isUnexpected || report.streams.count <= 3
    let figures = StreamFigures(stream: stream, sound: sound)
    return """
      <details class="stream"\(isOpen ? " open" : "")><summary>\(mark(stream)) <span class="badge is-\(stream.outcome.rawValue)">\(
        stream.outcome.rawValue)</span> <b>\(stream.fixture.escaped)</b> <span class="test">\(stream.test.escaped)\(fault(stream))</span>\
      <span class="soft">\(stream.durationS.short) s</span></summary>
      <div class="content" id="\(anchor(stream))">
      <p data-part="files">\(facts(stream))</p>
      <h3>Sent and answered</h3>
      \(figures.timeline)
      <h3>What is heard</h3>
      \(figures.content)
      <h3>Fragments</h3>
      <div class="scroll"><table data-part="fragments">\(Self.fragmentHead)\(stream.fragments.map(row).joined())</table></div>
      <h3>Checks</h3>
      <div class="scroll"><table data-part="checks">\(stream.checks.map(row).joined())</table></div>
      </div></details>
      """
  }

  private func facts(_ stream: RunReport.Stream) -> String {
    var parts = ["<span class=\"soft\">\(stream.stream.escaped)</span>"]
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

  private static let fragmentHead = """
    <tr><th>fragment<th>sent<th>acknowledged<th>processed<th>transcript<th>translation<th>attributed to<th>coherence<th>A/V delta</tr>

    """

  private func row(_ fragment: RunReport.Stream.Fragment) -> String {
    func milliseconds(_ value: Double?) -> String { value.map { "\($0.short) ms" } ?? "never" }
    let sent: String = fragment.sentAfterS.map { "\($0.short) s" } ?? "never"
    let delta: String = fragment.avDeltaMs.map { String(format: "%+.1f ms", $0) } ?? "–"
    let coherence: String = fragment.coherence?.short ?? "–"
    let cells: [String] = [
      "\(fragment.sequence)", sent, milliseconds(fragment.acknowledgedMs), milliseconds(fragment.processingMs),
      fragment.transcript ?? "–", fragment.translatedText ?? "–", fragment.attributedTo.description, coherence, delta,
    ]
    return "<tr>"
      + cells.map { "<td\($0.hasSuffix("s") && $0.count < 12 ? " class=\"number\"" : "")>\($0.escaped)" }.joined()
      + "</tr>\n"
  }

  private func row(_ check: RunReport.Stream.Check) -> String {
    let (style, row) =
      switch check.state {
      case .passed: ("good", "passed")
      case .failed: ("bad", "failed")
      case .notAsked: ("soft", "not-asked")
      }
    let mark = "<span class=\"\(style)\">\(check.state.mark)</span>"
    return
      "<tr class=\"\(row)\"><td>\(mark)<td class=\"number\">\(check.name)<td class=\"message\">\(check.detail.escaped)</tr>\n"
  }
}

extension RunReport.Fault {
  /// What a check that only asks whether hashes differ would have said, in words.
  var hashSays: String {
    switch hashDiffers {
    case true: "dubbed"
    case false: "not dubbed"
    default: "nothing: no output"
    }
  }
}
