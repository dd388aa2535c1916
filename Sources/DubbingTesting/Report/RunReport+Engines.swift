// What a report says of the engines of a pool.

extension RunReport.Engine {
  init(_ member: EngineMember) {
    let loss = member.loss
    self.init(
      context: member.name, engine: member.engine?.description ?? "", cores: member.cores,
      places: member.places.publishing.limit, lost: loss?.reason, lostAfterS: loss?.after.seconds.rounded(places: 1))
  }
}

extension RunReport {
  /// A sentence for each engine that went away, with what became of its streams.
  var lostEngines: [String] {
    (engines ?? []).compactMap { engine in
      guard let lost = engine.lost else { return nil }
      let after = engine.lostAfterS.map { " after \($0.short) s" } ?? ""
      let again = streams.count { $0.lostEngine == engine.context }
      let became =
        again == 0
        ? "no stream had to be run again" : "\(again) stream\(again == 1 ? "" : "s") ran again elsewhere"
      return "the engine \(engine.context) went away\(after), \(became): \(lost)"
    }
  }
}

extension RunPage {
  /// The engines of a pool, and what became of them; nothing without one.
  var engineTable: String {
    guard let engines = report.engines else { return "" }
    let rows = engines.map { engine in
      let streams = report.streams.count { $0.engine == engine.context }
      let state = engine.lost.map {
        "<span class=\"warn\">gone\(engine.lostAfterS.map { " after \($0.short) s" } ?? "")</span>: \($0.escaped)"
      }
      return """
        <tr><td>\(engine.context.escaped)<br><span class="soft">\(engine.engine.escaped)</span><td class="number">\(
          engine.cores)<td class="number">\(engine.places)<td class="number">\(streams)<td>\(state ?? "there until the end")</tr>
        """
    }
    return """
      <h2>Engines</h2><div class="scroll"><table data-part="engines"><tr><th>context<th>cores<th>places in the end<th>streams<th>what became of it</tr>
      \(rows.joined(separator: "\n"))</table></div>
      """
  }
}
