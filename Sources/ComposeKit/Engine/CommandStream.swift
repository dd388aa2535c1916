import Foundation
import Subprocess

extension Command {
  /// How a command whose output was read line by line has ended.
  struct StreamEnd: Sendable {
    var status: TerminationStatus
    /// What it printed after its last line feed; nil if that is nothing.
    var unfinished: [UInt8]?
  }

  /// Runs the command and hands over its output line by line, until it ends or the task is cancelled.
  ///
  /// - Parameters:
  ///   - deadline: how long it may run; nil for as long as it likes.
  ///   - handle: gets each line that a line feed ends, as it is.
  /// - Throws: what `handle` throws; ``ComposeError`` as for ``run()``.
  func stream(
    deadline: Duration? = nil, _ handle: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws -> StreamEnd {
    try await within(deadline) { try await streamed(handle) }
  }

  private func streamed(_ handle: @Sendable ([UInt8]) async throws -> Void) async throws -> StreamEnd {
    try requireNoNUL()
    Self.logger.debug("\(line)")
    @Sendable func pass(_ output: SubprocessOutputSequence) async throws -> [UInt8]? {
      var splitter = LineSplitter()
      for try await buffer in output {
        for line in buffer.withUnsafeBytes({ splitter.add($0) }) { try await handle(line) }
        guard splitter.pendingBytes <= Self.outputLimit else {
          throw ComposeError(
            .commandFailed, "\(program) printed a line of more than \(Self.outputLimit) bytes", command: line)
        }
      }
      return splitter.unfinished
    }
    do {
      return try await RunningCommands.shared.owning(isTeardown: isTeardown) { started in
        if mergesError {
          let result = try await Subprocess.run(
            configuration, input: .none, output: .sequence, error: .combinedWithOutput
          ) {
            try await started($0.processIdentifier.value)
            return try await pass($0.standardOutput)
          }
          return StreamEnd(status: result.terminationStatus, unfinished: result.closureResult)
        }
        let result = try await Subprocess.run(configuration, input: .none, output: .sequence, error: .discarded) {
          try await started($0.processIdentifier.value)
          return try await pass($0.standardOutput)
        }
        return StreamEnd(status: result.terminationStatus, unfinished: result.closureResult)
      }
    } catch {
      try Task.checkCancellation()
      throw translated(error)
    }
  }
}
