import AudioPrint
import Foundation

/// The two figures of a stream: when its fragments were sent and answered, and what its output holds.
package struct StreamFigures {
  var stream: RunReport.Stream
  var sound: StreamSound
  /// Whether the page has the recording: what the output holds is then a time line to click on.
  var canBePlayed = false

  package init(stream: RunReport.Stream, sound: StreamSound, canBePlayed: Bool = false) {
    (self.stream, self.sound, self.canBePlayed) = (stream, sound, canBePlayed)
  }

  // MARK: Sent, acknowledged, processed

  var timeline: String {
    let ends = stream.fragments.compactMap { fragment in
      fragment.sentAfterS.map { $0 + (fragment.processingMs ?? 0) / 1000 }
    }
    let axis = PageAxis(end: (ends.max() ?? 0) + 1)
    let rows = stream.fragments.map { fragment in
      """
      <span class="name">fragment \(fragment.sequence)</span>
      <div class="track">\(journey(of: fragment, on: axis))</div><div class="track">\(latency(of: fragment))</div>
      """
    }
    return """
      <div class="lanes answers" data-part="timeline">
      \(rows.joined(separator: "\n"))
      <span class="name"></span><div class="ticks">\(axis.ticks)</div><div class="ticks"><span>answered after</span></div>
      </div>
      <p class="key"><i style="background:var(--accent)"></i>sent to processed <i style="background:var(--ink)"></i>acknowledged
      <i style="background:var(--bad)"></i>bound of \(stream.answerBoundS.short) s; time counts from the first fragment sent</p>
      """
  }

  private func journey(of fragment: RunReport.Stream.Fragment, on axis: PageAxis) -> String {
    guard let sent = fragment.sentAfterS else { return "<span class=\"said bad\">never sent</span>" }
    let acknowledged = fragment.acknowledgedMs.map { milliseconds in
      "<span class=\"ack\" title=\"acknowledged after \(milliseconds.short) ms\" style=\"\(axis.at(sent + milliseconds / 1000))\"></span>"
    }
    guard let processing = fragment.processingMs else {
      return "<span class=\"answer never\" style=\"\(axis.span(sent, axis.end - sent))\"></span>" + (acknowledged ?? "")
    }
    let style = processing / 1000 > stream.answerBoundS ? "answer late" : "answer"
    return """
      <span class="\(style)" title="sent after \(sent.short) s" style="\(axis.span(sent, processing / 1000))"></span>\(acknowledged ?? "")
      """
  }

  /// How much of the bound the answer took; the bound is at the right end unless it was missed.
  private func latency(of fragment: RunReport.Stream.Fragment) -> String {
    guard fragment.sentAfterS != nil else { return "" }
    guard let processing = fragment.processingMs.map({ $0 / 1000 }) else {
      return "<span class=\"said bad\">never answered</span><span class=\"bound\"></span>"
    }
    let axis = PageAxis(end: max(stream.answerBoundS, processing))
    let isLate = processing > stream.answerBoundS
    let bound =
      isLate
      ? "<span class=\"bound\" style=\"\(axis.at(stream.answerBoundS));right:auto\"></span>"
      : "<span class=\"bound\"></span>"
    let said = "left:\(min(processing / axis.end * 100, 45).short)%"
    return """
      <span class="answer\(isLate ? " late" : "")" style="\(axis.span(0, processing))"></span>\(bound)\
      <span class="said" style="\(said)">\(processing.short) s</span>
      """
  }

  // MARK: What the output holds

  package var content: String {
    let lag = (stream.videoLagMs ?? 0) / 1000
    let axis = PageAxis(end: max(stream.durationS, stream.fixtureDurationS + max(0, lag)))
    // As they were measured: where the output has no such window there is nothing to draw.
    let windows = stream.fragments.compactMap { fragment in
      fragment.outputStartS.flatMap { start in fragment.outputEndS.map { (fragment, start, $0 - start) } }
    }
    return """
      <div class="lanes" data-part="content" data-end="\(axis.end.short)">
      <span class="name">original</span><div class="track picture" data-part="original">\(
        picture(sound.original, "Spectrogram of the original", axis.span(lag, stream.fixtureDurationS)))</div>
      <span class="name">output</span><div class="track picture" data-part="output">\(
        picture(sound.output, "Spectrogram of the output", axis.span(0, stream.durationS)))</div>
      <span class="name">holds</span><div class="track strip" data-part="attribution">\(
        windows.map { cell($0, from: $1, axis.span($1, $2)) }.joined())</div>
      \(breaks(on: axis))<span class="name">A/V delta</span><div class="track deltas" data-part="av-delta">\(limits)\(
        windows.map { delta($0, axis.at($1 + $2 / 2)) }.joined())</div>
      <span class="name"></span><div class="ticks">\(axis.ticks)</div>
      </div>
      <p class="key">Spectrograms from 0 to 4 kHz.\(key) A/V delta: up is late; the lines are ± \(stream.avBoundMs.short) ms.\(canBePlayed ? " Click to play from there; ← and → move by a second." : "")</p>
      """
  }

  private func picture(_ png: Data?, _ title: String, _ style: String) -> String {
    guard let png else { return "<span class=\"said\" style=\"color:#fff\">none</span>" }
    return "<img alt=\"\(title)\" style=\"\(style)\" src=\"data:image/png;base64,\(png.base64EncodedString())\">"
  }

  private func cell(_ fragment: RunReport.Stream.Fragment, from start: Double, _ style: String) -> String {
    let holds = fragment.attributedTo
    // Another fragment's dub is as wrong as what nobody knows.
    let kind = holds.kind == .dubbed && holds != .dubbed(fragment.sequence) ? .unknown : holds.kind
    let coherence = fragment.coherence.map { ", coherence \($0.short)" } ?? ""
    let shown = "class=\"badge is-\(kind.rawValue)\" style=\"\(style)\" title=\"\(holds)\(coherence)\""
    guard canBePlayed else { return "<span \(shown)>\(holds)</span>" }
    return """
      <button type="button" data-at="\(start.short)" \(shown) aria-label="fragment \(fragment.sequence) holds \(holds); play from \(
        start.short) s">\(holds)</button>
      """
  }

  /// Where dubs are not played as they are; nothing where they are.
  private func breaks(on axis: PageAxis) -> String {
    guard let breaks = stream.breaks, !breaks.isEmpty else { return "" }
    let spans = breaks.map { found in
      // What is left out takes no time, and 10 ms would be no pixel.
      let length = found.kind == Break.Kind.skipped.rawValue ? 0 : found.lengthMs / 1000
      let style = axis.span(found.startS, max(length, axis.end / 200))
      let title = "\(found.kind) at \(found.startS.short) s for \(found.lengthMs.short) ms"
      return "<span class=\"badge is-unknown\" style=\"border-radius:0;padding:0;\(style)\" title=\"\(title)\"></span>"
    }
    return """
      <span class="name">breaks</span><div class="track strip" data-part="breaks">\(spans.joined())</div>

      """
  }

  private var limits: String {
    // The lane shows one and a quarter times the bound, either way.
    "<span class=\"zero\"></span><span class=\"limit\" style=\"top:10%\"></span><span class=\"limit\" style=\"top:90%\"></span>"
  }

  private func delta(_ fragment: RunReport.Stream.Fragment, _ style: String) -> String {
    guard let delta = fragment.avDeltaMs else { return "" }
    let share = max(-1, min(1, delta / (stream.avBoundMs * 1.25)))
    let (top, bottom) = (50 - max(0, share) * 50, 50 + min(0, share) * 50)
    let isLate = abs(delta) >= stream.avBoundMs
    return """
      <span class="delta\(isLate ? " late" : "")" style="\(style);top:\(top.short)%;bottom:\(bottom.short)%"></span>\
      <span class="said" style="\(style);margin-left:.6rem">\(delta.signedMilliseconds)</span>
      """
  }

  private var key: String {
    WindowContent.Kind.allCases.compactMap { kind in
      kind.legend.map { "<i style=\"background:var(--\(kind.rawValue))\"></i>\($0)" }
    }.joined() + "."
  }
}

extension WindowContent.Kind {
  /// What its colour stands for; nil: nothing of it is drawn.
  fileprivate var legend: String? {
    switch self {
    case .dubbed: "its own dub"
    case .original: "original"
    case .mixed: "both"
    case .silent: "silence"
    case .unknown: "nothing known, or another fragment"
    case .absent: nil
    }
  }
}
