import Foundation
import Logging
import UnixSignals

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Knows everything this process owns outside of itself, and sees that none of it outlives the process.
///
/// There is one for each process, because signals and the process's end are there once for each process: on SIGINT, SIGTERM and
/// SIGHUP it removes everything and lets the signal end the process; after SIGKILL its watchdog does.
actor OwnerGuard {
  static let shared = OwnerGuard()

  private struct RunningCommand {
    var pid: Int32
    var mark: String
    var isTeardown: Bool
  }

  private var watchdog: Watchdog?
  /// Owned here and never cancelled: starting up must not be undone because one of its users was cancelled.
  private var activation: Task<Void, any Error>?
  /// Owned here for the life of the process: whoever traps a signal has to answer it until the end.
  private var signalReader: Task<Void, Never>?
  /// Owned here for the life of the process, as the signals are.
  private var parentReader: Task<Void, Never>?
  private var termination: Task<Void, Never>?
  private var projects: Set<String> = []
  private var commands: [UUID: RunningCommand] = [:]
  private var processes: Set<OwnedProcess> = []

  // MARK: Registration

  /// Starts the watchdog and traps the signals, once for each process.
  func activate() async throws {
    if activation == nil {
      activation = Task {
        try await startWatchdog()
        await trapSignals()
        await watchParent()
      }
    }
    do {
      try await activation?.value
    } catch {
      activation = nil
      throw error
    }
  }

  private func startWatchdog() async throws {
    let started = try await Watchdog.start()
    watchdog?.release()
    watchdog = started
    // What was there before the watchdog, or before its successor.
    for project in projects { _ = started.send(.project(project)) }
    for command in commands.values { _ = started.send(.command(pid: command.pid, mark: command.mark)) }
    for process in processes { _ = started.send(.process(pid: process.pid, mark: process.mark)) }
  }

  private func tell(_ registration: Watchdog.Registration) async throws {
    guard let watchdog, !watchdog.send(registration) else { return }
    Command.logger.warning("the watchdog is gone (was it killed?); starting another one")
    try await startWatchdog()
    _ = self.watchdog?.send(registration)
  }

  /// Registers projects, before anything of them exists.
  func register(projects names: [String]) async throws {
    guard termination == nil else { throw Self.interrupted }
    try await activate()
    for name in names {
      projects.insert(name)
      try await tell(.project(name))
    }
  }

  /// Forgets a project of which nothing is left.
  func unregister(project: String) async {
    guard projects.remove(project) != nil else { return }
    _ = watchdog?.send(.projectRemoved(project))
  }

  func commandStarted(_ token: UUID, _ pid: Int32, isTeardown: Bool) async throws {
    guard termination == nil || isTeardown else { throw Self.interrupted }
    guard let mark = await ProcessMark.of(pid) else { return }
    commands[token] = RunningCommand(pid: pid, mark: mark, isTeardown: isTeardown)
    try await tell(.command(pid: pid, mark: mark))
  }

  func commandEnded(_ token: UUID) {
    guard let command = commands.removeValue(forKey: token) else { return }
    _ = watchdog?.send(.processEnded(pid: command.pid, mark: command.mark))
  }

  func register(process pid: Int32) async throws -> OwnedProcess {
    guard termination == nil else { throw Self.interrupted }
    try await activate()
    guard let mark = await ProcessMark.of(pid) else {
      throw ComposeError(.notRunning, "process \(pid) cannot be registered: there is no such process")
    }
    let process = OwnedProcess(pid: pid, mark: mark)
    processes.insert(process)
    try await tell(.process(pid: pid, mark: mark))
    return process
  }

  func release(_ process: OwnedProcess) {
    guard processes.remove(process) != nil else { return }
    _ = watchdog?.send(.processEnded(pid: process.pid, mark: process.mark))
  }

  static let interrupted = ComposeError(
    .interrupted, "a signal is ending this process; nothing new is started while its projects are taken down")

  // MARK: Signals

  private func trapSignals() async {
    // A program that handles signals itself: the signal ends it as it would without us, and the watchdog cleans up.
    guard ProcessInfo.processInfo.isOn("COMPOSEKIT_SIGNALS", byDefault: true) else { return }
    // A signal that was ignored at the start (nohup, a script's background job) is meant to stay ignored.
    let signals = [UnixSignal.sigint, .sigterm, .sighup].filter { !Self.isIgnored($0.rawValue) }
    guard !signals.isEmpty else { return }
    let sequence = await UnixSignalsSequence(trapping: signals)
    signalReader = Task {
      for await signal in sequence { self.received(signal) }
    }
  }

  /// Ends this process with the `swift test` that has started it, as if the signal had reached both.
  private func watchParent() async {
    // A program that handles its end itself does that, too.
    guard ProcessInfo.processInfo.isOn("COMPOSEKIT_SIGNALS", byDefault: true),
      let watch = await ParentWatch.ofTestRunner()
    else { return }
    parentReader = Task {
      guard await watch.parentHasEnded() else { return }
      say("swift test (process \(watch.parent)) is gone, and this process ends with it")
      received(.sigterm)
    }
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #elseif canImport(Glibc)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sa_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private func received(_ signal: UnixSignal) {
    let name = signal.description.uppercased()
    guard termination == nil else {
      say("\(name): already taking down \(projects.sorted().joined(separator: ", ")); this takes a few seconds")
      return
    }
    if !projects.isEmpty { say("\(name): taking down \(projects.sorted().joined(separator: ", "))") }
    termination = Task {
      await takeEverythingDown()
      Self.die(of: signal.rawValue)
    }
  }

  private func takeEverythingDown() async {
    for command in commands.values where !command.isTeardown {
      // Checked, because a process id may have been given to somebody else in the meantime.
      if await ProcessMark.of(command.pid) == command.mark { kill(-command.pid, SIGKILL) }
    }
    let removal = ProjectRemoval()
    let (owned, names) = (processes, projects)
    await withTaskGroup(of: Void.self) { group in
      for process in owned {
        group.addTask { await process.end() }
      }
      for name in names {
        group.addTask {
          do {
            try await removal.remove(project: name, isQuietAfter: .milliseconds(500))
            await self.unregister(project: name)
            self.say("removed \(name)")
          } catch {
            // Still registered, so the watchdog goes on with it.
            self.say("\(error)")
          }
        }
      }
    }
  }

  private nonisolated func say(_ text: String) {
    StandardError.write("composekit: \(text)\n")
  }

  /// Ends the process as the signal would have done, so that a shell or CI sees 128 + signal.
  private static func die(of number: Int32) -> Never {
    signal(number, SIG_DFL)
    var only = sigset_t()
    sigemptyset(&only)
    sigaddset(&only, number)
    pthread_sigmask(SIG_UNBLOCK, &only, nil)
    raise(number)
    exit(128 + number)
  }

  /// Returns at once, unless a signal is ending the process: then it does not return before that has happened.
  func waitIfTerminating() async { await termination?.value }
}

/// A process that must not outlive this one, see ``ProcessGuard``.
public struct OwnedProcess: Sendable, Hashable {
  /// The process id.
  public let pid: Int32
  let mark: String

  /// Ends the process: SIGTERM, and SIGKILL after a second, each only while it still is the same process.
  func end() async {
    guard await ProcessMark.of(pid) == mark else { return }
    kill(pid, SIGTERM)
    for _ in 0..<50 {
      try? await Task.sleep(for: .milliseconds(20))
      guard await ProcessMark.of(pid) == mark else { return }
    }
    kill(pid, SIGKILL)
  }
}

/// Ends child processes together with this one, also when this one is ended by SIGINT, SIGTERM or SIGKILL.
///
/// Without it, a child such as ffmpeg goes on after a `kill -9` of its parent.
public enum ProcessGuard {
  /// Registers a running process.
  ///
  /// - Throws: ``ComposeError``: `notRunning` if there is no such process, `interrupted` while a signal ends this process.
  public static func register(_ pid: Int32) async throws -> OwnedProcess {
    try await OwnerGuard.shared.register(process: pid)
  }

  /// Forgets a process; call it when the process has ended, or may outlive this one.
  public static func release(_ process: OwnedProcess) async {
    await OwnerGuard.shared.release(process)
  }

  /// Keeps a process registered while `body` runs; it does not end the process.
  ///
  /// A process that has ended already, as short ones have, needs no guard: `body` runs all the same.
  public static func withOwned<R>(
    _ pid: Int32, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> sending R
  ) async throws -> sending R {
    let process: OwnedProcess?
    do {
      process = try await register(pid)
    } catch let error as ComposeError where error.code == .notRunning {
      process = nil
    }
    do {
      let result = try await body()
      if let process { await release(process) }
      return result
    } catch {
      if let process { await release(process) }
      throw error
    }
  }
}
