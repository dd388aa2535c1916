import ComposeTesting
import Testing

// An engine's records, and settings, are made here by their synthesized initialisers.
@testable import ComposeKit

@Suite("What an exit, a wait and a pause mean for readiness", .kind(.logic))
struct ServiceRulesTests {
  static let began = ContinuousClock.now

  private static func at(_ seconds: Double) -> ContinuousClock.Instant { began + .seconds(seconds) }

  private static func record(
    _ service: String = "web", state: String = "running", health: String? = nil, streak: Int? = nil, exitCode: Int = 0,
    restart: String = "no", retries: Int = 0
  ) -> ContainerRecord {
    ContainerRecord(
      id: "\(service)-id", restartCount: 0,
      state: .init(
        status: state, exitCode: exitCode, oomKilled: false,
        health: health.map { .init(status: $0, failingStreak: streak, log: nil) }),
      config: .init(image: "image", labels: ["com.docker.compose.service": service]),
      hostConfig: .init(restartPolicy: .init(name: restart, maximumRetryCount: retries)))
  }

  private static func event(_ kind: EngineEvent.Kind, _ service: String = "web") -> EngineEvent {
    EngineEvent(containerID: "\(service)-id", service: service, kind: kind)
  }

  @Test(
    "Which exits are followed by a restart",
    arguments: [
      ("no", 0, 1, 1, false), ("", 0, 1, 1, false), ("always", 0, 0, 9, true), ("unless-stopped", 0, 0, 9, true),
      ("on-failure", 0, 0, 1, false), ("on-failure", 0, 3, 9, true), ("on-failure", 2, 3, 2, true),
      ("on-failure", 2, 3, 3, false),
    ])
  func policy(_ name: String, _ retries: Int, _ code: Int, _ exits: Int, _ restarts: Bool) {
    let policy = RestartPolicy(name: name, maximumRetries: retries)
    #expect(policy.restarts(afterExit: code, exits: exits) == restarts)
  }

  @Test("A job is ready when it has ended well, and only then")
  func job() {
    var readiness = Readiness(expected: ["web": 1], jobs: ["web"], rules: ReadinessRules(), began: Self.began)
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    _ = readiness.apply(Self.record(), at: Self.at(0))
    _ = readiness.tick(at: Self.at(30))
    #expect(!readiness.isReady)
    #expect(readiness.describe("web") == "running, it has not ended yet")
    _ = readiness.apply(Self.event(.health(.unhealthy)), at: Self.at(31))
    #expect(readiness.failure == nil)
    #expect(
      readiness.apply(Self.event(.die(exitCode: 0)), at: Self.at(32)).last == .progress(service: "web", .completed))
    #expect(readiness.isReady)
  }

  @Test("A service that was stopped on purpose is known not to come back, whatever its policy")
  func stopped() {
    var readiness = Readiness(expected: ["web": 1], rules: ReadinessRules(), began: Self.began)
    readiness.upFinished(at: Self.at(0))
    let record = Self.record(state: "exited", exitCode: 143, restart: "always")
    _ = readiness.apply(record, at: Self.at(0))
    #expect(readiness.failure == nil)
    #expect(readiness.nextWake == Self.at(1))
    #expect(readiness.tick(at: Self.at(1)) == [.inspect(containerID: "web-id")])
    _ = readiness.apply(record, at: Self.at(1.1))
    #expect(readiness.failure?.cause == .exited(code: 143))

    var restarted = Readiness(expected: ["web": 1], rules: ReadinessRules(), began: Self.began)
    restarted.upFinished(at: Self.at(0))
    _ = restarted.apply(record, at: Self.at(0))
    _ = restarted.apply(Self.record(state: "restarting", exitCode: 143, restart: "always"), at: Self.at(1.1))
    _ = restarted.apply(Self.event(.start), at: Self.at(1.5))
    _ = restarted.apply(Self.record(restart: "always"), at: Self.at(1.6))
    #expect(restarted.failure == nil)
    _ = restarted.tick(at: Self.at(3))
    #expect(restarted.isReady)
  }

  @Test("An exit whose event does not tell the code waits for the inspection")
  func unknownCode() {
    var readiness = Readiness(expected: ["web": 1], rules: ReadinessRules(), began: Self.began)
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    _ = readiness.apply(Self.record(), at: Self.at(0))
    _ = readiness.apply(Self.event(.die(exitCode: -1)), at: Self.at(0.5))
    #expect(readiness.failure == nil)
    _ = readiness.apply(Self.record(state: "exited"), at: Self.at(0.6))
    #expect(readiness.isReady)
  }

  @Test("Who waits for others has no deadline until they are ready, and then its own")
  func waiting() {
    var rules = ReadinessRules(timeout: .seconds(3))
    rules.timeouts["db"] = .seconds(30)
    var readiness = Readiness(
      expected: ["db": 1, "web": 1], dependencies: ["web": ["db", "not started"]], rules: rules, began: Self.began)
    _ = readiness.apply(Self.event(.create), at: Self.at(0))
    _ = readiness.apply(Self.event(.create, "db"), at: Self.at(0))
    _ = readiness.apply(Self.event(.start, "db"), at: Self.at(0))
    _ = readiness.apply(Self.record("db", health: "starting"), at: Self.at(0))
    _ = readiness.tick(at: Self.at(29))
    #expect(readiness.failure == nil)
    _ = readiness.apply(Self.event(.health(.healthy), "db"), at: Self.at(29))
    _ = readiness.tick(at: Self.at(31))
    #expect(readiness.failure == nil)
    #expect(readiness.nextWake == Self.at(32))
    _ = readiness.tick(at: Self.at(32))
    #expect(readiness.failure?.service == "web")
  }

  @Test("A paused service is not ready; unhealthy without a failed check means that none has run")
  func paused() {
    var readiness = Readiness(expected: ["web": 1], rules: ReadinessRules(timeout: .seconds(5)), began: Self.began)
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.record(state: "paused"), at: Self.at(0))
    _ = readiness.tick(at: Self.at(4))
    #expect(!readiness.isReady)
    #expect(readiness.describe("web") == "paused")
    #expect(readiness.apply(Self.event(.unpause), at: Self.at(4)) == [.inspect(containerID: "web-id")])
    _ = readiness.apply(Self.record(health: "unhealthy", streak: 2), at: Self.at(4))
    #expect(readiness.failure == nil)
    #expect(readiness.nextWake == Self.at(5))
    var healthy = readiness
    _ = healthy.apply(Self.event(.health(.healthy)), at: Self.at(4.5))
    #expect(healthy.isReady)
    _ = readiness.apply(Self.record(health: "unhealthy", streak: 3), at: Self.at(4.9))
    #expect(readiness.failure?.cause == .unhealthy)
    // An engine that does not count them is believed.
    var other = Readiness(expected: ["web": 1], rules: ReadinessRules(), began: Self.began)
    _ = other.apply(Self.record(health: "unhealthy"), at: Self.at(0))
    #expect(other.failure?.cause == .unhealthy)
  }

  @Test("Podman tells of each check, also of what has not changed; an inspection tells what it said")
  func everyCheck() {
    var readiness = Readiness(expected: ["web": 1], rules: ReadinessRules(), began: Self.began)
    readiness.upFinished(at: Self.at(0))
    _ = readiness.apply(Self.event(.start), at: Self.at(0))
    #expect(readiness.apply(Self.event(.healthChecked), at: Self.at(1)) == [.inspect(containerID: "web-id")])
    _ = readiness.apply(Self.record(health: "healthy"), at: Self.at(1))
    #expect(readiness.isReady)
    #expect(readiness.apply(Self.event(.health(.healthy)), at: Self.at(2)) == [])
    #expect(readiness.isReady)
  }

  static let shared = """
    {"services": {"web": {"image": "shop/app", "build": {"context": "."}}, "worker": {"image": "docker.io/shop/app:latest"},
      "db": {"image": "db:1"}, "migrate": {"image": "shop/app", "pull_policy": "always",
        "depends_on": {"db": {"condition": "service_healthy"}, "seed": {"condition": "service_completed_successfully"},
          "opt": {"condition": "service_started", "required": false}}}, "seed": {"image": "db:1"}}}
    """

  @Test("Images that one service builds are built for all, and pulled for none")
  func images() throws {
    let configuration = try ProjectConfiguration(json: Self.shared, projectName: "shop-1")
    func plan(_ services: Set<String>, absent: Set<String>, _ settings: StartSettings = StartSettings()) -> ImagePlan {
      ImagePlan(configuration, services: services, absent: absent, settings: settings)
    }
    let all = plan(["web", "worker", "db"], absent: ["web", "worker", "db"])
    #expect(all.build == ["web"])
    #expect(all.pull == ["db"])
    #expect(plan(["worker"], absent: ["worker"]).build == ["web"])
    #expect(plan(["worker"], absent: []).build == [])
    let always = plan(["worker", "db"], absent: [], StartSettings(build: .always, pull: .always))
    #expect(always.build == ["web"])
    #expect(always.pull == ["db"])
    let never = plan(["web", "worker"], absent: ["web", "worker"], StartSettings(build: .never))
    #expect(never.build == [])
    #expect(never.pull == ["worker"])
  }

  @Test("Jobs are known from the files of both generations, and what is not there is not waited for")
  func jobs() throws {
    let second = try ProjectConfiguration(json: Self.shared, projectName: "shop-1")
    #expect(second.jobs == ["seed"])
    #expect(try second.selection(["migrate"], project: "shop") == ["migrate", "db", "seed"])
    let dump = """
      services:
        db:
          image: db
        migrate:
          depends_on:
            db:
              condition: service_started
            seed:
              condition: service_completed_successfully
          image: x
        seed:
          image: y
        web:
          depends_on:
          - db
          image: z
      """
    let first = ProjectConfiguration(firstGeneration: dump, projectName: "shop-1", profiles: [])
    #expect(first.jobs == ["seed"])
    #expect(first.services["migrate"]?.dependencies == ["db", "seed"])
    #expect(first.services["web"]?.dependencies == ["db"])
  }
}
