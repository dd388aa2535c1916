import ComposeTesting
import Testing

// An engine's records, and rules, are made here by their synthesized initialisers.
@testable import ComposeKit

@Suite("When a project is ready", .kind(.logic))
struct ReadinessTests {
  static let began = ContinuousClock.now

  private static func at(_ seconds: Double) -> ContinuousClock.Instant { began + .seconds(seconds) }

  private static func machine(_ expected: [String: Int] = ["web": 1], timeout: Double = 60) -> Readiness {
    Readiness(
      expected: expected,
      rules: ReadinessRules(timeout: .seconds(timeout), settlingTime: .seconds(1), allowedRestarts: 2),
      began: began)
  }

  private static func record(
    _ service: String = "web", id: String? = nil, state: String = "running", health: String? = nil, exitCode: Int = 0,
    isOutOfMemory: Bool = false, restart: String = "no", restarts: Int = 0
  ) -> ContainerRecord {
    ContainerRecord(
      id: id ?? "\(service)-id", restartCount: restarts,
      state: .init(
        status: state, exitCode: exitCode, oomKilled: isOutOfMemory, health: health.map { .init(status: $0, log: nil) }),
      config: .init(image: "image", labels: ["com.docker.compose.service": service]),
      hostConfig: .init(restartPolicy: .init(name: restart)))
  }

  private static func event(_ kind: EngineEvent.Kind, _ service: String = "web", id: String? = nil) -> EngineEvent {
    EngineEvent(containerID: id ?? "\(service)-id", service: service, kind: kind)
  }

  @Test("With a health check: healthy, and not before `up` has finished")
  func health() {
    var readiness = Self.machine()
    #expect(readiness.apply(Self.event(.create), at: Self.at(0)) == [.progress(service: "web", .created)])
    #expect(
      readiness.apply(Self.event(.start), at: Self.at(1))
        == [.progress(service: "web", .starting), .inspect(containerID: "web-id")])
    _ = readiness.apply(Self.record(health: "starting"), at: Self.at(1.1))
    _ = readiness.tick(at: Self.at(5))
    #expect(readiness.readyAfter.isEmpty)
    #expect(
      readiness.apply(Self.event(.health(.healthy)), at: Self.at(6)) == [.progress(service: "web", .healthy)])
    #expect(!readiness.isReady)
    readiness.upFinished(at: Self.at(6.5))
    #expect(readiness.isReady)
    #expect(readiness.readyAfter["web"] == .seconds(6))
    #expect(readiness.nextWake == nil)
  }

  @Test("A start of a service whose files give a health check needs no inspection")
  func knownHealthCheck() {
    var readiness = Readiness(
      expected: ["web": 1], neverRestarted: ["web"], healthChecked: ["web"], rules: ReadinessRules(), began: Self.began)
    #expect(readiness.apply(Self.event(.start), at: Self.at(0)) == [.progress(service: "web", .starting)])
    readiness.upFinished(at: Self.at(0))
    // It does not settle as one without a health check would.
    _ = readiness.tick(at: Self.at(5))
    #expect(!readiness.isReady)
    #expect(readiness.apply(Self.event(.health(.healthy)), at: Self.at(6)) == [.progress(service: "web", .healthy)])
    #expect(readiness.isReady)
    _ = readiness.apply(Self.event(.die(exitCode: 0)), at: Self.at(7))
    #expect(readiness.failure?.cause == .exited(code: 0))
  }

  @Test("A health event may come before the inspection, and the engine's events may repeat what an inspection said")
  func order() {
    var readiness = Self.machine()
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    #expect(readiness.apply(Self.event(.health(.healthy)), at: Self.at(1)) == [.progress(service: "web", .healthy)])
    #expect(readiness.isReady)

    var other = Self.machine()
    other.upFinished(at: Self.at(0))
    _ = other.apply(Self.record(health: "healthy"), at: Self.at(1))
    #expect(other.isReady)
    _ = other.apply(Self.event(.start), at: Self.at(1))
    _ = other.apply(Self.event(.health(.healthy)), at: Self.at(1))
    #expect(other.isReady)
  }

  @Test("Without a health check: running for the settling time")
  func settling() {
    var readiness = Self.machine()
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(2))
    _ = readiness.apply(Self.record(), at: Self.at(2.1))
    #expect(readiness.nextWake == Self.at(3))
    #expect(readiness.tick(at: Self.at(2.9)) == [])
    #expect(readiness.tick(at: Self.at(3)) == [.progress(service: "web", .running)])
    #expect(readiness.isReady)
  }

  @Test("A one-shot that exits with 0 is complete, even if a service with a health check would not be")
  func oneShot() {
    var readiness = Self.machine()
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    #expect(readiness.apply(Self.event(.die(exitCode: 0)), at: Self.at(0.1)) == [.inspect(containerID: "web-id")])
    #expect(
      readiness.apply(Self.record(state: "exited"), at: Self.at(0.2)) == [.progress(service: "web", .completed)])
    #expect(readiness.isReady)

    var checked = Self.machine()
    _ = checked.apply(Self.event(.start), at: Self.at(0))
    _ = checked.apply(Self.event(.die(exitCode: 0)), at: Self.at(1))
    _ = checked.apply(Self.record(state: "exited", health: "starting"), at: Self.at(1))
    #expect(checked.failure?.cause == .exited(code: 0))
  }

  @Test("What fails at once", arguments: [1, 3, 127, 137, 143])
  func exits(code: Int) {
    var readiness = Self.machine(["web": 1, "slow": 1])
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    _ = readiness.apply(Self.record(), at: Self.at(0.1))
    _ = readiness.apply(Self.event(.die(exitCode: code)), at: Self.at(2))
    #expect(readiness.failure == .init(service: "web", containerID: "web-id", cause: .exited(code: code)))
    #expect(!readiness.isReady)
    #expect(readiness.nextWake == nil)
  }

  @Test(
    "Where to look after an exit: a service that was ended by a signal may have been its engine's victim",
    arguments: [
      (0, "needs no health check"), (1, "its last log lines"), (127, "its last log lines"),
      (137, "an engine that is being stopped"), (143, "an engine that is being stopped"),
    ])
  func adviceAfterExit(code: Int, advice: String) throws {
    let failure = Readiness.Failure(service: "web", containerID: nil, cause: .exited(code: code))
    let next = try #require(StartFailure.describe(failure, after: .seconds(2)).next)
    #expect(next.contains(advice))
    #expect(next.contains("engine") == [137, 143].contains(code))
  }

  @Test(
    "An exit of a service that the files do not restart needs no inspection, but for 0 and a possible lack of memory")
  func exitsBeforeInspection() {
    func machine(_ code: Int) -> Readiness {
      var readiness = Readiness(
        expected: ["web": 1], neverRestarted: ["web"], rules: ReadinessRules(), began: Self.began)
      _ = readiness.apply(Self.event(.start), at: Self.at(0))
      _ = readiness.apply(Self.event(.die(exitCode: code)), at: Self.at(0.1))
      return readiness
    }
    #expect(machine(3).failure?.cause == .exited(code: 3))
    #expect(machine(0).failure == nil)
    var killed = machine(137)
    #expect(killed.failure == nil)
    _ = killed.apply(Self.record(state: "exited", exitCode: 137, isOutOfMemory: true), at: Self.at(0.2))
    #expect(killed.failure?.cause == .outOfMemory(code: 137))
  }

  @Test("A service that has been ready and dies while others are waited for fails as well")
  func diesLater() {
    var readiness = Self.machine(["web": 1, "slow": 1])
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    _ = readiness.apply(Self.record(health: "healthy"), at: Self.at(1))
    _ = readiness.apply(Self.event(.die(exitCode: 1)), at: Self.at(5))
    #expect(readiness.failure?.cause == .exited(code: 1))
  }

  @Test("Unhealthy and out of memory")
  func unhealthyAndMemory() {
    var readiness = Self.machine()
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    #expect(readiness.apply(Self.event(.health(.unhealthy)), at: Self.at(3)) == [.progress(service: "web", .unhealthy)])
    #expect(readiness.failure?.cause == .unhealthy)

    var event = Self.machine()
    _ = event.apply(Self.event(.outOfMemory), at: Self.at(1))
    #expect(event.failure?.cause == .outOfMemory(code: nil))

    var exit = Self.machine()
    _ = exit.apply(Self.event(.die(exitCode: 137)), at: Self.at(1))
    _ = exit.apply(Self.record(state: "exited", exitCode: 137, isOutOfMemory: true), at: Self.at(1))
    #expect(exit.failure?.cause == .outOfMemory(code: 137))
  }

  @Test("A service with a restart policy may fail a few times, not more")
  func restartLoop() {
    var readiness = Self.machine()
    readiness.upFinished(at: Self.at(0))
    for exits in 1...3 {
      _ = readiness.apply(Self.event(.start), at: Self.at(Double(exits)))
      _ = readiness.apply(Self.record(restart: "always"), at: Self.at(Double(exits)))
      #expect(readiness.failure == nil)
      _ = readiness.apply(Self.event(.die(exitCode: 5)), at: Self.at(Double(exits) + 0.5))
    }
    #expect(readiness.failure?.cause == .restartLoop(exits: 3, code: 5))

    var once = Self.machine()
    once.upFinished(at: Self.at(0))
    _ = once.apply(Self.event(.start), at: Self.at(0))
    _ = once.apply(Self.record(restart: "on-failure"), at: Self.at(0))
    _ = once.apply(Self.event(.die(exitCode: 5)), at: Self.at(0.5))
    #expect(once.apply(Self.event(.start), at: Self.at(1)).first == .progress(service: "web", .restarting))
    _ = once.tick(at: Self.at(2))
    #expect(once.isReady)
  }

  @Test("Every replica must be ready")
  func replicas() {
    var readiness = Self.machine(["web": 2])
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.record(id: "a", health: "healthy"), at: Self.at(1))
    #expect(!readiness.isReady)
    _ = readiness.apply(Self.record(id: "b", health: "healthy"), at: Self.at(2))
    #expect(readiness.isReady)
  }

  @Test("The deadline counts from the start of the container, and for one that waits for others from their last step")
  func deadlines() {
    var readiness = Self.machine(["web": 1, "worker": 1], timeout: 10)
    _ = readiness.apply(Self.event(.start), at: Self.at(5))
    _ = readiness.apply(Self.record(health: "starting"), at: Self.at(5))
    _ = readiness.tick(at: Self.at(14))
    #expect(readiness.failure == nil)
    _ = readiness.apply(Self.event(.health(.healthy)), at: Self.at(14))
    _ = readiness.tick(at: Self.at(23))
    #expect(readiness.failure == nil)
    #expect(readiness.nextWake == Self.at(24))
    _ = readiness.tick(at: Self.at(24))
    #expect(
      readiness.failure
        == .init(service: "worker", cause: .timedOut(after: .seconds(10), state: "not created yet")))
  }

  @Test("Containers of `compose run` and removed ones do not count")
  func ignored() {
    var readiness = Self.machine()
    readiness.upFinished(at: Self.at(0))
    var oneOff = Self.record(health: "healthy")
    oneOff.config?.labels?["com.docker.compose.oneoff"] = "True"
    #expect(readiness.apply(oneOff, at: Self.at(1)) == [])
    #expect(!readiness.isReady)
    _ = readiness.apply(Self.event(.start), at: Self.at(1))
    _ = readiness.apply(Self.event(.destroy), at: Self.at(2))
    #expect(readiness.containers.isEmpty)
  }

  @Test("A project with nothing to wait for is ready when `up` has finished")
  func nothingExpected() {
    var readiness = Self.machine([:])
    #expect(!readiness.isReady)
    readiness.upFinished(at: Self.at(1))
    #expect(readiness.isReady)
  }

  // MARK: Probes

  /// A machine whose service is healthy and has probes, which are being tried.
  private static func probing(restart: String = "no") -> Readiness {
    var readiness = Readiness(
      expected: ["web": 1, "other": 1], probed: ["web"], rules: ReadinessRules(allowedRestarts: 2), began: began)
    _ = readiness.apply(record(health: "healthy", restart: restart), at: at(1))
    _ = readiness.apply(record("other", health: "healthy", restart: restart), at: at(2))
    #expect(readiness.startProbing(at: at(2)) == [])
    readiness.upFinished(at: at(3))
    #expect(
      readiness.startProbing(at: at(3)) == [.progress(service: "web", .probing), .probe(services: ["web"])])
    #expect(readiness.startProbing(at: at(3)) == [])
    return readiness
  }

  @Test("Probes are tried once everything has come up, and then decide when the project is ready")
  func probes() {
    var readiness = Self.probing()
    #expect(!readiness.isReady)
    #expect(readiness.nextWake == nil)
    #expect(readiness.probesHold("web", at: Self.at(5)) == [.progress(service: "web", .ready)])
    #expect(!readiness.isReady)
    readiness.probingFinished()
    #expect(readiness.isReady)
    #expect(readiness.readyAfter == ["web": .seconds(5), "other": .seconds(2)])
  }

  @Test("A service that exits or turns unhealthy while probes are tried fails", arguments: ["web", "other"])
  func failsWhileProbing(_ service: String) {
    var exits = Self.probing()
    _ = exits.apply(Self.event(.die(exitCode: 4), service), at: Self.at(4))
    #expect(exits.failure?.cause == .exited(code: 4))
    #expect(exits.failure?.service == service)
    var unhealthy = Self.probing()
    #expect(
      unhealthy.apply(Self.event(.health(.unhealthy), service), at: Self.at(4))
        == [.progress(service: service, .unhealthy)])
    #expect(unhealthy.failure?.cause == .unhealthy)
  }

  @Test("Probes that held for a container which was restarted since are tried anew; a restart loop ends that")
  func restartsWhileProbing() {
    var readiness = Self.probing(restart: "always")
    for exits in 1...2 {
      let time = Double(exits) * 10
      _ = readiness.apply(Self.event(.die(exitCode: 4)), at: Self.at(time))
      _ = readiness.probesHold("web", at: Self.at(time))
      readiness.probingFinished()
      #expect(readiness.startProbing(at: Self.at(time)) == [])
      _ = readiness.apply(Self.event(.start), at: Self.at(time + 1))
      #expect(readiness.startProbing(at: Self.at(time + 1)) == [])
      _ = readiness.apply(Self.event(.health(.healthy)), at: Self.at(time + 2))
      #expect(readiness.startProbing(at: Self.at(time + 2)).contains(.probe(services: ["web"])))
    }
    #expect(!readiness.isReady)
    _ = readiness.apply(Self.event(.die(exitCode: 4)), at: Self.at(30))
    #expect(readiness.failure?.cause == .restartLoop(exits: 3, code: 4))
  }
}
