import ComposeTesting

extension ConcurrencyLimit {
  /// Judged at once: each takes a core, and what is being dubbed meanwhile wants one too.
  static let verdicts = ConcurrencyLimit(limit: cores)

  /// As the settings say, or one more than twice as many as there are cores: most of the time they start, wait for their last
  /// fragment, or stop. At least two, since suites with one of their own are nested in a suite with another.
  static let environments = environments(cores: cores)

  /// Environments that are being started, each on two cores: side by side, the first would be ready as late as the last.
  static let starts = starts(cores: cores)

  static func environments(cores: Int) -> ConcurrencyLimit {
    ConcurrencyLimit(limit: max(2, DubbingSettings.current.maxEnvironments ?? 2 * cores + 1))
  }

  static func starts(cores: Int) -> ConcurrencyLimit { ConcurrencyLimit(limit: cores / 2) }
}
