import Foundation

/// Keeps the priority with which a command was started (`nice -n 10 audioprint …`).
///
/// On Linux a priority belongs to a thread. Those of Swift's own pool are made with the priority that their class of work has; an ordinary
/// user may not raise it back, but root may, and so root's commands, and the ffmpeg that they start, ran at full priority.
enum InheritedPriority {
  /// Threads with the priority of the calling one; nil if nothing was asked for, and Swift's own pool will do. To be called before that
  /// pool has a thread, on the one that the process began with.
  static func executor() -> (any TaskExecutor)? {
    #if os(Linux)
      errno = 0
      // 0 is PRIO_PROCESS, whose type the C libraries do not agree on.
      let level = getpriority(.init(0), 0)
      return errno == 0 && level != 0 ? ThreadPool(threads: 4) : nil
    #else
      return nil
    #endif
  }
}

#if os(Linux)
  /// A few threads that do what they are given in turn. They inherit the priority of the thread that makes the pool.
  private final class ThreadPool: TaskExecutor {
    private let queue = Queue()

    init(threads: Int) {
      for _ in 0..<threads {
        // The threads live as long as the process, as those of Swift's own pool do.
        Thread { [queue, executor = asUnownedTaskExecutor()] in
          while true { queue.next().runSynchronously(on: executor) }
        }.start()
      }
    }

    func enqueue(_ job: consuming ExecutorJob) { queue.add(UnownedJob(job)) }

    /// @unchecked: the jobs are read and written only while the condition's lock is held.
    private final class Queue: @unchecked Sendable {
      private let condition = NSCondition()
      private var jobs: [UnownedJob] = []

      func add(_ job: UnownedJob) {
        condition.withLock { jobs.append(job) }
        condition.signal()
      }

      func next() -> UnownedJob {
        condition.withLock {
          while jobs.isEmpty { condition.wait() }
          return jobs.removeFirst()
        }
      }
    }
  }
#endif
