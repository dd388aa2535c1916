import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A lock between processes, on a file; the kernel gives it back when its holder ends, however it ends.
package final class FileLock: Sendable {
  package enum Mode: Sendable {
    /// Together with other sharers.
    case shared
    /// Alone.
    case exclusive

    var operation: Int32 { self == .shared ? LOCK_SH : LOCK_EX }
  }
  private let descriptor: Int32
  private let path: String

  private init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// Takes the lock, waiting for whoever has it.
  ///
  /// - Parameter holder: what somebody who has it for longer is doing, for the error.
  /// - Throws: ``ComposeError``: `timedOut`, or `commandFailed` if the file cannot be opened; `CancellationError`.
  package static func take(_ path: String, _ mode: Mode, within deadline: Duration, holder: String) async throws
    -> FileLock
  {
    // Children of ours must not inherit it: they would hold the lock for as long as they live.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw ComposeError(.commandFailed, "the lock \(path) cannot be opened: \(String(cString: strerror(errno)))")
    }
    let lock = FileLock(descriptor: descriptor, path: path)
    let end = ContinuousClock.now + deadline
    while !(try lock.change(to: mode)) {
      guard ContinuousClock.now < end else {
        throw ComposeError(.timedOut, "\(holder), for longer than \(deadline.text)", next: "who has it: fuser \(path)")
      }
      try await Task.sleep(for: .milliseconds(25))
    }
    return lock
  }

  /// Takes the lock in another way; false if somebody else is in the way.
  package func change(to mode: Mode) throws -> Bool {
    if flock(descriptor, mode.operation | LOCK_NB) == 0 { return true }
    guard errno == EWOULDBLOCK || errno == EINTR else {
      throw ComposeError(.commandFailed, "the file \(path) cannot be locked: \(String(cString: strerror(errno)))")
    }
    return false
  }
}
