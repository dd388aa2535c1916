import Foundation

/// Lines for the person who watches a run; written at once, where `print` would hold them back in a pipe.
enum Console {
  static func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Columns of the terminal that a person looks at; nil: nobody does, or nobody knows, and lines are as long as they are.
  ///
  /// `scripts/e2e.sh` says it in `E2E_COLUMNS`, for its pipe hides the terminal.
  static let width = width(in: ProcessInfo.processInfo.environment)

  static func width(in environment: [String: String]) -> Int? {
    guard environment["CI"]?.isEmpty ?? true else { return nil }
    return environment["E2E_COLUMNS"].flatMap(Int.init).flatMap { $0 >= 20 ? $0 : nil }
  }
}
