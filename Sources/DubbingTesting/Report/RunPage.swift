import Foundation

/// The report as one self-contained page: what a person looks at when a run was red.
package struct RunPage {
  var report: RunReport
  /// What each stream of the report sounds like.
  var sounds: [StreamSound]
  /// What else each stream has left; none while the run still goes on.
  var traces: [StreamTrace] = []
  /// Tests that failed, in the words of the test log: a run may be red without a stream that is.
  var failures: [String] = []

  package init(report: RunReport, sounds: [StreamSound], traces: [StreamTrace] = [], failures: [String] = []) {
    (self.report, self.sounds, self.traces, self.failures) = (report, sounds, traces, failures)
  }

  /// What the whole page may weigh, bytes: what CI keeps and a mail takes.
  static let limit = 15_000_000

  package var html: String {
    var shelf = MediaShelf(room: Self.limit - 400_000 - weight)
    let traces = traces.isEmpty ? report.streams.map { _ in StreamTrace() } : traces
    let order = report.streams.indices.sorted { urgency($0) < urgency($1) }
    // What is red first finds room; sections stand in the order of the report.
    let sections = Dictionary(
      uniqueKeysWithValues: order.map { index in
        (index, StreamSection(report, report.streams[index], sounds[index], traces[index], &shelf))
      })
    let media = shelf.items.enumerated().map {
      "<script type=\"text/plain\" id=\"media-\($0)\">\($1.base64EncodedString())</script>"
    }
    let problems = RunProblems(
      report: report, failures: failures, sections: report.streams.indices.compactMap { sections[$0] })
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="\(PageScript.policy)">
      <link rel="icon" href="data:,">
      <title>\(problems.title)</title><style>\(PageStyle.css)</style></head><body><main>
      <h1>Dubbing E2E</h1>
      <p class="soft" data-part="versions">\(report.started.formatted(.iso8601))\(versions)</p>
      \(problems.html)
      \(cards)
      \(overview)
      \(faultTable)
      \(environmentTable)
      \(engineTable)
      <h2>Every stream</h2>\(onDemand)
      \(report.streams.indices.compactMap { sections[$0]?.html }.joined(separator: "\n"))
      </main>
      <script>\(PageScript.script)</script>
      \(media.joined(separator: "\n"))
      </body></html>

      """
  }

  /// Bytes of pictures and text, about.
  private var weight: Int {
    let pictures = sounds.map { (($0.original?.count ?? 0) + ($0.output?.count ?? 0)) * 4 / 3 }.reduce(0, +)
    let lines = traces.map { $0.events.count * 300 + $0.logs.count * 300 }.reduce(0, +)
    return pictures + lines + report.streams.count * 16_000
  }

  /// How to hear what the page has no players for.
  private var onDemand: String {
    let isSilent = zip(report.streams, traces).contains { $0.recording != nil && $1.recording == nil }
    return isSilent
      ? """

      <p class="key" data-part="on-demand">Players are made of what is not as expected. For all streams: \
      <code>dubbing-report page --all</code> and this folder.</p>
      """ : ""
  }

  private func urgency(_ index: Int) -> Int {
    report.streams[index].isUnexpected ? 0 : report.streams[index].fault != nil ? 1 : 2
  }

  // MARK: The run

  private var versions: String {
    let shards = report.shards.map { " · \($0.text)" } ?? ""
    guard let versions = report.versions else { return shards }
    let parts = [
      "docker engine \(versions.engine)", versions.compose, "ffmpeg \(versions.ffmpeg)", "Swift \(versions.swift)",
      versions.os, "\(versions.cores) cores",
    ]
    return parts.map { " · " + $0.escaped }.joined() + shards
  }

  private var cards: String {
    let unexpected = report.streams.filter(\.isUnexpected).count
    let caught = report.faults.filter(\.ok).count
    var cards = [
      (
        "\(report.streams.count)", "streams, \(unexpected) of them not as expected",
        unexpected > 0 ? "bad" : report.streams.isEmpty ? "warn" : "good"
      )
    ]
    if !report.faults.isEmpty {
      let isGood = caught == report.faults.count
      cards.append(
        ("\(caught) of \(report.faults.count)", "faults led to their diagnosis", isGood ? "good" : "bad"))
    }
    let starved = report.streams.count { $0.starvation?.isStarved == true }
    if starved > 0 { cards.append(("\(starved)", "streams while the machine was starved", "warn")) }
    let lost = report.engines?.count { $0.lost != nil } ?? 0
    if lost > 0 { cards.append(("\(lost) of \(report.engines?.count ?? 0)", "engines went away meanwhile", "warn")) }
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
        <tr><td>\(stream.mark)<td><span class="badge is-\(stream.outcome.rawValue)">\(stream.outcome.rawValue)</span><td>\(
          stream.fixture.escaped)<td><a href="#\(stream.anchor)">\(stream.test.escaped)</a>\(stream.underFault)<td class="number">\(
          slowest)<td class="number">\(delta.map(\.signedMilliseconds) ?? "–")<td>\(stream.redChecks.escaped)</tr>
        """
    }
    let head = "<tr><th><th>outcome<th>fixture<th>test<th>slowest answer<th>A/V delta<th>red checks</tr>"
    return "<div class=\"scroll\"><table data-part=\"overview\">\(head)\(rows.joined(separator: "\n"))</table></div>"
  }

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
        <tr><td>\(environment.media.escaped)<br>\(environment.sts.escaped)\(place(of: environment))<td class="number">\(environment.readyS.short) s<td>\(
          services.escaped)<td>\(links(environment))</tr>
        """
    }
    return """
      <h2>Environments</h2><div class="scroll"><table data-part="environments"><tr><th>projects<th>ready after<th>each service<th>logs</tr>
      \(rows.joined(separator: "\n"))</table></div>
      """
  }

  /// Where it was, if not here.
  private func place(of environment: RunReport.Environment) -> String {
    let engine = environment.engine.map { "<br>on \($0.escaped)" } ?? ""
    guard let remote = environment.remote else { return engine }
    let clock = remote.clockOffsetMs.map { ", its clock \($0.short) ms ahead of this machine's" } ?? ""
    let whom =
      remote.outpost.map { "through an outpost there (\($0))" } ?? "for \(remote.peers.joined(separator: ", "))"
    return engine
      + "<br><span class=\"soft\">\("\(remote.engine); tap at \(remote.tap) \(whom)\(clock)".escaped)</span>"
  }

  private func links(_ environment: RunReport.Environment) -> String {
    let links = environment.logs.map { "<a href=\"\($0.href)\">\(($0 as NSString).lastPathComponent.escaped)</a>" }
    return links.isEmpty ? "kept when it is down" : links.joined(separator: "<br>")
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
