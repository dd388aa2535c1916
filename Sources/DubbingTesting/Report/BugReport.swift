import Foundation

/// What to paste into an issue about a stream: what was expected, what came, on which versions, and how to run it again.
struct BugReport {
  var report: RunReport
  var stream: RunReport.Stream
  var cause: String?
  var logs: [LogLine]

  var text: String {
    var lines = [
      "\(stream.test): \(stream.fixture) is \(stream.outcome.rawValue), expected \(stream.expectedOutcome.rawValue)"
    ]
    if let fault = stream.fault { lines.append("under the fault '\(fault)', which is on purpose") }
    if let cause { lines.append(cause) }
    if let starvation = stream.starvation { lines.append("\(starvation.sentence.capitalizedFirst).") }
    lines += ["", "Stream: \(stream.stream), \(report.started.formatted(.iso8601))"]
    lines += stream.failedChecks.map { "✘ \($0.name): \($0.detail)" }
    lines += stream.fragments.map { fragment in
      let answer = fragment.processingMs.map { "answered after \(($0 / 1000).short) s" } ?? "never answered"
      return "fragment \(fragment.sequence): \(answer), the output holds: \(fragment.attributedTo)"
    }
    let bad = logs.filter { $0.level > .ordinary }.prefix(10)
    if !bad.isEmpty { lines += ["", "Logs:"] + bad.map { "\($0.service) | \($0.text.prefix(200))" } }
    if let versions = report.versions {
      lines += [
        "",
        "Versions: docker engine \(versions.engine), \(versions.compose), ffmpeg \(versions.ffmpeg), Swift \(versions.swift), "
          + "\(versions.os), \(versions.cores) cores",
      ]
    }
    if let command { lines += ["", "Run it again:", command] }
    return lines.joined(separator: "\n")
  }

  /// Runs the test again as it was run; nil: which one it was is not known.
  var command: String? {
    filter.map { (report.rerun ?? "make e2e FILTER='{filter}'").replacing("{filter}", with: $0) }
  }

  /// Matches the test's function with whatever arguments.
  private var filter: String? {
    guard let testCase = stream.testCase else { return filterByStream }
    let test = testCase.prefix { $0 != "(" }
    guard test.count < testCase.count else { return filterByStream }
    // A name may have anything in it; a dot stands for what a shell or a pattern would take for something else.
    return String(test.map { $0.isLetter || $0.isNumber || "_/".contains($0) ? $0 : "." }) + "\\("
  }

  /// The stream's name has its test's: `test_<function>_<unique>`.
  private var filterByStream: String? {
    let parts = stream.stream.split(separator: "_")
    return parts.count > 2 && parts[0] == "test" ? "/\(parts[1])\\(" : nil
  }
}
