import Foundation

/// The head of the page: what is not as expected, and the likeliest cause of each.
struct RunProblems {
  var report: RunReport
  var failures: [String]
  var sections: [StreamSection]

  private var red: [StreamSection] { sections.filter(\.stream.isUnexpected) }
  private var uncaught: [RunReport.Fault] { report.faults.filter { !$0.ok } }
  private var count: Int { report.problems.isEmpty ? failures.count : report.problems.count }

  var title: String { count == 0 ? "✔ Dubbing E2E" : "✘ \(count) not as expected" }

  var html: String {
    guard count > 0 else {
      return "<p class=\"verdict good\" data-part=\"problems\">✔ Everything so far is as expected.</p>"
    }
    let streams = red.map { section in
      """
      <li><a href="#\(section.stream.anchor)">\(section.stream.test.escaped)</a> <span class="soft">\(
        section.stream.fixture.escaped)</span> <span class="badge is-\(section.stream.outcome.rawValue)">\(
        section.stream.outcome.rawValue)</span>
      <p>\((section.cause ?? "").escaped)\(starvation(section))\(evidence(section))</p></li>
      """
    }
    let faults = uncaught.map { fault in
      func names(_ names: [String]) -> String { names.isEmpty ? "nothing" : names.joined(separator: ", ") }
      return """
        <li>The fault ‘\(fault.fault.escaped)’ did not lead to its diagnosis
        <p>Red: \(names(fault.caughtBy).escaped). Expected: \(names(fault.expected).escaped).</p></li>
        """
    }
    let others = report.otherProblemsByReason.map(others)
    let tests = failures.prefix(20).map { "<li class=\"soft\">\($0.escaped)</li>" }
    let tail =
      tests.isEmpty
      ? ""
      : "<details\(report.problems.isEmpty ? " open" : "")><summary>What the tests say</summary><ul>\(tests.joined(separator: "\n"))</ul></details>"
    return """
      <section class="problems" data-part="problems" aria-label="Not as expected"><h2 class="bad">✘ Not as expected</h2>
      <ol>\((streams + faults + others).joined(separator: "\n"))</ol>\(tail)</section>
      """
  }

  /// What has no stream to look at: its reason is all that there is, with the lines that it has.
  private func others(_ group: RunReport.Alike) -> String {
    let (one, others) = (group.problem, group.others)
    let alike = others.map { "<li>\($0.escaped)</li>" }.joined(separator: "\n")
    return """
      <li>\(one.what.escaped)\(others.isEmpty ? "" : " and \(others.count) more, for one reason")\(
        one.why.isEmpty ? "" : "\n<p class=\"why\">\(one.why.escaped)</p>")\(
        others.isEmpty ? "" : "<details><summary>Which else</summary><ul>\(alike)</ul></details>")</li>
      """
  }

  /// Before anybody looks for a fault in the pipeline: the machine may have been too busy.
  private func starvation(_ section: StreamSection) -> String {
    section.stream.starvation?.remark.map { " <span class=\"warn\">\($0.capitalizedFirst.escaped).</span>" } ?? ""
  }

  /// The first error that a service logged about it, or else its first warning.
  private func evidence(_ section: StreamSection) -> String {
    let logs = section.trace.logs
    guard let line = logs.first(where: { $0.level == .error }) ?? logs.first(where: { $0.level == .warning }) else {
      return ""
    }
    return
      "<br><span class=\"soft\">\(line.service.escaped) logged: <q>\(String(line.text.prefix(220)).escaped)</q></span>"
  }
}
