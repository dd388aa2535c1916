/// The shipped checks that a stack file switches on, under its key `checks`; `docs/checks.md` lists the keys.
package struct ChecksFile: Decodable {
  package struct LogErrors: Decodable {
    var isOn = true
    var pattern: String?
    var except: String?

    package enum CodingKeys: String, CodingKey, CaseIterable { case pattern, except }

    package init(from decoder: any Decoder) throws {
      if let isOn = try? decoder.singleValueContainer().decode(Bool.self) {
        self.isOn = isOn
        return
      }
      let container = try decoder.container(keyedBy: CodingKeys.self)
      pattern = try container.decodeIfPresent(String.self, forKey: .pattern)
      except = try container.decodeIfPresent(String.self, forKey: .except)
    }
  }

  /// The bound alone, or with what else there is to say.
  package struct Metric: Decodable {
    var bound: String
    var value: MetricBound.Value?
    var port: String?
    var path: String?

    package enum CodingKeys: String, CodingKey, CaseIterable { case bound, value, port, path }

    package init(from decoder: any Decoder) throws {
      if let bound = try? decoder.singleValueContainer().decode(String.self) {
        self.bound = bound
        return
      }
      let container = try decoder.container(keyedBy: CodingKeys.self)
      bound = try container.decode(String.self, forKey: .bound)
      value = try container.decodeIfPresent(MetricBound.Value.self, forKey: .value)
      port = try container.decodeIfPresent(String.self, forKey: .port)
      path = try container.decodeIfPresent(String.self, forKey: .path)
    }
  }

  var logErrors: LogErrors?
  var metrics: [Metric]?
  var maxInflight: Bool?
  var firstOutput: Double?
  var workerConnects: Double?
  var inSyncShare: Double?

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case metrics
    case logErrors = "log_errors"
    case maxInflight = "max_inflight"
    case firstOutput = "first_output_s"
    case workerConnects = "worker_connects_s"
    case inSyncShare = "in_sync_share"
  }

  /// The keys that an object at some place below `checks` may have; nil where any key may stand.
  static func keys(at path: [String]) -> [String]? {
    switch path {
    case []: CodingKeys.allCases.map(\.rawValue)
    case ["log_errors"]: LogErrors.CodingKeys.allCases.map(\.rawValue)
    case ["metrics"]: Metric.CodingKeys.allCases.map(\.rawValue)
    default: nil
    }
  }

  /// What is wrong, for the error of the stack file.
  struct Mistake: Error {
    var problem: String
    var next: String
  }

  /// - Parameter roles: those whose ports are described.
  func checks(at roles: some Collection<DualStack.Role>) throws(Mistake) -> [StreamCheck] {
    var checks: [StreamCheck] = []
    if let logErrors, logErrors.isOn {
      do {
        checks.append(
          try .logErrors(pattern: logErrors.pattern, except: logErrors.except))
      } catch {
        throw Mistake(problem: "checks.log_errors: \(error)", next: "pattern and except are regular expressions")
      }
    }
    for metric in metrics ?? [] {
      let name = metric.port ?? DualStack.Role.worker.name
      guard let role = roles.first(where: { $0.name == name }) else {
        throw Mistake(problem: "checks.metrics: there is no port \(name)", next: "describe it under ports")
      }
      let bound = MetricBound(metric.bound, value: metric.value ?? .delta, at: role, path: metric.path ?? "/metrics")
      guard let bound else {
        throw Mistake(
          problem: "checks.metrics: \"\(metric.bound)\" is no bound",
          next: #"write it as segments_total{status="bypassed"} == 0"#)
      }
      checks.append(.metric(bound))
    }
    if maxInflight == true { checks.append(.maxInflight) }
    if let firstOutput { checks.append(.firstOutput(within: .seconds(firstOutput))) }
    if let workerConnects { checks.append(.workerConnects(within: .seconds(workerConnects))) }
    if let inSyncShare {
      guard 0...1 ~= inSyncShare else {
        throw Mistake(problem: "checks.in_sync_share is \(inSyncShare)", next: "give a share, 0 to 1")
      }
      checks.append(.inSync(share: inSyncShare))
    }
    return checks
  }
}
