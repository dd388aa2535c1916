import Foundation

/// The figures of the table from all measurements: thresholds from the even sources, everything else from the odd ones.
struct Report {
  var clips: [ClipMeasurement]
  var edges: [Double]
  var speeds: [Evaluation.SpeedResult]
  var rightOfHundred: Double

  private var tuning: [ClipMeasurement] { clips.filter { $0.source.isMultiple(of: 2) } }
  private var reported: [ClipMeasurement] { clips.filter { !$0.source.isMultiple(of: 2) } }
  private static let underNames = [Replacement.under12.rawValue, Replacement.under18.rawValue]
  private func counted(_ clips: [ClipMeasurement]) -> [ClipMeasurement] {
    clips.filter { !Self.underNames.contains($0.kind) }
  }

  /// Chromaprint's threshold for whole clips; a clip without a fingerprint agrees with nothing.
  private var chromaprintThreshold: Double {
    let clips = counted(tuning)
    return Statistics.threshold(
      positive: clips.filter(\.isOriginal).map { $0.clipAgreement ?? 0.5 },
      negative: clips.filter { !$0.isOriginal }.map { $0.clipAgreement ?? 0.5 })
  }

  func rows() -> [Row] { clipRows() + windowRows() + otherRows() }

  private func clipRows() -> [Row] {
    let threshold = chromaprintThreshold
    let original = reported.filter(\.isOriginal)
    let replaced = counted(reported).filter { !$0.isOriginal }
    func row(_ name: String, _ wrong: [ClipMeasurement], _ seed: Int, _ chromaprint: Int, _ ours: Int) -> Row {
      Row(
        name: "30 s clips, false \"\(name)\" of \(wrong.count)", unit: "clips", lowerIsBetter: true, ours: Double(ours),
        peers: ["seed": Double(seed), "chromaprint": Double(chromaprint)], wanted: 0, runs: wrong.count)
    }
    return [
      row(
        "dubbed", original, original.count { !$0.seedSaysSame },
        original.count { ($0.clipAgreement ?? 0.5) < threshold }, original.count { !$0.saysOriginal }),
      row(
        "passthrough", replaced, replaced.count(where: \.seedSaysSame),
        replaced.count { ($0.clipAgreement ?? 0.5) >= threshold }, replaced.count(where: \.saysOriginal)),
    ]
  }

  private func scores(_ clips: [ClipMeasurement], _ length: Int, original: Bool) -> [WindowScore] {
    clips.filter { $0.isOriginal == original }.flatMap { $0.windows[length] ?? [] }
  }

  private func windowRows() -> [Row] {
    ClipJudge.lengths.reversed().flatMap { length -> [Row] in
      let (p, n) = (scores(reported, length, original: true), scores(reported, length, original: false))
      let (positive, negative) = (p.map(\.score), n.map(\.score))
      var (errors, rates, areas): ([String: Double], [String: Double], [String: Double]) = ([:], [:], [:])
      if length == 6 {
        func agreements(_ clips: [ClipMeasurement], _ original: Bool) -> [Double] {
          clips.filter { $0.isOriginal == original }.flatMap(\.chromaprintWindows)
        }
        let (cp, cn) = (agreements(reported, true), agreements(reported, false))
        let threshold = Statistics.threshold(positive: agreements(tuning, true), negative: agreements(tuning, false))
        errors["chromaprint"] = Double(cp.count { $0 < threshold } + cn.count { $0 >= threshold })
        rates["chromaprint"] = 100 * Statistics.equalErrorRate(positive: cp, negative: cn)
        areas["chromaprint"] = Statistics.areaUnderCurve(positive: cp, negative: cn)
      }
      let count = p.count + n.count
      let wantedRate: [Int: Double] = [1: 0.5, 2: 0.1]
      return [
        Row(
          name: "\(length) s windows, wrong verdicts of \(count)", unit: "windows", lowerIsBetter: true,
          ours: Double((p + n).count(where: \.isWrong)), peers: errors, wanted: length == 6 ? 0 : nil, runs: count),
        Row(
          name: "\(length) s windows, EER", unit: "%", lowerIsBetter: true,
          ours: 100 * Statistics.equalErrorRate(positive: positive, negative: negative), peers: rates,
          wanted: wantedRate[length], runs: count),
        Row(
          name: "\(length) s windows, AUC", unit: "", lowerIsBetter: false,
          ours: Statistics.areaUnderCurve(positive: positive, negative: negative), peers: areas, wanted: nil,
          runs: count),
      ]
    }
  }

  private func otherRows() -> [Row] {
    var rows = [
      Row(
        name: "edges without schedule, median", unit: "ms", lowerIsBetter: true,
        ours: 1000 * Statistics.quantile(edges, 0.5), peers: [:], wanted: 50, runs: edges.count),
      Row(
        name: "edges without schedule, p95", unit: "ms", lowerIsBetter: true,
        ours: 1000 * Statistics.quantile(edges, 0.95), peers: [:], wanted: 150, runs: edges.count),
    ]
    let untouched = reported.filter(\.isOriginal)
    for (kind, decibels, wanted) in [(Replacement.under12, 12, 0.995), (.under18, 18, 0.97)] {
      let voiced = reported.filter { $0.kind == kind.rawValue }
      rows.append(
        Row(
          name: "voice \(decibels) dB under the original, AUC at 6 s", unit: "", lowerIsBetter: false,
          ours: Statistics.areaUnderCurve(
            positive: voiced.flatMap(\.secondCoherence), negative: untouched.flatMap(\.secondCoherence)),
          peers: [
            "chromaprint": Statistics.areaUnderCurve(
              positive: voiced.map { 1 - ($0.clipAgreement ?? 0.5) },
              negative: untouched.map { 1 - ($0.clipAgreement ?? 0.5) })
          ], wanted: wanted, runs: voiced.count))
    }
    let threshold = chromaprintThreshold
    for (percent, ratios) in [(1, [0.99, 1.01]), (3, [0.97, 1.03])] {
      let tried = speeds.filter { ratios.contains($0.ratio) }
      func share(_ count: Int) -> Double { 100 * Double(count) / Double(max(1, tried.count)) }
      rows.append(
        Row(
          name: "speed ±\(percent) % recognised", unit: "%", lowerIsBetter: false,
          ours: share(tried.count(where: \.found)),
          peers: ["chromaprint": share(tried.count { ($0.chromaprint ?? 0.5) >= threshold })], wanted: 100,
          runs: tried.count))
    }
    rows.append(
      Row(
        name: "right fragment of 100, 6 s windows", unit: "%", lowerIsBetter: false, ours: 100 * rightOfHundred,
        peers: [:],
        wanted: 100, runs: 100))
    return rows
  }

  /// Which sources and kinds the wrong verdicts belong to, both halves.
  func details() -> [String] {
    var lines: [String] = []
    for length in ClipJudge.lengths.reversed() {
      let groups = Dictionary(grouping: clips) { "\(MaterialFactory.kinds[$0.source].name) / \($0.kind)" }
      let wrong = groups.mapValues { clips in clips.flatMap { $0.windows[length] ?? [] }.count(where: \.isWrong) }
      let named = wrong.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      guard !named.isEmpty else { continue }
      lines.append(
        "\(length) s, wrong (all sources): " + named.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    }
    let clips = counted(self.clips).filter { $0.isOriginal != $0.saysOriginal }
    if !clips.isEmpty {
      let names = clips.map { "\(MaterialFactory.kinds[$0.source].name) / \($0.kind)" }
      lines.append("30 s, wrong (all sources): " + names.joined(separator: ", "))
    }
    return lines
  }
}

/// One line of the table, in the form of a result file.
struct Row: Encodable {
  var name: String
  var unit: String
  var lowerIsBetter: Bool
  var ours: Double
  var peers: [String: Double]
  var wanted: Double?
  var runs: Int

  enum CodingKeys: String, CodingKey {
    case group, unit, ours, peers, wanted, runs
    case name = "case"
    case lowerIsBetter = "lower_is_better"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("audioprint", forKey: .group)
    try container.encode(name, forKey: .name)
    try container.encode(unit, forKey: .unit)
    try container.encode(lowerIsBetter, forKey: .lowerIsBetter)
    try container.encode(ours, forKey: .ours)
    try container.encode(peers, forKey: .peers)
    try container.encode(wanted, forKey: .wanted)
    try container.encode(runs, forKey: .runs)
  }

  var isMet: Bool? { wanted.map { lowerIsBetter ? ours <= $0 : ours >= $0 } }
}

/// The table for people, and for scripts.
enum Table {
  static func text(_ rows: [Row], title: String) -> String {
    let width = (rows.map(\.name.count).max() ?? 0) + 2
    func number(_ value: Double?, _ unit: String) -> String {
      guard let value, value.isFinite else { return "–" }
      let digits =
        value == value.rounded() && unit != "" ? "\(Int(value))" : String(format: unit == "" ? "%.4f" : "%.2f", value)
      return unit == "%" || unit == "ms" ? "\(digits) \(unit)" : digits
    }
    func pad(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(1, width - text.count))
    }
    var lines = [
      title,
      pad("measure (held-out half)", width) + pad("seed", 10) + pad("Chromaprint", 13) + pad("AudioPrint", 12)
        + "wanted",
    ]
    for row in rows {
      lines.append(
        pad(row.name, width) + pad(number(row.peers["seed"], row.unit), 10)
          + pad(number(row.peers["chromaprint"], row.unit), 13) + pad(number(row.ours, row.unit), 12)
          + number(row.wanted, row.unit) + (row.isMet == false ? "  missed" : ""))
    }
    return lines.joined(separator: "\n")
  }

  static func write(_ rows: [Row], to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(rows).write(to: URL(fileURLWithPath: path))
  }
}
