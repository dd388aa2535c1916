#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process has used so far, by its own `getrusage`.
public enum Usage {
  /// CPU seconds, user and system, of all threads.
  public static var cpuSeconds: Double {
    let usage = read()
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Peak resident memory, MB (10^6 bytes).
  public static var peakMB: Double {
    #if os(Linux)
      Double(read().ru_maxrss) * 1024 / 1e6  // Linux counts kilobytes
    #else
      Double(read().ru_maxrss) / 1e6
    #endif
  }

  /// Lets this process open as many sockets as the system allows it.
  public static func allowManySockets() {
    var limit = rlimit()
    #if canImport(Glibc)
      let what = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let what = RLIMIT_NOFILE
    #endif
    getrlimit(what, &limit)
    limit.rlim_cur = min(limit.rlim_max, 10_240)
    setrlimit(what, &limit)
  }

  private static func read() -> rusage {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    return usage
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
