import Dispatch
import Foundation
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Removes what failed starts have left behind, after their errors have been thrown.
///
/// A container that ignores SIGTERM takes seconds to stop; whoever waits for the reason of a failed start need not wait for that.
/// Every way on waits for the removals: the next start, a suite's end, the process's end (`atexit`). A signal removes what is still
/// registered, and a `kill -9` leaves it to the watchdog, as at any other time.
final class FailedStarts: Sendable {
  static let shared = FailedStarts()

  private struct State: Sendable {
    /// Owned here until they have ended, which each sees to itself.
    var removals: [UUID: Task<Void, Never>] = [:]
    var waitsAtExit = false
  }
  private let state = Mutex(State())
  /// What the process's end waits for: it cannot await.
  private let pending = DispatchGroup()

  /// Removes something behind the caller's back.
  func remove(_ body: @escaping @Sendable () async -> Void) {
    let id = UUID()
    pending.enter()
    state.withLock { state in
      // It takes itself out under the same lock, so it is in before it can be out.
      state.removals[id] = Task {
        await body()
        _ = self.state.withLock { $0.removals.removeValue(forKey: id) }
        pending.leave()
      }
      // What is registered last is called first. swift-subprocess ends its own thread at exit, after which no command is seen to end:
      // it has registered when the first command ran, and commands have run by now.
      guard !state.waitsAtExit else { return }
      state.waitsAtExit = true
      // With one core there is one thread for all tasks; if that one calls exit, waiting for a task would be in vain.
      guard ProcessInfo.processInfo.activeProcessorCount > 1 else { return }
      atexit { FailedStarts.shared.waitAtExit() }
    }
  }

  /// Returns when nothing is being removed any more.
  func finish() async {
    while let removal = state.withLock({ $0.removals.values.first }) { await removal.value }
  }

  /// Longer than removals take that come to an end at all; the watchdog goes on with others.
  private static let patienceAtExit = DispatchTimeInterval.seconds(60)

  private func waitAtExit() {
    guard pending.wait(timeout: .now()) == .timedOut else { return }
    StandardError.write("composekit: removing what a failed start has left behind\n")
    if pending.wait(timeout: .now() + Self.patienceAtExit) == .timedOut {
      StandardError.write("composekit: it takes too long; the watchdog goes on with it\n")
    }
  }
}

/// Waits until everything is removed that failed starts of this process have left behind.
///
/// A start that fails throws at once, and its project is removed behind that. The next start of this process waits for it, as does
/// the end of the process; call this where you look at the engine yourself in between.
public func waitForFailedStartsToBeRemoved() async { await FailedStarts.shared.finish() }
