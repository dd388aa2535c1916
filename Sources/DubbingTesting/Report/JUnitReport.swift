import Foundation

/// The cases of a merged report as JUnit XML, the form in which CI systems take them.
package struct JUnitReport: Sendable {
  package var report: RunReport

  package init(_ report: RunReport) { self.report = report }

  /// A `testsuite` for each suite, a `testcase` for each case; a case without a result, a shard that is missing and what failed outside
  /// of every case is an error.
  package var xml: String {
    let suites = Dictionary(grouping: report.cases ?? []) { $0.suiteAndFunction.suite }.sorted { $0.key < $1.key }
    let missing = (report.shards?.missing ?? []).map { shard in
      testCase("shards", "shard \(shard)", "<error message=\"its report is missing\"/>")
    }
    let lines = suites.map { suite, cases in
      element(
        suite, cases.map(element), failures: cases.count { $0.outcome == .failed },
        errors: cases.count { $0.outcome == .notRun }, skipped: cases.count { $0.outcome == .cancelled },
        seconds: cases.compactMap(\.durationS).reduce(0, +))
    }
    let elsewhere = (report.elsewhere ?? []).map { problem in
      testCase("run", "outside of every case", "<error message=\"\(problem.xmlText)\"/>")
    }
    let shards = missing.isEmpty ? "" : element("shards", missing, errors: missing.count)
    let rest = elsewhere.isEmpty ? "" : element("run", elsewhere, errors: elsewhere.count)
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="Dubbing E2E">
      \(lines.joined())\(shards)\(rest)</testsuites>

      """
  }

  private func element(
    _ suite: String, _ lines: [String], failures: Int = 0, errors: Int = 0, skipped: Int = 0, seconds: Double = 0
  ) -> String {
    let counts = "tests=\"\(lines.count)\" failures=\"\(failures)\" errors=\"\(errors)\" skipped=\"\(skipped)\""
    return """
      <testsuite name="\(suite.xmlText)" \(counts) time="\(String(format: "%.3f", seconds))">
      \(lines.joined(separator: "\n"))
      </testsuite>

      """
  }

  private func element(_ one: RunReport.Case) -> String {
    let (suite, function) = one.suiteAndFunction
    let issues = one.issues ?? []
    let content =
      switch one.outcome {
      case .passed: ""
      case .cancelled: "<skipped/>"
      case .notRun: "<error message=\"no result: shard \(one.shard ?? 0) is missing or was cut off\"/>"
      case .failed:
        "<failure message=\"\((issues.first ?? "").prefix(200).xmlText)\">\(issues.joined(separator: "\n").xmlText)</failure>"
      }
    let name = function + (one.arguments.map { ": \($0)" } ?? "")
    return testCase(suite, name, content, seconds: one.durationS)
  }

  private func testCase(_ suite: String, _ name: String, _ content: String, seconds: Double? = nil) -> String {
    let time = seconds.map { " time=\"\(String(format: "%.3f", $0))\"" } ?? ""
    let start = "<testcase classname=\"\(suite.xmlText)\" name=\"\(name.xmlText)\"\(time)"
    return content.isEmpty ? start + "/>" : start + ">\(content)</testcase>"
  }
}

extension RunReport.Case {
  /// `E2E.E2E/Pipeline/isDubbed(fixture:)` → `E2E.E2E/Pipeline` and `isDubbed(fixture:)`.
  fileprivate var suiteAndFunction: (suite: String, function: String) {
    guard let slash = test.lastIndex(of: "/") else { return ("", test) }
    return (String(test[..<slash]), String(test[test.index(after: slash)...]))
  }
}

extension StringProtocol {
  /// Safe in text and in quoted attributes; what XML 1.0 has no character for, such as the colours of a terminal, is left out.
  fileprivate var xmlText: String {
    var allowed = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      switch scalar.value {
      case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: allowed.append(scalar)
      default: break
      }
    }
    return String(allowed).escaped
  }
}
