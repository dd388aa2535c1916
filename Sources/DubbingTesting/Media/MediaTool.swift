import ComposeKit
import Foundation
import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// How a media program ended and what it said.
package struct CommandResult: Sendable {
  var status: TerminationStatus
  var standardOutput: String
  package var standardError: String

  package var succeeded: Bool { status.isSuccess }

  /// The end of what it wrote to standard error, or its exit status where it wrote nothing.
  package var lastWords: String {
    let lines = standardError.split(whereSeparator: \.isNewline).suffix(4).joined(separator: " | ")
    return lines.isEmpty ? "no message; it ended with \(status)" : lines
  }
}

/// Runs ffmpeg and ffprobe: always with a deadline, never outliving this process.
package enum MediaTool {
  /// Runs a program to its end.
  ///
  /// A non-zero exit is a result; a program that is missing, or does not end in time, is an error.
  package static func run(
    _ program: String, _ arguments: [String], timeout: Duration, ending: Ending = .gentle
  ) async throws -> CommandResult {
    let command = ([program] + arguments).joined(separator: " ")
    return try await withDeadline(
      timeout,
      orThrow: DubbingError(
        .programTimedOut, command: command, reason: "\(program) did not end within \(timeout)",
        next: "run it by hand to see where it hangs")
    ) {
      do {
        let result = try await Subprocess.run(
          .name(program), arguments: Arguments(arguments), platformOptions: ending.options, input: .none,
          output: .sequence, error: .sequence
        ) { execution in
          // Registered, so that it ends with this process even on kill -9.
          try await ProcessGuard.withOwned(execution.processIdentifier.value) {
            async let standardError = execution.standardError.tail(limit: 64 << 10)
            return (try await execution.standardOutput.tail(limit: 64 << 20), try await standardError)
          }
        }
        return CommandResult(
          status: result.terminationStatus, standardOutput: result.closureResult.0,
          standardError: result.closureResult.1)
      } catch let error as SubprocessError where error.code == .executableNotFound {
        throw DubbingError(
          .programFailed, command: command, reason: "\(program) is not installed",
          next: "install it; in a checkout of this package, `make setup` does")
      }
    }
  }

  /// Runs a program that reads a media file.
  ///
  /// - Throws: ``DubbingError`` that names the file, with the program's own words, when it fails, is missing or does not end in time.
  static func read(
    _ path: String, with program: String, _ arguments: [String], timeout: Duration = .seconds(60)
  ) async throws -> CommandResult {
    let result: CommandResult
    do {
      result = try await run(program, arguments, timeout: timeout)
    } catch let error as DubbingError {
      throw DubbingError(unreadable: path, program: program, reason: error.description, underlying: error)
    }
    guard result.succeeded else { throw DubbingError(unreadable: path, program: program, reason: result.lastWords) }
    return result
  }

  /// How a program is ended that is cancelled or takes too long.
  package enum Ending: Sendable {
    /// SIGINT first: ffmpeg then finishes its file and takes leave of its server.
    case gentle
    /// SIGKILL, as a crash would.
    case killed

    fileprivate var options: PlatformOptions {
      var options = PlatformOptions()
      options.teardownSequence =
        switch self {
        case .gentle:
          [
            .send(signal: .interrupt, allowedDurationToNextStep: .seconds(2)),
            .gracefulShutDown(allowedDurationToNextStep: .seconds(1)),
          ]
        case .killed: [.send(signal: .kill, allowedDurationToNextStep: .seconds(1))]
        }
      return options
    }
  }
}

extension SubprocessOutputSequence {
  /// Reads everything and keeps the last `limit` bytes, so that a program that talks a lot neither blocks nor fills memory.
  fileprivate func tail(limit: Int) async throws -> String {
    var bytes: [UInt8] = []
    for try await buffer in self {
      buffer.withUnsafeBytes { bytes.append(contentsOf: $0) }
      if bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
    }
    return String(decoding: bytes.suffix(limit), as: UTF8.self)
  }
}

/// Runs `body`, cancels it at the deadline and then throws `error`.
package func withDeadline<R: Sendable>(
  _ timeout: Duration, orThrow error: @autoclosure @escaping @Sendable () -> any Error,
  _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
  try await withThrowingTaskGroup(of: R?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: timeout)
      return nil
    }
    defer { group.cancelAll() }
    guard let result = try await group.next() ?? nil else { throw error() }
    return result
  }
}
