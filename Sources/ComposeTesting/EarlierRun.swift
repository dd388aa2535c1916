import Foundation

/// How long the cases of an earlier run took, as its `report.json` says.
struct EarlierRun: Sendable {
  /// Seconds.
  var durations: [CaseName: Double] = [:]
  /// What the line about the shard says of it.
  var remark = "evenly"

  private struct Report: Decodable {
    struct Case: Decodable {
      var test: String
      var arguments: String?
      var durationS: Double?
    }
    var cases: [Case]?
  }

  /// The run that `E2E_SHARD_BY` names: a report, or its folder. A first run has none yet.
  ///
  /// - Throws: ``ShardError`` for what is there and is no report: runners that read different ones would lose cases.
  static func chosen(in environment: [String: String]) throws(ShardError) -> EarlierRun {
    guard let path = environment["E2E_SHARD_BY"], !path.isEmpty else { return EarlierRun() }
    var file = URL(filePath: path)
    if file.pathExtension != "json" { file.append(path: "report.json") }
    guard let data = FileManager.default.contents(atPath: file.path) else {
      return EarlierRun(remark: "evenly: there is no \(file.path)")
    }
    let report: Report
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { report = try decoder.decode(Report.self, from: data) } catch {
      throw ShardError(
        "E2E_SHARD_BY=\(path) is no report, or one that was cut off (\(data.count) bytes)",
        next: "give every shard the same whole report.json, or none")
    }
    var run = EarlierRun()
    for one in report.cases ?? [] {
      guard let seconds = one.durationS else { continue }
      run.durations[CaseName(test: one.test, arguments: one.arguments), default: 0] += seconds
    }
    run.remark = run.durations.isEmpty ? "evenly: \(file.path) has no durations" : "by the durations in \(file.path)"
    return run
  }
}
