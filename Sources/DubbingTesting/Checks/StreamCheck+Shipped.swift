import ComposeKit
import Foundation

// The checks that are there to be switched on.

extension StreamCheck {
  /// No line of either project's services is at error level, or matches a pattern, while the stream runs.
  ///
  /// At error level is what says so in capitals (`ERROR`, `ERR`, `CRITICAL`, `FATAL`, `PANIC`), or as the value of `level` in JSON or
  /// logfmt, before it names another level; and a `Traceback`, a `panic` and `Killed`, which come without one.
  /// A line that names another stream of the same run is that stream's; one that names none may be due to any that run at the same time.
  /// - Parameters:
  ///   - pattern: a regular expression for lines that must not come; nil: those at error level must not.
  ///   - except: another one for lines that are known and harmless.
  /// - Throws: for what is no regular expression.
  public static func logErrors(pattern: String? = nil, except: String? = nil) throws -> StreamCheck {
    let lines = try LogLines(pattern: pattern, except: except)
    return StreamCheck("log errors") { findings in
      var found: [String] = []
      for stack in [findings.environment.media, findings.environment.sts] {
        found += lines.found(in: try await stack.logs(since: findings.began), of: findings.stream)
      }
      return lines.answer(found)
    }
  }

  /// A metric keeps to its bound.
  public static func metric(_ bound: MetricBound) -> StreamCheck {
    StreamCheck(.init(rawValue: "metric \(bound.description)")) { environment in
      let before = try await environment.metrics(of: bound)
      return { findings in bound.answer(before: before, after: try await findings.environment.metrics(of: bound)) }
    }
  }

  /// Never more fragments sent and not yet answered than were agreed on when the stream was opened.
  public static let maxInflight = StreamCheck("max inflight") { Inflight($0.events, stream: $0.stream).answer }

  /// The output is there so soon after the publisher's start.
  public static func firstOutput(within bound: Duration) -> StreamCheck {
    StreamCheck("first output") { Answer(firstOutput: $0.firstOutputAfter, within: bound) }
  }

  /// The worker connects so soon after it was there; a worker that connects for each stream, after the stream was.
  public static func workerConnects(within bound: Duration) -> StreamCheck {
    StreamCheck("worker connects") {
      Answer(connectedAt: $0.connectedAt, began: $0.began, startedAt: $0.environment.startedAt, within: bound)
    }
  }

  /// So many of the fragments that could be placed are in sync with the picture; for pipelines that need not be perfect.
  ///
  /// - Parameter share: 0…1.
  public static func inSync(share: Double) -> StreamCheck {
    StreamCheck("share in sync") { Answer(inSync: $0.verdict, share: share) }
  }
}

// What the answers are drawn from, without an environment (pure).
extension StreamCheck.Answer {
  package init(firstOutput: Duration?, within bound: Duration) {
    guard let time = firstOutput else {
      self = .notAsked("there was no output")
      return
    }
    self =
      time <= bound ? .passed("after \(time.text)") : .failed("there after \(time.text), the bound is \(bound.text)")
  }

  package init(connectedAt: Date?, began: Date, startedAt: Date, within bound: Duration) {
    guard let first = connectedAt else {
      self = .notAsked("the worker never connected")
      return
    }
    // A connection from before the stream is as old as the environment.
    let time = Duration.seconds(max(0, first.timeIntervalSince(first < began ? startedAt : began)))
    self =
      time <= bound
      ? .passed("after \(time.text)") : .failed("connected after \(time.text), the bound is \(bound.text)")
  }

  package init(inSync verdict: DubbingVerdict, share: Double) {
    let bound = verdict.tolerances.avDelta
    let deltas = verdict.fragments.compactMap(\.avDelta)
    guard !deltas.isEmpty else {
      self = .notAsked("nothing could be placed")
      return
    }
    let count = deltas.count { $0.magnitude < bound }
    let said = "\(count) of \(deltas.count) within ±\(bound.milliseconds.short) ms"
    self =
      Double(count) / Double(deltas.count) >= share
      ? .passed(said) : .failed("\(said), at least \((share * 100).short) % are wanted")
  }
}

/// Lines of a log that say an error (pure).
package struct LogLines: Sendable {
  // `Regex` is not Sendable, so it is made anew where it is used.
  let pattern: String?
  let except: String?

  package init(pattern: String? = nil, except: String? = nil) throws {
    _ = try pattern.map { try Regex($0) }
    _ = try except.map { try Regex($0) }
    self.pattern = pattern
    self.except = except
  }

  /// How ``LiveStream`` names streams.
  private static let streamName = #"test_[A-Za-z0-9]+_[0-9a-f]{8}"#

  /// - Parameter stream: lines that name other streams only are passed over.
  package func found(in text: String, of stream: String = "") -> [String] {
    let named = try? Regex(Self.streamName)
    let wanted = pattern.flatMap { try? Regex($0) }
    let known = except.flatMap { try? Regex($0) }
    return text.split(whereSeparator: \.isNewline).map(String.init).filter { line in
      guard wanted.map({ line.contains($0) }) ?? (LogLevel(of: line) == .error),
        !(known.map { line.contains($0) } ?? false)
      else { return false }
      return stream.isEmpty || line.contains(stream) || !(named.map { line.contains($0) } ?? false)
    }
  }

  package func answer(_ found: [String]) -> StreamCheck.Answer {
    guard !found.isEmpty else { return .passed("no line at error level") }
    let more = found.count > 5 ? ["… and \(found.count - 5) more"] : []
    return .failed(
      ([found.count == 1 ? "a line:" : "\(found.count) lines:"] + found.prefix(5) + more).joined(separator: "\n"))
  }
}

/// How many fragments were under way at once (pure).
package struct Inflight: Sendable {
  var most = 0
  /// What was agreed on; nil where neither side said so.
  package var bound: Int?

  package init(_ events: [ObservedEvent], stream: String) {
    var open: Set<String> = []
    for event in events where event.streamID == stream {
      switch event.content {
      case .streamInit(let opening): bound = [bound, opening.maxInflight].compactMap { $0 }.min()
      case .streamReady(let ready) where ready.maxInflight > 0: bound = min(bound ?? .max, ready.maxInflight)
      case .fragmentData(let fragment):
        open.insert(fragment.fragmentID)
        most = max(most, open.count)
      case .fragmentProcessed(let answer): open.remove(answer.fragmentID)
      default: break
      }
    }
  }

  package var answer: StreamCheck.Answer {
    guard let bound else { return .notAsked("neither side said how many") }
    return most <= bound
      ? .passed("\(most) of \(bound)") : .failed("\(most) were under way at once, \(bound) were agreed on")
  }
}

extension DualStackEnvironment {
  /// What a port's metrics are now.
  func metrics(of bound: MetricBound) async throws -> Metrics {
    let url = "http://\(self[bound.role])\(bound.path)"
    let (status, body) = try await HTTP.get(url, timeout: .seconds(10))
    guard status == 200 else { throw DubbingError(get: url, reason: "status \(status)") }
    return Metrics(String(decoding: body, as: UTF8.self))
  }
}
