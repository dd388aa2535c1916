import ComposeTesting

/// The reports of several shards as that of the one run that they are (pure).
package struct ShardMerge: Sendable {
  /// A report, and where it was read.
  package struct Part: Sendable {
    package var name: String
    package var report: RunReport
    /// Put before each path of the report.
    package var prefix: String

    package init(name: String, report: RunReport, prefix: String = "") {
      (self.name, self.report, self.prefix) = (name, report, prefix)
    }
  }

  /// What all parts say together; `shards.gaps` is what none says.
  package let report: RunReport

  /// - Parameters:
  ///   - parts: in any order; shards may be missing, and the report says so.
  ///   - mixingVersions: whether figures of different programs may stand beside each other.
  /// - Throws: ``ShardError`` for what is not parts of one run: several runs, a shard twice, a case twice.
  package init(_ parts: [Part], mixingVersions: Bool = false) throws(ShardError) {
    guard let first = parts.first, var report = parts.map(\.report).min(by: { $0.started < $1.started }) else {
      throw ShardError("there is no report to merge", next: "name the folders that the shards have left")
    }
    let owners = try Self.owners(of: parts)
    if !mixingVersions { try Self.checkVersions(of: parts) }
    let cases = try Self.cases(of: parts)
    // The run took as long as its longest part.
    let longest = parts.map(\.report).max { $0.totalS < $1.totalS } ?? first.report
    (report.totalS, report.publishingS) = (longest.totalS, longest.publishingS)
    report.envReadyS = parts.map(\.report.envReadyS).max() ?? 0
    report.streams = parts.flatMap { part in part.report.streams.map { $0.under(part.prefix) } }
    report.environments = parts.flatMap { part in part.report.environments.map { $0.under(part.prefix) } }
    report.faults = parts.flatMap(\.report.faults)
    let engines = parts.flatMap { $0.report.engines ?? [] }
    report.engines = engines.isEmpty ? nil : engines
    report.versions = parts.lazy.compactMap(\.report.versions).first
    report.measurements = [:]
    for part in parts {
      for (name, value) in part.report.measurements {
        report.measurements[report.measurements[name] == nil ? name : "\(name), \(part.name)"] = value
      }
    }
    report.cases = cases
    let elsewhere = parts.flatMap { part in (part.report.elsewhere ?? []).map { "\(part.name): \($0)" } }
    report.elsewhere = elsewhere.isEmpty ? nil : elsewhere
    var shards = RunReport.Shards(reported: owners.keys.sorted(), count: first.report.shards?.count ?? 1, gaps: [])
    shards.gaps = shards.gaps(among: cases)
    report.shards = shards
    self.report = report
  }

  /// Which part is of which shard.
  private static func owners(of parts: [Part]) throws(ShardError) -> [Int: String] {
    var owners: [Int: String] = [:]
    var count: (name: String, count: Int)?
    for part in parts {
      guard let shards = part.report.shards else {
        throw ShardError(
          "\(part.name) is the report of a whole run", next: "merge what runs with E2E_SHARD have left")
      }
      if let count, count.count != shards.count {
        throw ShardError(
          "\(count.name) is of \(count.count) shards, \(part.name) of \(shards.count)", next: "merge shards of one run")
      }
      count = (part.name, shards.count)
      for shard in shards.reported {
        guard shards.count >= 1, (1...shards.count).contains(shard) else {
          throw ShardError(
            "\(part.name) says that it is shard \(shard) of \(shards.count)", next: "run that shard again")
        }
        if let other = owners[shard] {
          throw ShardError(
            "\(other) and \(part.name) are both shard \(shard) of \(shards.count)",
            next: "leave out the one that does not count")
        }
        owners[shard] = part.name
      }
    }
    return owners
  }

  /// Engines, compose and the like; machines may differ.
  private static func checkVersions(of parts: [Part]) throws(ShardError) {
    var known: (name: String, versions: RunVersions)?
    for part in parts {
      guard let versions = part.report.versions else { continue }
      guard let (name, others) = known else {
        known = (part.name, versions)
        continue
      }
      let pairs = [
        (others.engine, versions.engine, "docker engine"), (others.compose, versions.compose, "compose"),
        (others.ffmpeg, versions.ffmpeg, "ffmpeg"), (others.swift, versions.swift, "Swift"),
      ]
      if let (one, other, program) = pairs.first(where: { $0.0 != $0.1 }) {
        throw ShardError(
          "\(name) ran with \(program) \(one), \(part.name) with \(other)",
          next: "run the shards on runners of one kind, or merge with --mixed-versions")
      }
    }
  }

  private static func cases(of parts: [Part]) throws(ShardError) -> [RunReport.Case] {
    var cases: [String: (entry: RunReport.Case, part: String)] = [:]
    for part in parts {
      for entry in part.report.cases ?? [] {
        guard let (other, name) = cases[entry.name] else {
          cases[entry.name] = (entry, part.name)
          continue
        }
        if entry.outcome != .notRun, other.outcome != .notRun {
          throw ShardError(
            "'\(entry.name)' was run in \(name) and in \(part.name)",
            next:
              "give all shards the same tests, selection and E2E_SHARD_BY, and arguments the same text in every process"
          )
        }
        if entry.shard != other.shard {
          throw ShardError(
            "'\(entry.name)' is left to shard \(other.shard ?? 0) by \(name) and to \(entry.shard ?? 0) by \(part.name)",
            next: "give all shards the same tests, selection and E2E_SHARD_BY")
        }
        if entry.outcome != .notRun { cases[entry.name] = (entry, part.name) }
      }
    }
    return cases.sorted { $0.key < $1.key }.map(\.value.entry)
  }
}

extension RunReport.Shards {
  /// What is not known of the cases: a sentence for each shard that is missing or was cut off.
  fileprivate func gaps(among cases: [RunReport.Case]) -> [String] {
    (1...max(1, count)).compactMap { shard in
      let lost = cases.filter { $0.shard == shard && $0.outcome == .notRun }
      guard !reported.contains(shard) || !lost.isEmpty else { return nil }
      let what = reported.contains(shard) ? "was cut off" : "is missing"
      guard !lost.isEmpty else { return "shard \(shard) of \(count) \(what); as far as the others know it had no case" }
      let names = lost.prefix(5).map(\.name).joined(separator: "; ") + (lost.count > 5 ? "; …" : "")
      return "shard \(shard) of \(count) \(what): no result of \(lost.count) cases: \(names)"
    }
  }
}

extension RunReport.Stream {
  fileprivate func under(_ prefix: String) -> Self {
    var stream = self
    (stream.recording, stream.events) = (recording.map { prefix + $0 }, events.map { prefix + $0 })
    return stream
  }
}

extension RunReport.Environment {
  fileprivate func under(_ prefix: String) -> Self {
    var environment = self
    environment.logs = logs.map { prefix + $0 }
    return environment
  }
}
