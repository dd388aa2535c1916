import Foundation
import Logging
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// One command line: always a program and a list of arguments, never a shell.
struct Command: Sendable {
  var program: String
  var arguments: [String]
  var environment: [String: String] = [:]
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
  }

  /// The command as a person could type it; what nobody would type is shortened, and values of the environment are left out: they
  /// may be secrets, and this goes into logs and errors.
  var line: String { ([program] + shownArguments).map { Self.quoted(Self.shortened($0)) }.joined(separator: " ") }

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
    return Configuration(
      executable: program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
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
      let output = try await withThrowingTaskGroup(of: Output.self) { group in
        group.addTask { try await execute() }
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

  private func execute() async throws -> Output {
    let token = UUID()
    do {
      let output = try await execute(token)
      await OwnerGuard.shared.commandEnded(token)
      return output
    } catch {
      await OwnerGuard.shared.commandEnded(token)
      throw error
    }
  }

  private func execute(_ token: UUID) async throws -> Output {
    if mergesError {
      let result = try await Subprocess.run(
        configuration, input: .none, output: .bytes(limit: Self.outputLimit), error: .combinedWithOutput
      ) { try await OwnerGuard.shared.commandStarted(token, $0.processIdentifier.value, isTeardown: isTeardown) }
      return Output(
        exitCode: Self.exitCode(result.terminationStatus),
        standardOutput: String(decoding: result.standardOutput, as: UTF8.self), standardError: "")
    }
    let result = try await Subprocess.run(
      configuration, input: .none, output: .bytes(limit: Self.outputLimit), error: .bytes(limit: Self.outputLimit)
    ) { try await OwnerGuard.shared.commandStarted(token, $0.processIdentifier.value, isTeardown: isTeardown) }
    return Output(
      exitCode: Self.exitCode(result.terminationStatus),
      standardOutput: String(decoding: result.standardOutput, as: UTF8.self),
      standardError: String(decoding: result.standardError, as: UTF8.self))
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
        next: SetupAdvice.or("install docker with compose"))
    }
    if error.underlyingError == .argListTooLong {
      return ComposeError(
        .invalidProject, "the environment and arguments are larger than the kernel takes", command: line,
        next: "put large values in files that the services mount")
    }
    return ComposeError(.commandFailed, "\(program) could not be run: \(error)", command: line)
  }

  /// Runs the command and insists on exit code 0.
  @discardableResult
  func runChecked(_ code: ComposeError.Code = .commandFailed, _ summary: String? = nil) async throws -> String {
    let output = try await run()
    guard output.succeeded else { throw failure(output, code, summary) }
    return output.standardOutput
  }

  /// The error for a command that ran and failed.
  func failure(_ output: Output, _ code: ComposeError.Code = .commandFailed, _ summary: String? = nil) -> ComposeError {
    let text = output.standardError + (mergesError ? output.standardOutput : "")
    if let unavailable = ComposeEngine.unavailability(in: text, command: line) { return unavailable }
    var error = ComposeError(
      code, summary ?? "\(program) failed with exit code \(output.exitCode)", exitCode: output.exitCode, command: line,
      evidence: text.outputLines.suffix(50))
    if (text + output.standardOutput).contains("no space left on device") {
      error.summary += ": no space left on the engine's disk"
      error.next = "docker system df tells what takes the space"
    }
    return error
  }
}
