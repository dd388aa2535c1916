import ComposeTesting
import Foundation

extension ConcurrencyLimit {
  private static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Published at once: `E2E_MAX_STREAMS`, or as many as there are cores. One that has been published makes room for the next while
  /// its rest is dubbed and judged: a run is then never without a publisher.
  static let streams = ConcurrencyLimit(limit: maxStreams)

  /// Announced, published, or being dubbed still: two and a half times as many, so that services which fall behind are not given ever
  /// more. The half is for those that are announced and send nothing yet.
  static let liveStreams = ConcurrencyLimit(limit: 2 * maxStreams + maxStreams / 2)

  private static var maxStreams: Int { max(1, setting("E2E_MAX_STREAMS") ?? cores) }

  /// Judged at once: each takes a core, and what is being dubbed meanwhile wants one too.
  static let verdicts = ConcurrencyLimit(limit: cores)

  /// `E2E_MAX_ENVIRONMENTS`, or one more than there are cores; at least two, since suites with one of their own are nested in
  /// a suite with another.
  static let environments = ConcurrencyLimit(limit: max(2, setting("E2E_MAX_ENVIRONMENTS") ?? cores + 1))

  /// Environments that are being started, each on two cores: side by side, the first would be ready as late as the last.
  static let starts = ConcurrencyLimit(limit: cores / 2)

  private static func setting(_ variable: String) -> Int? {
    ProcessInfo.processInfo.environment[variable].flatMap(Int.init)
  }
}
