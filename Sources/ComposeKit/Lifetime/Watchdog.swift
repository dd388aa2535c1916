import Foundation
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A small process in a session of its own that outlives a `kill -9` of this one and then removes what this one owned.
///
/// It holds one end of a socket pair and reads what is registered as lines. The other end is closed by the kernel when this
/// process ends, however it ends. The text of the script is fixed: names and process ids arrive on its standard input only.
struct Watchdog: Sendable {
  private let descriptor: Int32

  /// Starts a watchdog.
  static func start() async throws -> Watchdog {
    var ends: [Int32] = [-1, -1]
    // A socket, not a pipe: a write to a pipe whose reader has died raises SIGPIPE.
    #if os(Linux)
      let made = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
    #else
      let made = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
    #endif
    guard made == 0 else {
      throw ComposeError(
        .engineUnavailable, "no socket pair for the watchdog: \(Errno(rawValue: errno))",
        underlying: Errno(rawValue: errno))
    }
    #if !os(Linux)
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
    // No other child may inherit our end, or the watchdog would wait for that child as well.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }

    var options = PlatformOptions()
    options.createSession = true
    let log = ProcessInfo.processInfo.environment["COMPOSEKIT_WATCHDOG_LOG"] ?? "/dev/null"
    let configuration = Configuration(
      executable: .path("/bin/sh"),
      arguments: [
        "-c", script, "composekit-watchdog", "\(getpid())", log,
        LeftBehind.ofThisUser.folder.path(percentEncoded: false),
      ],
      platformOptions: options)
    let status: TerminationStatus
    do {
      // The shell puts the watchdog into the background and exits, so this returns at once and leaves no child to wait for.
      let result = try await Subprocess.run(
        configuration, input: .fileDescriptor(FileDescriptor(rawValue: ends[1]), closeAfterSpawningProcess: true),
        output: .discarded, error: .discarded)
      status = result.terminationStatus
    } catch {
      close(ends[0])
      throw ComposeError(
        .engineUnavailable, "the watchdog could not be started: \(error)", command: "/bin/sh -c …", underlying: error)
    }
    guard status.isSuccess else {
      close(ends[0])
      throw ComposeError(.engineUnavailable, "the watchdog could not be started: \(status)", command: "/bin/sh -c …")
    }
    return Watchdog(descriptor: ends[0])
  }

  /// Tells the watchdog one thing; false if it is gone.
  func send(_ registration: Registration) -> Bool {
    let bytes = Array((registration.line + "\n").utf8)
    #if os(Linux)
      let flags = Int32(MSG_NOSIGNAL)
    #else
      let flags: Int32 = 0
    #endif
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { Glue.send(descriptor, $0.baseAddress, $0.count, flags) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Closes our end, upon which the watchdog acts as if this process had ended.
  func release() { close(descriptor) }

  /// What the watchdog is told at a time: one line, or a few.
  enum Registration: Sendable, Hashable {
    /// How to call an engine, before any project on it; may be said again.
    case engine(EngineAccess)
    case project(String, engine: String)
    case projectRemoved(String, engine: String)
    /// A command of ours that runs, with its process group.
    case command(pid: Int32, mark: String)
    /// A process that the user of this library registered.
    case process(pid: Int32, mark: String)
    case processEnded(pid: Int32, mark: String)

    var line: String {
      switch self {
      case .engine(let access): access.watchdogLines.joined(separator: "\n")
      case .project(let name, let engine): "project \(engine)/\(name)"
      case .projectRemoved(let name, let engine): "removed \(engine)/\(name)"
      case .command(let pid, let mark): "command \(pid) \(mark)"
      case .process(let pid, let mark): "process \(pid) \(mark)"
      case .processEnded(let pid, let mark): "ended \(pid) \(mark)"
      }
    }
  }
}

extension EngineAccess {
  /// How the watchdog's script is told to call the engine: its program, and what has to be in its environment.
  fileprivate var watchdogLines: [String] {
    ["engine \(watchdogKey) program \(program)"]
      + variables.sorted { $0.key < $1.key }.map { name, value in
        "engine \(watchdogKey) " + (value.map { "set \(name) \($0)" } ?? "unset \(name)")
      }
  }
}

/// `send` of the C library, which a method of the same name would hide.
private enum Glue {
  static func send(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    #if canImport(Darwin)
      Darwin.send(descriptor, bytes, count, flags)
    #elseif canImport(Glibc)
      Glibc.send(descriptor, bytes, count, flags)
    #else
      Musl.send(descriptor, bytes, count, flags)
    #endif
  }
}
