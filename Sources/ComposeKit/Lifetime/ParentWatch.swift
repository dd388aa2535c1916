import Foundation
import Subprocess

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Notices that `swift test`, which started this process, is gone.
///
/// SwiftPM gives the test process a process group of its own, and passes SIGINT on but not SIGTERM: a CI job that is cancelled, or
/// `timeout swift test`, ends SwiftPM only, and the tests go on with their containers for as long as they like. Nobody else's end is
/// followed: a program that is started with nohup is meant to outlive its shell.
struct ParentWatch: Sendable {
  let parent: Int32

  /// A watch if the parent is `swift test`; nil otherwise.
  static func ofTestRunner() async -> ParentWatch? {
    let parent = getppid()
    guard parent > 1, let name = await name(of: parent), runners.contains(name) else { return nil }
    return ParentWatch(parent: parent)
  }

  /// `swift test` is this program; the last one is what it links to.
  private static let runners: Set<String> = ["swift-test", "swift-package"]

  private static func name(of pid: Int32) async -> String? {
    #if os(Linux)
      return (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.trimmed
    #else
      let configuration = Configuration(
        executable: .path("/bin/ps"), arguments: ["-o", "comm=", "-p", "\(pid)"])
      guard let result = try? await Subprocess.run(configuration, output: .string(limit: 4096), error: .discarded)
      else { return nil }
      return result.standardOutput.trimmed.split(separator: "/").last.map(String.init)
    #endif
  }

  /// Returns when the parent has ended: the kernel then gives this process another one. False if the task is cancelled first.
  func parentHasEnded() async -> Bool {
    while getppid() == parent {
      // No event tells of the end of a process that is not a child, on all systems.
      do { try await Task.sleep(for: .milliseconds(500)) } catch { return false }
    }
    return true
  }
}
