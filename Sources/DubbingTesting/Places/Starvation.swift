import ComposeTesting
import Foundation

/// How much of what it needed a machine did not have while a stream ran: a red check may then be the machine's.
package struct Starvation: Sendable, Hashable, Codable {
  /// How long the stream took, from its announcement to the end of its output, seconds.
  package var watchedS: Double
  /// How late a thread of the test process was that only looks at the clock, all delays together, and the longest one.
  package var lateS: Double
  package var longestLateS: Double
  /// How late a task was that does the same: beside the machine, judging and other tests in the process keep it waiting.
  package var tasksLateS: Double
  /// How long some program of the machine waited for a core; nil where the system does not say (Linux's /proc/pressure/cpu).
  package var waitingS: Double?
  /// How long the engine kept containers of the environment from their cores because of a limit; nil where that cannot be read.
  package var throttledS: Double?
  /// For how long a core of this virtual machine was wanted and its host gave it to others, as an average of the cores; nil where the
  /// system does not say (`steal` of Linux's /proc/stat, proc_stat(5)).
  package var stolenS: Double?
  /// For how long a limit of its own, as a runner in a container has, kept this process and what it starts from the cores, as an average
  /// of these; nil where that cannot be read (`cpu.stat` of the process' control group, cgroups(7)).
  package var runnerThrottledS: Double?

  package init(
    watchedS: Double, lateS: Double, longestLateS: Double, tasksLateS: Double, waitingS: Double? = nil,
    throttledS: Double? = nil, stolenS: Double? = nil, runnerThrottledS: Double? = nil
  ) {
    self.watchedS = watchedS
    self.lateS = lateS
    self.longestLateS = longestLateS
    self.tasksLateS = tasksLateS
    self.waitingS = waitingS
    self.throttledS = throttledS
    self.stolenS = stolenS
    self.runnerThrottledS = runnerThrottledS
  }

  /// Enough to make a healthy stream red, as far as was ever seen.
  ///
  /// Programs that wait for a core are no proof: eight healthy streams on two cores wait half of the time, streams with neural models
  /// four fifths, and are dubbed in time. Of those that were seen to fail for want of cores they waited 88 to 99 %.
  package var isStarved: Bool {
    longestLateS >= 0.5 || lateS >= 0.05 * watchedS || tasksLateS >= 0.25 * watchedS
      || (throttledS ?? 0) >= 0.1 * watchedS
      // Where a host took a tenth, workers read their streams two seconds late, and no other figure here said why.
      || (stolenS ?? 0) >= 0.08 * watchedS
      || (waitingS ?? 0) >= 0.85 * watchedS
      // Four streams at once were green where half a core was left of two (0.52), not all of them with 0.35 cores (0.78).
      || (runnerThrottledS ?? 0) >= 0.65 * watchedS
  }

  /// One sentence for a red check; nil on a machine that had time to spare.
  package var remark: String? { isStarved ? "\(sentence): the red may be its" : nil }

  /// How much the machine lacked, or that it lacked nothing, with what was measured.
  var sentence: String {
    var parts = [String(format: "its clock was late by up to %.1f s", longestLateS)]
    if let waitingS { parts.append(String(format: "programs waited for a core for %.0f s", waitingS)) }
    if let throttledS, throttledS > 0 {
      parts.append(String(format: "containers were throttled for %.0f s", throttledS))
    }
    if let stolenS, stolenS >= 0.5 { parts.append(String(format: "its host took cores away for %.0f s", stolenS)) }
    if let runnerThrottledS, runnerThrottledS >= 0.5 {
      parts.append(String(format: "a limit of its own kept this runner from its cores for %.0f s", runnerThrottledS))
    }
    let longest = max(lateS, tasksLateS, throttledS ?? 0, waitingS ?? 0, stolenS ?? 0, runnerThrottledS ?? 0)
    let verdict =
      isStarved
      ? String(format: "this machine was starved for %.0f s of this stream's %.0f s", min(longest, watchedS), watchedS)
      : "this machine had time to spare"
    return "\(verdict) (\(parts.joined(separator: ", ")))"
  }
}

/// What the system counts, at one moment.
struct MachineLoad: Sendable {
  /// Since the machine started, seconds in which some program waited for a core.
  var waited: Double?
  /// Since they started, seconds in which these containers were throttled.
  var throttled: Double?
  /// Since the machine started, seconds in which its host gave a wanted core to others, as an average of the cores.
  var stolen: Double?
  /// Since its control group was made, seconds in which this process was throttled, as an average of the cores.
  var runnerThrottled: Double?
  var time = ContinuousClock.now

  /// Reads it now.
  ///
  /// - Parameter containers: identifiers in full; those that cannot be found count nothing.
  static func now(of containers: [String] = []) -> MachineLoad {
    let times = containers.compactMap { container in
      throttledFiles(of: container).lazy.compactMap { read($0).flatMap(throttled(in:)) }.first
    }
    // The kernel adds up what each core was kept from.
    let own = read("/proc/self/cgroup").map(ownFiles(in:))?.compactMap { read($0).flatMap(throttled(in:)) }.max()
    var load = waiting()
    load.throttled = times.isEmpty ? nil : times.reduce(0, +)
    load.stolen = read("/proc/stat").flatMap { stolen(in: $0, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK)))) }
    load.runnerThrottled = own.map { $0 / Double(ConcurrencyLimit.cores) }
    return load
  }

  /// Reads only how long programs waited, which each environment asks for once a second.
  static func waiting() -> MachineLoad { MachineLoad(waited: read("/proc/pressure/cpu").flatMap(waited(in:))) }

  /// For how much of the time since then some program waited for a core, 0…1; nil where the system does not say.
  func waiting(until now: MachineLoad) -> Double? {
    guard let before = waited, let after = now.waited, now.time > time else { return nil }
    return max(0, after - before) / time.duration(to: now.time).seconds
  }

  /// What the system has done to a stream since then.
  func starvation(
    until now: MachineLoad, late: (total: Duration, longest: Duration), tasksLate: Duration
  ) -> Starvation {
    func since(_ path: KeyPath<MachineLoad, Double?>) -> Double? {
      guard let before = self[keyPath: path], let after = now[keyPath: path] else { return nil }
      return max(0, after - before).rounded(places: 2)
    }
    return Starvation(
      watchedS: time.duration(to: now.time).seconds.rounded(places: 2), lateS: late.total.seconds.rounded(places: 2),
      longestLateS: late.longest.seconds.rounded(places: 2), tasksLateS: tasksLate.seconds.rounded(places: 2),
      waitingS: since(\.waited), throttledS: since(\.throttled), stolenS: since(\.stolen),
      runnerThrottledS: since(\.runnerThrottled))
  }

  /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=<µs>` (pure).
  static func waited(in pressure: String) -> Double? {
    guard let some = pressure.split(separator: "\n").first(where: { $0.hasPrefix("some ") }) else { return nil }
    return some.split(separator: " ").first { $0.hasPrefix("total=") }.flatMap { Double($0.dropFirst(6)) }.map {
      $0 / 1e6
    }
  }

  /// `cpu <user> <nice> <system> <idle> <iowait> <irq> <softirq> <steal> …`, ticks of all cores together, and a line `cpu<n>` of each
  /// (pure; proc_stat(5)).
  static func stolen(in statistics: String, ticksPerSecond: Double) -> Double? {
    let lines = statistics.split(separator: "\n").filter { $0.hasPrefix("cpu") }.map { $0.split(separator: " ") }
    let cores = lines.count { $0[0] != "cpu" }
    guard cores > 0, let all = lines.first(where: { $0[0] == "cpu" }), all.count > 8, let ticks = Double(all[8]) else {
      return nil
    }
    return ticks / ticksPerSecond / Double(cores)
  }

  /// `throttled_usec` of cgroup 2, or `throttled_time`, in nanoseconds, of cgroup 1 (pure).
  static func throttled(in statistics: String) -> Double? {
    for line in statistics.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let value = Double(words[1]) else { continue }
      if words[0] == "throttled_usec" { return value / 1e6 }
      if words[0] == "throttled_time" { return value / 1e9 }
    }
    return nil
  }

  /// Where the kernel counts what this process is kept from: in the control group of `/proc/self/cgroup` (a line
  /// `<number>:<controllers>:<path>` of each hierarchy) and in those above it, any of which may have the limit. In a container they may all
  /// be seen as the root (pure).
  static func ownFiles(in groups: String) -> [String] {
    groups.split(separator: "\n").flatMap { line -> [String] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      let controllers = parts[1].split(separator: ",")
      guard controllers.isEmpty || controllers.contains("cpu") else { return [] }
      let root = "/sys/fs/cgroup" + (controllers.isEmpty ? "" : "/\(parts[1])")
      let names = parts[2].split(separator: "/").map(String.init)
      return (0...names.count).map { ([root] + names.prefix($0) + ["cpu.stat"]).joined(separator: "/") }
    }
  }

  /// Where engines put a container: with systemd or without, cgroup 2 or 1.
  private static func throttledFiles(of container: String) -> [String] {
    ["system.slice/docker-\(container).scope", "docker/\(container)"].flatMap { group in
      ["", "cpu/", "cpu,cpuacct/"].map { "/sys/fs/cgroup/\($0)\(group)/cpu.stat" }
    }
  }

  private static func read(_ path: String) -> String? {
    // Of files in /proc and /sys nobody knows the size beforehand.
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    return (try? file.readToEnd()).map { String(decoding: $0, as: UTF8.self) }
  }
}
