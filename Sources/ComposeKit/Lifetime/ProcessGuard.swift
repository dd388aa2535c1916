#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process that must not outlive this one, see ``ProcessGuard``.
package struct OwnedProcess: Sendable, Hashable {
  /// The process id.
  package let pid: Int32
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
package enum ProcessGuard {
  /// Registers a running process.
  ///
  /// - Throws: ``ComposeError``: `notRunning` if there is no such process, `interrupted` while a signal ends this process.
  package static func register(_ pid: Int32) async throws -> OwnedProcess {
    try await OwnerGuard.shared.register(process: pid)
  }

  /// Forgets a process; call it when the process has ended, or may outlive this one.
  package static func release(_ process: OwnedProcess) async {
    await OwnerGuard.shared.release(process)
  }

  /// Keeps a process registered while `body` runs; it does not end the process.
  ///
  /// A process that has ended already, as short ones have, needs no guard: `body` runs all the same.
  package static func withOwned<R>(
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
