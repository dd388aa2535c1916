import Foundation

/// What the tap saw of a stream: two life lines, and each event with its time as an arrow from one to the other.
struct SequenceDiagram {
  var events: [TapLine]

  /// More than anybody reads; the rest is in the file.
  private static let limit = 250

  var html: String {
    guard let first = events.first?.date else { return "" }
    let rows = events.prefix(Self.limit).map { event in
      let after = event.date.timeIntervalSince(first)
      let words = [event.sequence.map { "fragment \($0)" }, event.said.isEmpty ? nil : event.said].compactMap { $0 }
      let isBad =
        !event.faults.isEmpty || ["failed", "error"].contains(event.status ?? "") || event.name == "(disconnect)"
      let fault =
        event.faults.isEmpty ? "" : " <span class=\"warn\">⚡ \(event.faults.joined(separator: ", ").escaped)</span>"
      return """
        <tr class="\(event.isFromWorker ? "to-sts" : "to-worker")\(isBad ? " failed" : "")"><td class="number">\(
          String(format: "%+.3f s", after))<td class="arrow"><span>\(event.name.escaped)</span><span class="hidden"> from \(
          event.isFromWorker ? "worker to STS" : "STS to worker")</span><td class="soft">\(words.joined(separator: ", ").escaped)\(fault)</tr>
        """
    }
    let more =
      events.count > Self.limit ? "<p class=\"key\">and \(events.count - Self.limit) more, in events.jsonl</p>" : ""
    return """
      <h3>What passed between the services</h3>
      <div class="scroll" tabindex="0"><table class="sequence" data-part="sequence"><tr><th>after<th class="ends"><span>worker</span><span>STS</span>\
      <th>what it says</tr>
      \(rows.joined(separator: "\n"))</table></div>\(more)
      """
  }
}
