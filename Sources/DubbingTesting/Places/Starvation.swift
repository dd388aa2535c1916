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

  package init(
    watchedS: Double, lateS: Double, longestLateS: Double, tasksLateS: Double, waitingS: Double? = nil,
    throttledS: Double? = nil
  ) {
    self.watchedS = watchedS
    self.lateS = lateS
    self.longestLateS = longestLateS
    self.tasksLateS = tasksLateS
    self.waitingS = waitingS
    self.throttledS = throttledS
  }

  /// Enough to make a healthy stream red, as far as was ever seen.
  ///
  /// Programs that wait for a core are no proof: eight healthy streams on two cores wait half of the time, and are dubbed in time.
  package var isStarved: Bool {
    longestLateS >= 0.5 || lateS >= 0.05 * watchedS || tasksLateS >= 0.25 * watchedS
      || (throttledS ?? 0) >= 0.1 * watchedS
      || (waitingS ?? 0) >= 0.95 * watchedS
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
    let longest = max(lateS, tasksLateS, throttledS ?? 0, waitingS ?? 0)
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
  var time = ContinuousClock.now

  /// Reads it now.
  ///
  /// - Parameter containers: identifiers in full; those that cannot be found count nothing.
  static func now(of containers: [String] = []) -> MachineLoad {
    let times = containers.compactMap { container in
      throttledFiles(of: container).lazy.compactMap { read($0).flatMap(throttled(in:)) }.first
    }
    return MachineLoad(
      waited: read("/proc/pressure/cpu").flatMap(waited(in:)), throttled: times.isEmpty ? nil : times.reduce(0, +))
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
      waitingS: since(\.waited), throttledS: since(\.throttled))
  }

  /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=<µs>` (pure).
  static func waited(in pressure: String) -> Double? {
    guard let some = pressure.split(separator: "\n").first(where: { $0.hasPrefix("some ") }) else { return nil }
    return some.split(separator: " ").first { $0.hasPrefix("total=") }.flatMap { Double($0.dropFirst(6)) }.map {
      $0 / 1e6
    }
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
