import Foundation
import Testing

// A heartbeat's and a machine's moments are made here by their synthesized initialisers.
@testable import DubbingTesting

@Suite("Starvation", .kind(.logic))
struct StarvationTests {
  private let start = ContinuousClock.now

  @Test("Late beats count from the moment that is asked about")
  func late() {
    func beat(_ due: Double, _ by: Double) -> Heartbeat.Late {
      .init(due: start + .seconds(due), by: .seconds(by))
    }
    let beats = [beat(1, 0.5), beat(3, 2), beat(6, 0.25)]
    func late(_ since: ContinuousClock.Instant) -> [Duration] {
      let late = Heartbeat.late(beats, since: since)
      return [late.total, late.longest]
    }
    #expect(late(start) == [.seconds(2.75), .seconds(2)])
    #expect(late(start + .seconds(4)) == [.seconds(1.25), .seconds(1)])
    #expect(late(start + .seconds(7)) == [.zero, .zero])
  }

  @Test("Time in which several beats were late counts once: each environment has a task that beats")
  func lateTogether() {
    func beat(_ due: Double, _ by: Double) -> Heartbeat.Late {
      .init(due: start + .seconds(due), by: .seconds(by))
    }
    // Alike, one within another, and one that begins before and ends in between; then one alone.
    let beats = [beat(1, 1), beat(1, 1), beat(1.5, 0.5), beat(0.5, 2), beat(4, 1)]
    let late = Heartbeat.late(beats, since: start)
    #expect(late.total == .seconds(3) && late.longest == .seconds(2))
  }

  @Test("A task that comes late is noticed", .timeLimit(.minutes(10)))
  func pool() async throws {
    let heart = Heartbeat()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await heart.beat() }
      defer { group.cancelAll() }
      // All threads of the shared pool are taken for a while.
      await withTaskGroup(of: Void.self) { takers in
        for _ in 0..<16 { takers.addTask { usleep(20_000) } }
      }
      while heart.tasksLate(since: start).longest < .milliseconds(50) { try await Task.sleep(for: .milliseconds(10)) }
    }
  }

  @Test("What the kernel counts is read")
  func files() {
    let pressure = """
      some avg10=87.88 avg60=79.00 avg300=65.73 total=17569963669
      full avg10=0.00 avg60=0.00 avg300=0.00 total=0
      """
    #expect(MachineLoad.waited(in: pressure) == 17569.963669)
    #expect(MachineLoad.waited(in: "") == nil)
    #expect(MachineLoad.throttled(in: "nr_periods 3\nnr_throttled 1\nthrottled_usec 2500000\n") == 2.5)
    #expect(MachineLoad.throttled(in: "nr_periods 3\nnr_throttled 1\nthrottled_time 500000000\n") == 0.5)
    #expect(MachineLoad.throttled(in: "usage_usec 12\n") == nil)
    let processors = """
      cpu  1801908 81431 367548 329861 11999 0 11837 3300 0 0
      cpu0 900954 40716 183774 164930 5999 0 5918 1650 0 0
      cpu1 900954 40715 183774 164931 6000 0 5919 1650 0 0
      intr 12345 0 9
      """
    #expect(MachineLoad.stolen(in: processors, ticksPerSecond: 100) == 16.5)
    #expect(MachineLoad.stolen(in: "cpu  1 2 3 4\ncpu0 1 2 3 4\n", ticksPerSecond: 100) == nil, "before Linux 2.6.11")
    #expect(MachineLoad.stolen(in: "cpu  1 2 3 4 5 6 7 8\n", ticksPerSecond: 100) == nil)
    #expect(MachineLoad.stolen(in: "", ticksPerSecond: 100) == nil)
  }

  @Test(
    "The limit of a runner may be that of its control group or of one above it",
    arguments: [
      (
        "0::/kubepods.slice/pod7/c1\n",
        ["/cpu.stat", "/kubepods.slice/cpu.stat", "/kubepods.slice/pod7/cpu.stat", "/kubepods.slice/pod7/c1/cpu.stat"]
      ),
      ("0::/\n", ["/cpu.stat"]),
      (
        "4:memory:/docker/c1\n3:cpu,cpuacct:/docker/c1\n2:cpuset:/docker/c1\n",
        ["", "/docker", "/docker/c1"].map { "/cpu,cpuacct\($0)/cpu.stat" }
      ),
      ("1:name=systemd:/\n", []), ("", []), ("nothing that is known\n", []),
    ] as [(String, [String])])
  func ownFiles(_ groups: String, _ files: [String]) {
    #expect(MachineLoad.ownFiles(in: groups) == files.map { "/sys/fs/cgroup\($0)" })
  }

  @Test("Between two readings only what was added counts; what a system does not say stays unknown")
  func between() {
    let before = MachineLoad(waited: 100, throttled: nil, stolen: 40, runnerThrottled: 3, time: start)
    let after = MachineLoad(
      waited: 112.5, throttled: 1, stolen: 41.25, runnerThrottled: 10.5, time: start + .seconds(20))
    let starvation = before.starvation(until: after, late: (.seconds(3), .seconds(1.2)), tasksLate: .seconds(4))
    #expect(
      starvation
        == Starvation(
          watchedS: 20, lateS: 3, longestLateS: 1.2, tasksLateS: 4, waitingS: 12.5, throttledS: nil, stolenS: 1.25,
          runnerThrottledS: 7.5))
  }

  static let figures: [(Starvation, Bool)] = [
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0), false),
    (Starvation(watchedS: 20, lateS: 0.4, longestLateS: 0.1, tasksLateS: 0, waitingS: 12, throttledS: 0), false),
    (Starvation(watchedS: 20, lateS: 1.2, longestLateS: 0.1, tasksLateS: 0), true),
    (Starvation(watchedS: 20, lateS: 0.4, longestLateS: 0.1, tasksLateS: 4), false),
    (Starvation(watchedS: 20, lateS: 0.4, longestLateS: 0.1, tasksLateS: 6), true),
    (Starvation(watchedS: 20, lateS: 0.6, longestLateS: 0.6, tasksLateS: 0), true),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, throttledS: 4), true),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, waitingS: 19.8), true),
    (Starvation(watchedS: 48.98, lateS: 0.23, longestLateS: 0.08, tasksLateS: 0.17, waitingS: 43.02), true),
    (Starvation(watchedS: 40, lateS: 0.1, longestLateS: 0.03, tasksLateS: 0.4, waitingS: 33), false),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, stolenS: 1.5), false),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, stolenS: 1.7), true),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, runnerThrottledS: 10.4), false),
    (Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0, runnerThrottledS: 15.6), true),
  ]

  @Test(
    "A machine was starved when its clock was late, containers were throttled, somebody always waited, or its host took cores",
    arguments: figures)
  func isStarved(_ starvation: Starvation, _ isStarved: Bool) {
    #expect(starvation.isStarved == isStarved)
    #expect((starvation.remark != nil) == isStarved)
  }

  @Test("The remark says for how long, of how long, and what was seen")
  func remark() {
    let starvation = Starvation(
      watchedS: 50, lateS: 12, longestLateS: 1.26, tasksLateS: 0, waitingS: 41.2, throttledS: 3, stolenS: 6,
      runnerThrottledS: 7)
    #expect(
      starvation.remark
        == "this machine was starved for 41 s of this stream's 50 s (its clock was late by up to 1.3 s, programs waited for a core for 41 s, containers were throttled for 3 s, its host took cores away for 6 s, a limit of its own kept this runner from its cores for 7 s): the red may be its"
    )
  }

  @Test("Only what was red on a starved machine is run again, and not in services that a fault has changed")
  func repeats() {
    let starved = Starvation(watchedS: 20, lateS: 2, longestLateS: 1, tasksLateS: 0)
    let quiet = Starvation(watchedS: 20, lateS: 0, longestLateS: 0, tasksLateS: 0)
    let wire = StreamFault.answer(2, .drop, name: "dropped")
    let service = StreamFault.services(name: "killed") { _ in }
    #expect(StarvedPolicy.retry.repeats(red: true, starved, under: nil))
    #expect(StarvedPolicy.retry.repeats(red: true, starved, under: wire))
    #expect(!StarvedPolicy.retry.repeats(red: true, starved, under: service))
    #expect(!StarvedPolicy.retry.repeats(red: false, starved, under: nil))
    #expect(!StarvedPolicy.retry.repeats(red: true, quiet, under: nil))
    #expect(!StarvedPolicy.warn.repeats(red: true, starved, under: nil))
    #expect(!StarvedPolicy.fail.repeats(red: true, starved, under: nil))
  }
}
