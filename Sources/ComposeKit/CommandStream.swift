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
    guard let deadline else { return try await streamed(handle) }
    return try await withThrowingTaskGroup(of: StreamEnd.self) { group in
      group.addTask { try await streamed(handle) }
      group.addTask {
        try await Task.sleep(for: deadline)
        throw ComposeError(
          .timedOut, "\(program) did not finish within \(deadline.text)", command: line,
          next: "see whether the engine is overloaded or hangs: docker info")
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw CancellationError() }
      return first
    }
  }

  private func streamed(_ handle: @Sendable ([UInt8]) async throws -> Void) async throws -> StreamEnd {
    try requireNoNUL()
    Self.logger.debug("\(line)")
    let token = UUID()
    @Sendable func pass(_ output: SubprocessOutputSequence, of process: ProcessIdentifier) async throws -> [UInt8]? {
      try await OwnerGuard.shared.commandStarted(token, process.value, isTeardown: isTeardown)
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
      let end: StreamEnd
      if mergesError {
        let result = try await Subprocess.run(
          configuration, input: .none, output: .sequence, error: .combinedWithOutput
        ) { try await pass($0.standardOutput, of: $0.processIdentifier) }
        end = StreamEnd(status: result.terminationStatus, unfinished: result.closureResult)
      } else {
        let result = try await Subprocess.run(
          configuration, input: .none, output: .sequence, error: .discarded
        ) { try await pass($0.standardOutput, of: $0.processIdentifier) }
        end = StreamEnd(status: result.terminationStatus, unfinished: result.closureResult)
      }
      await OwnerGuard.shared.commandEnded(token)
      return end
    } catch {
      await OwnerGuard.shared.commandEnded(token)
      try Task.checkCancellation()
      throw translated(error)
    }
  }
}
