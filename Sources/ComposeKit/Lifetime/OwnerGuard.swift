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

  private var watchdog: Watchdog?
  /// Owned here and never cancelled: starting up must not be undone because one of its users was cancelled.
  private var activation: Task<Void, any Error>?
  /// Owned here for the life of the process: whoever traps a signal has to answer it until the end.
  private var signalReader: Task<Void, Never>?
  /// Owned here for the life of the process, as the signals are.
  private var parentReader: Task<Void, Never>?
  private var termination: Task<Void, Never>?
  private var projects: Set<OwnedProject> = []
  /// What ``RunningCommands`` has told of, for a watchdog that takes the place of one that is gone.
  private var commands: Set<RunningCommands.Entry> = []
  private var processes: Set<OwnedProcess> = []

  // MARK: Registration

  /// Starts the watchdog and traps the signals, once for each process.
  func activate() async throws {
    if activation == nil {
      activation = Task {
        commands.formUnion(await RunningCommands.shared.follow { try await self.commandChanged($0) })
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
    for registration in projects.flatMap(\.registrations) { _ = started.send(registration) }
    for command in commands { _ = started.send(.command(pid: command.pid, mark: command.mark)) }
    for process in processes { _ = started.send(.process(pid: process.pid, mark: process.mark)) }
  }

  private func tell(_ registration: Watchdog.Registration) async throws {
    guard let watchdog, !watchdog.send(registration) else { return }
    Command.logger.warning("the watchdog is gone (was it killed?); starting another one")
    try await startWatchdog()
    _ = self.watchdog?.send(registration)
  }

  /// Registers projects, before anything of them exists.
  func register(_ owned: [OwnedProject]) async throws {
    guard termination == nil else { throw ComposeError.processIsEnding }
    try await activate()
    for project in owned {
      projects.insert(project)
      for registration in project.registrations { try await tell(registration) }
    }
  }

  /// Forgets a project of which nothing is left.
  func unregister(_ project: OwnedProject) async {
    guard projects.remove(project) != nil else { return }
    _ = watchdog?.send(.projectRemoved(project.name, engine: project.access.watchdogKey))
  }

  private func commandChanged(_ change: RunningCommands.Change) async throws {
    switch change {
    case .started(let command):
      commands.insert(command)
      try await tell(.command(pid: command.pid, mark: command.mark))
    case .ended(let command):
      commands.remove(command)
      _ = watchdog?.send(.processEnded(pid: command.pid, mark: command.mark))
    }
  }

  func register(process pid: Int32) async throws -> OwnedProcess {
    guard termination == nil else { throw ComposeError.processIsEnding }
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
    let signalName = signal.description.uppercased()
    let names = projects.map(\.name).sorted().joined(separator: ", ")
    guard termination == nil else {
      say("\(signalName): already taking down \(names); this takes a few seconds")
      return
    }
    if !projects.isEmpty { say("\(signalName): taking down \(names)") }
    termination = Task {
      await takeEverythingDown()
      Self.die(of: signal.rawValue)
    }
  }

  private func takeEverythingDown() async {
    for command in await RunningCommands.shared.close() {
      // Checked, because a process id may have been given to somebody else in the meantime.
      if await ProcessMark.of(command.pid) == command.mark { kill(-command.pid, SIGKILL) }
    }
    let (owned, projects) = (processes, self.projects)
    await withTaskGroup(of: Void.self) { group in
      for process in owned {
        group.addTask { await process.end() }
      }
      // Those on engines that have gone away are the watchdog's.
      for project in projects where !GivenUpEngines.shared.contains(project.access) {
        group.addTask {
          do {
            try await ProjectRemoval(access: project.access).remove(
              project: project.name, isQuietAfter: .milliseconds(500))
            await self.unregister(project)
            self.say("removed \(project.name)")
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
