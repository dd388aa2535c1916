import Foundation

/// What a service's `/metrics` says, in Prometheus' text form (version 0.0.4; OpenMetrics' is read alike).
package struct Metrics: Sendable, Hashable {
  package struct Sample: Sendable, Hashable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  package var samples: [Sample] = []

  /// Lines that are none are passed over: a figure is looked for, the page is not checked.
  package init(_ text: String) {
    samples = text.split(whereSeparator: \.isNewline).compactMap { line in
      guard !line.hasPrefix("#") else { return nil }
      var scanner = SeriesScanner(line)
      guard let series = scanner.series() else { return nil }
      // The value, and perhaps a time.
      guard let value = scanner.rest.split(separator: " ").first.flatMap({ Self.number($0) }) else { return nil }
      return Sample(name: series.name, labels: series.labels, value: value)
    }
  }

  /// The sum of all series of a name that have at least these labels; nil when there is none.
  package func value(of name: String, _ labels: [String: String]) -> Double? {
    let found = samples.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    return found.isEmpty ? nil : found.map(\.value).reduce(0, +)
  }

  private static func number(_ text: Substring) -> Double? {
    switch text {
    case "+Inf": .infinity
    case "-Inf": -.infinity
    default: Double(text)
    }
  }
}

/// A bound on a metric, such as `worker_audio_fragments_total{status="fallback"} == 0`.
public struct MetricBound: Sendable, Hashable, CustomStringConvertible {
  /// Which value is held against the bound.
  public enum Value: String, Sendable, Hashable, Codable {
    /// By how much it grew while the stream ran: for counters.
    case delta
    /// What it was at the end: for gauges.
    case end
  }

  /// As it was written.
  public let description: String
  let name: String
  let labels: [String: String]
  let relation: String
  let bound: Double
  /// Which value is meant.
  package let value: Value
  /// The role of the port that has the metrics.
  package let role: DualStack.Role
  /// Where it has them.
  package let path: String

  static let relations = ["==", "!=", "<=", ">=", "<", ">"]

  /// Reads a bound: a metric with or without labels, one of `== != <= >= < >`, a number.
  ///
  /// A metric that has more labels than are given is summed over them.
  /// - Parameters:
  ///   - text: such as `worker_streams_active <= 3`.
  ///   - value: which value is meant.
  ///   - role: the role of the port that has the metrics.
  ///   - path: where it has them.
  /// - Returns: nil when the text is no bound.
  public init?(_ text: String, value: Value = .delta, at role: DualStack.Role = .worker, path: String = "/metrics") {
    var scanner = SeriesScanner(text[...])
    guard let series = scanner.series() else { return nil }
    let rest = scanner.rest.drop { $0 == " " }
    guard let relation = Self.relations.first(where: rest.hasPrefix),
      let bound = Double(rest.dropFirst(relation.count).trimmingCharacters(in: .whitespaces))
    else { return nil }
    description = text
    (name, labels) = (series.name, series.labels)
    (self.relation, self.bound) = (relation, bound)
    (self.value, self.role, self.path) = (value, role, path)
  }

  /// Holds what was before and after against the bound (pure).
  package func answer(before: Metrics, after: Metrics) -> StreamCheck.Answer {
    guard let end = after.value(of: name, labels) else {
      // A counter with labels may not be there before it has counted; a name that nobody knows is a misspelt one.
      guard !labels.isEmpty, after.samples.contains(where: { $0.name == name }) else {
        let known = Set(after.samples.map(\.name)).sorted().prefix(12).joined(separator: ", ")
        return .failed("there is no metric \(name) at \(role) \(path); there are \(known.isEmpty ? "none" : known)")
      }
      return answer(0)
    }
    return answer(value == .end ? end : end - (before.value(of: name, labels) ?? 0))
  }

  private func answer(_ found: Double) -> StreamCheck.Answer {
    let holds =
      switch relation {
      case "==": found == bound
      case "!=": found != bound
      case "<=": found <= bound
      case ">=": found >= bound
      case "<": found < bound
      default: found > bound
      }
    let said = value == .delta ? "it grew by \(found.short)" : "it is \(found.short)"
    return holds ? .passed(said) : .failed("\(said), the bound is \(relation) \(bound.short)")
  }
}

/// Reads `name{label="value",…}`.
private struct SeriesScanner {
  var rest: Substring

  init(_ text: Substring) { rest = text }

  mutating func series() -> (name: String, labels: [String: String])? {
    let name = take { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
    guard !name.isEmpty else { return nil }
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest.removeFirst()
      while rest.first != "}" {
        let key = take { $0 != "=" && $0 != "}" }.trimmingCharacters(in: [" ", ","])
        guard rest.hasPrefix("=\"") else { return nil }
        rest.removeFirst(2)
        guard let value = quoted() else { return nil }
        labels[key] = value
        _ = take { $0 == "," || $0 == " " }
        if rest.isEmpty { return nil }
      }
      rest.removeFirst()
    }
    return (name, labels)
  }

  /// Up to the closing quote, with `\"`, `\\` and `\n` as what they stand for.
  private mutating func quoted() -> String? {
    var value = ""
    while let character = rest.popFirst() {
      if character == "\"" { return value }
      guard character == "\\" else {
        value.append(character)
        continue
      }
      guard let escaped = rest.popFirst() else { return nil }
      value.append(escaped == "n" ? "\n" : escaped)
    }
    return nil
  }

  private mutating func take(while isWanted: (Character) -> Bool) -> String {
    let taken = rest.prefix(while: isWanted)
    rest = rest.dropFirst(taken.count)
    return String(taken)
  }
}
