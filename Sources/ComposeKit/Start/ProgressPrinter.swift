import Foundation
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Shows the progress of starting projects: a line a service that is rewritten on a terminal, plain lines elsewhere.
///
/// ```swift
/// let printer = ProgressPrinter()
/// try await withComposeStacks([media, sts], progress: printer.callAsFunction) { … }
/// ```
public final class ProgressPrinter: Sendable {
  private let table: Mutex<ProgressTable>
  private let isTerminal: Bool
  private let write: @Sendable (String) -> Void

  /// Prints to standard error.
  public convenience init() {
    self.init(isTerminal: isatty(STDERR_FILENO) == 1) { StandardError.write($0) }
  }

  /// Prints with a function of your own.
  public init(isTerminal: Bool, write: @escaping @Sendable (String) -> Void) {
    table = Mutex(ProgressTable())
    self.isTerminal = isTerminal
    self.write = write
  }

  /// Shows one step.
  public func callAsFunction(_ progress: ServiceProgress) {
    // Written under the lock, so that lines of two projects do not mix.
    table.withLock { table in
      let text = isTerminal ? table.redrawn(with: progress) : table.line(for: progress)
      if !text.isEmpty { write(text) }
    }
  }
}

/// The lines of a progress display (pure).
struct ProgressTable: Sendable {
  private var rows: [(key: String, progress: ServiceProgress)] = []
  private var projectWidth = 6
  private var serviceWidth = 9

  /// "media  worker    healthy   2.1 s"
  mutating func text(_ progress: ServiceProgress) -> String {
    projectWidth = max(projectWidth, progress.project.count)
    serviceWidth = max(serviceWidth, progress.service.count)
    return progress.project.padded(to: projectWidth) + " " + progress.service.padded(to: serviceWidth) + " "
      + progress.phase.rawValue.padded(to: 10) + progress.elapsed.text
      + (progress.reason.map { "  " + $0 } ?? "")
  }

  /// What is printed where a line stays as it is: the steps that tell something.
  mutating func line(for progress: ServiceProgress) -> String {
    progress.phase == .created ? "" : text(progress) + "\n"
  }

  /// What rewrites the table on a terminal: cursor up over the old rows, then each row with the rest of its line erased.
  mutating func redrawn(with progress: ServiceProgress) -> String {
    let old = rows.count
    let key = progress.projectName + "\u{0}" + progress.service
    if let index = rows.firstIndex(where: { $0.key == key }) {
      rows[index].progress = progress
    } else {
      rows.append((key, progress))
    }
    // Twice, so that a long name that came late widens the rows before it.
    _ = rows.map { text($0.progress) }
    let lines = rows.map { "\u{1B}[2K" + text($0.progress) + "\n" }
    return (old > 0 ? "\u{1B}[\(old)A" : "") + lines.joined()
  }
}

/// Messages for the person at the terminal.
enum StandardError {
  /// Writes as much as can be written: a closed terminal must not stop a clean-up.
  static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
