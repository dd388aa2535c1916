import Foundation
import Synchronization

/// How late this process comes to what it wants to do at a certain time: what nobody would see is then no product's fault.
///
/// Twenty times a second a thread of its own and a task on the shared pool look at the clock. A thread that is late had no core; a task
/// that is late alone waited for other tasks.
final class Heartbeat: Sendable {
  static let shared = Heartbeat()

  /// A beat that came late.
  struct Late: Sendable {
    var due: ContinuousClock.Instant
    var by: Duration
  }

  private struct State {
    var isBeating = false
    var thread: [Late] = []
    var pool: [Late] = []
  }
  private let state = Mutex(State())
  private let clock = ContinuousClock()

  static let interval = Duration.milliseconds(50)
  /// Less is what any busy machine does, and nothing suffers from it.
  static let tolerance = Duration.milliseconds(20)
  /// A run of an hour on a machine that is always late; more is forgotten from the beginning.
  private static let capacity = 100_000

  /// Keeps the task's beat while it is called, and starts the thread's, which goes on: it costs nothing, and ends with the process.
  func beat() async throws {
    let isFirst = state.withLock { state in
      defer { state.isBeating = true }
      return !state.isBeating
    }
    if isFirst { Thread.detachNewThread { self.beatForEver() } }
    while true {
      let due = clock.now + Self.interval
      try await Task.sleep(until: due, tolerance: .zero, clock: clock)
      note(due, at: clock.now, in: \.pool)
    }
  }

  private func beatForEver() {
    while true {
      let due = clock.now + Self.interval
      // Blocks on purpose: the thread is its own, and how late it wakes is what is measured.
      Thread.sleep(forTimeInterval: Self.interval.seconds)
      note(due, at: clock.now, in: \.thread)
    }
  }

  private func note(
    _ due: ContinuousClock.Instant, at now: ContinuousClock.Instant, in track: WritableKeyPath<State, [Late]> & Sendable
  ) {
    let late = due.duration(to: now)
    guard late > Self.tolerance else { return }
    state.withLock { state in
      if state[keyPath: track].count == Self.capacity { state[keyPath: track].removeFirst(Self.capacity / 2) }
      state[keyPath: track].append(Late(due: due, by: late))
    }
  }

  /// How long the thread was late since then, together and at most: the machine had no core for it.
  func late(since start: ContinuousClock.Instant) -> (total: Duration, longest: Duration) {
    Self.late(state.withLock { $0.thread }, since: start)
  }

  /// The same for the task: the machine, or this process' own work such as judging, kept it waiting.
  func tasksLate(since start: ContinuousClock.Instant) -> (total: Duration, longest: Duration) {
    Self.late(state.withLock { $0.pool }, since: start)
  }

  /// The same of given beats (pure); they are in the order of their ends. Time in which several were late counts once: as many tasks
  /// beat as there are environments.
  static func late(_ beats: [Late], since start: ContinuousClock.Instant) -> (total: Duration, longest: Duration) {
    var (total, longest) = (Duration.zero, Duration.zero)
    // From here to the end of every later beat is counted already.
    var counted: ContinuousClock.Instant?
    for beat in beats.reversed() {
      let end = beat.due + beat.by
      guard end > start else { break }
      // What was over before the start is not its lateness.
      let due = max(beat.due, start)
      longest = max(longest, due.duration(to: end))
      total += max(.zero, due.duration(to: min(end, counted ?? end)))
      counted = min(due, counted ?? due)
    }
    return (total, longest)
  }
}
