import Foundation
import Logging
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// One command line: always a program and a list of arguments, never a shell.
package struct Command: Sendable {
  var program: String
  package var arguments: [String]
  var environment: [String: String] = [:]
  /// What leads it to its engine, see ``EngineAccess``; nil takes a variable out.
  var engineVariables: [String: String?] = [:]
  /// How long it may run.
  var deadline: Duration = .seconds(60)
  /// Whether standard error is written into standard output, in the order of writing.
  var mergesError = false
  /// Whether it belongs to taking something down, which goes on while a signal ends the process.
  var isTeardown = false
  /// How long it may take to end on SIGTERM when it is cancelled or its deadline has passed.
  var patience: Duration = .milliseconds(500)

  /// What the command printed and how it ended.
  struct Output: Sendable {
    /// The exit code, or 128 + the signal that ended it.
    var exitCode: Int
    var standardOutput: String
    var standardError: String
    var succeeded: Bool { exitCode == 0 }

    init(exitCode: Int, standardOutput: String, standardError: String) {
      self.exitCode = exitCode
      self.standardOutput = standardOutput
      self.standardError = standardError
    }

    fileprivate init(_ status: TerminationStatus, _ output: [UInt8], _ error: [UInt8]) {
      self.init(
        exitCode: Command.exitCode(status), standardOutput: String(decoding: output, as: UTF8.self),
        standardError: String(decoding: error, as: UTF8.self))
    }
  }

  /// The command as a person could type it; what nobody would type is shortened, and values of the environment are left out: they
  /// may be secrets, and this goes into logs and errors. Only what leads to another engine than the usual one is part of it.
  var line: String {
    let words = ([program] + shownArguments).map { Self.quoted(Self.shortened($0)) }
    return (shownVariables() + words).joined(separator: " ")
  }

  private func shownVariables(
    besides environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [String] {
    let changed = engineVariables.filter { environment[$0.key] != $0.value }.sorted { $0.key < $1.key }
    let taken = changed.filter { $0.value == nil }.flatMap { ["-u", $0.key] }
    return (taken.isEmpty ? [] : ["env"] + taken)
      + changed.compactMap { key, value in value.map { "\(key)=\(Self.quoted($0))" } }
  }

  private var shownArguments: [String] {
    arguments.indices.map { index in
      guard index > 0, arguments[index - 1] == "--env", let sign = arguments[index].firstIndex(of: "=") else {
        return arguments[index]
      }
      return arguments[index][...sign] + "…"
    }
  }

  private static func shortened(_ argument: String) -> String {
    let bytes = argument.utf8.count
    return bytes <= 4096 ? argument : argument.prefix(200) + "… (\(bytes) bytes)"
  }

  static func quoted(_ argument: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+")
    if !argument.isEmpty && argument.allSatisfy(plain.contains) { return argument }
    return "'" + argument.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// The most output that is kept of one command, in bytes.
  static let outputLimit = 64 * 1024 * 1024

  static let logger = Logger(label: "ComposeKit")

  var configuration: Subprocess.Configuration {
    var options = PlatformOptions()
    // A group of its own: Ctrl-C in a terminal reaches us, not the command, and killing the group ends compose's plugin too.
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: patience)
    ]
    var variables: [Environment.Key: String?] = [:]
    for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
    for (key, value) in engineVariables { variables.updateValue(value, forKey: Environment.Key(stringLiteral: key)) }
    return Configuration(
      executable: program.holds("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
      environment: .inherit.updating(variables),
      platformOptions: options)
  }

  /// Runs the command to its end; a non-zero exit code is a result, not an error.
  ///
  /// - Throws: ``ComposeError`` (`timedOut`, `engineUnavailable` if the program is missing, `interrupted`), `CancellationError`.
  func run() async throws -> Output {
    try requireNoNUL()
    Self.logger.debug("\(line)")
    let began = ContinuousClock.now
    do {
      let output = try await within(deadline) { try await execute() }
      try Task.checkCancellation()
      Self.logger.debug("exit \(output.exitCode) after \((ContinuousClock.now - began).text): \(line)")
      return output
    } catch {
      // A command that was ended because its task was cancelled fails in several ways; all of them mean one thing.
      try Task.checkCancellation()
      throw translated(error)
    }
  }

  /// A C string ends at a NUL: what comes after it would be dropped silently.
  func requireNoNUL() throws {
    guard let argument = arguments.first(where: { $0.utf8.contains(0) }) else { return }
    throw ComposeError(
      .invalidProject, "an argument of \(program) holds a NUL character, which no command line can carry",
      command: Self.quoted(String(argument.prefix(200)).replacing("\0", with: "\\0")))
  }

  /// Runs `body`, which runs the command, against a deadline; without one as long as it likes.
  func within<R: Sendable>(_ deadline: Duration?, _ body: @escaping @Sendable () async throws -> R) async throws -> R {
    guard let deadline else { return try await body() }
    return try await withThrowingTaskGroup(of: R.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: deadline)
        throw ComposeError(
          .timedOut, "\(program) did not finish within \(deadline.text)", command: line,
          next: "see whether the engine is overloaded or hangs: does it answer to anything?")
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw CancellationError() }
      return first
    }
  }

  private func execute() async throws -> Output {
    try await RunningCommands.shared.owning(isTeardown: isTeardown) { started in
      if mergesError {
        let result = try await Subprocess.run(
          configuration, input: .none, output: .bytes(limit: Self.outputLimit), error: .combinedWithOutput
        ) { try await started($0.processIdentifier.value) }
        return Output(result.terminationStatus, result.standardOutput, [])
      }
      let result = try await Subprocess.run(
        configuration, input: .none, output: .bytes(limit: Self.outputLimit), error: .bytes(limit: Self.outputLimit)
      ) { try await started($0.processIdentifier.value) }
      return Output(result.terminationStatus, result.standardOutput, result.standardError)
    }
  }

  static func exitCode(_ status: TerminationStatus) -> Int {
    switch status {
    case .exited(let code): Int(code)
    case .signaled(let signal): 128 + Int(signal)
    }
  }

  func translated(_ error: any Error) -> any Error {
    guard let error = error as? SubprocessError else { return error }
    if error.code == .executableNotFound {
      return ComposeError(
        .engineUnavailable, "\(program) is not installed, or not in PATH", command: line,
        next: SetupAdvice.or("install docker with compose"), underlying: error)
    }
    if error.underlyingError == .argListTooLong {
      return ComposeError(
        .invalidProject, "the environment and arguments are larger than the kernel takes", command: line,
        next: "put large values in files that the services mount", underlying: error)
    }
    return ComposeError(
      .commandFailed, "\(program) could not be run: \(error)", command: line, underlying: error)
  }

  /// Runs the command and insists on exit code 0.
  @discardableResult
  func runChecked(_ code: ComposeError.Code = .commandFailed, _ summary: String? = nil) async throws -> String {
    let output: Output
    do { output = try await run() } catch var error as ComposeError
      where error.code == .timedOut && code == .engineUnavailable
    {
      // It was a question: an engine that is silent is not there, as one is that refuses.
      (error.code, error.summary) = (code, "\(program) has got no answer from its engine within \(deadline.text)")
      throw error
    }
    guard output.succeeded else { throw failure(output, code, summary) }
    return output.standardOutput
  }

  /// The error for a command that ran and failed.
  func failure(_ output: Output, _ code: ComposeError.Code = .commandFailed, _ summary: String? = nil) -> ComposeError {
    let text = output.standardError + (mergesError ? output.standardOutput : "")
    if let unavailable = EngineRefusal.unavailability(in: text, command: line) { return unavailable }
    var error = ComposeError(
      code, summary ?? "\(program) failed with exit code \(output.exitCode)", exitCode: output.exitCode, command: line,
      evidence: text.outputLines.suffix(50))
    if EngineRefusal.saysDiskIsFull(text + output.standardOutput) {
      error.summary += ": no space left on the engine's disk"
      error.next = "docker system df tells what takes the space"
    }
    return error
  }
}
