import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Situations of public reports that ComposeKit was tried against; each test names its source, docs/compatibility.md lists them.
@Suite("Situations from public reports", .kind(.containers), .serialized, .timeLimit(.minutes(5)))
struct CompatibilityEngineTests {
  typealias Fixture = EngineFixture

  @Test("A file that cannot be read without its variables is taken down with them (testcontainers-java 8492)")
  func requiredVariables() async throws {
    let yaml = "services: {web: {build: {context: \"${NEEDED:?is needed}\"}, command: [sleep, \"600\"]}}\n"
    try await Fixture.with(yaml) { fixture in
      try "FROM e2e-base:bookworm\nRUN touch /built\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      let project = fixture.project.with(environment: ["NEEDED": fixture.folder.path()])
      // Twice: what one test leaves must not be in the way of the next one (testcontainers-java 7443).
      for _ in 0..<2 {
        try await withComposeStack(project, options: Fixture.options()) { stack in
          let states = try await stack.services().map(\.state)
          #expect(states == [.running])
        }
      }
      try await fixture.expectNothingLeft()
      #expect(try await Fixture.docker(["image", "ls", "--quiet", "--filter", "reference=\(fixture.name)-*"]) == "")
    }
  }

  @Test("A dollar sign that is escaped arrives as one, also in a file that is included (compose 11990, 12580)")
  func dollars() async throws {
    try await Fixture.with("include: [more.yml]\n") { fixture in
      let more =
        "services:\n"
        + Fixture.service("web", "echo $$HOME; exec sleep 600", "environment: {PRICE: \"5$$\", HOME: /there}")
      try more.write(to: fixture.folder.appending(path: "more.yml"), atomically: true, encoding: .utf8)
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let price = try await stack.exec("web", ["printenv", "PRICE"]).standardOutput
        #expect(price == "5$\n")
        #expect(try await stack.logs() == "web-1  | /there\n")
      }
    }
  }

  @Test("A service fails that another one waits for through a third: told at once, and it is the one (compose 10728)")
  func indirectDependency() async throws {
    let yaml =
      "services:\n" + Fixture.service("bad", "exit 3", Fixture.healthCheck)
      + Fixture.service(
        "middle", "exec sleep 600", Fixture.healthCheck + "\n    depends_on: {bad: {condition: service_healthy}}")
      + Fixture.service("web", "exec sleep 600", "depends_on: {middle: {condition: service_healthy}}")
    try await Fixture.with(yaml) { fixture in
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.options()) { _ in }
      }
      #expect(error?.code == .exited)
      #expect(error?.service == "bad")
      #expect(error?.exitCode == 3)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Links of old files work, and each service has its ports (testcontainers-java 5351)")
  func links() async throws {
    let yaml =
      "services:\n" + Fixture.service("db", "exec sleep 600", "ports: [\"80\"]")
      + Fixture.service("web", "exec sleep 600", "links: [\"db:database\"]\n    ports: [\"80\"]")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let found = try await stack.exec("web", ["getent", "hosts", "database"])
        #expect(found.exitCode == 0)
        let (web, db) = (try await stack.endpoint(of: "web", port: 80), try await stack.endpoint(of: "db", port: 80))
        #expect(web.port != db.port)
      }
    }
  }

  @Test("What the engine is too old for is named (compose 11683)")
  func startInterval() async throws {
    let engine = try await ComposeEngine.detect()
    let major = Int(engine.engineVersion.prefix { $0.isNumber }) ?? 0
    let check = #"healthcheck: {test: ["CMD", "true"], interval: 1s, start_period: 5s, start_interval: 1s}"#
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600", check)) { fixture in
      do {
        try await withComposeStack(fixture.project, options: Fixture.options()) { _ in }
        #expect(major >= 25)
      } catch let error as ComposeError {
        #expect(major < 25)
        #expect(error.code == .upFailed)
        #expect(error.description.contains("start_interval"), "\(error)")
        #expect(error.description.contains("engine \(engine.engineVersion)") || error.engine != nil)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Many commands at once leave Swift's threads to other tests (Lupen 22, KiwiDesk 344)")
  func cooperativeThreads() async throws {
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600")) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let longest = try await withThrowingTaskGroup(of: Duration?.self) { group in
          for _ in 0..<16 {
            group.addTask {
              _ = try await stack.exec("web", ["sleep", "3"])
              return nil
            }
          }
          group.addTask {
            var longest = Duration.zero
            for _ in 0..<20 {
              let began = ContinuousClock.now
              try await Task.sleep(for: .milliseconds(20))
              longest = max(longest, ContinuousClock.now - began)
            }
            return longest
          }
          return try await group.reduce(Duration.zero) { max($0, $1 ?? .zero) }
        }
        // A thread that waits for a process would be missed for three seconds by each of more than there are cores.
        #expect(longest < .milliseconds(2500))
      }
    }
  }

  @Test("A service that its dependants find unhealthy at first fails the start with its probe's words (compose 11474)")
  func unhealthyAtFirst() async throws {
    let check = #"healthcheck: {test: ["CMD-SHELL", "echo not yet; false"], interval: 1s, retries: 2}"#
    let yaml =
      "services:\n" + Fixture.service("db", "exec sleep 600", check)
      + Fixture.service("web", "exec sleep 600", "depends_on: {db: {condition: service_healthy}}")
    try await Fixture.with(yaml) { fixture in
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.options(timeout: .seconds(30))) { _ in }
      }
      #expect(error?.code == .unhealthy)
      #expect(error?.service == "db")
      #expect(error?.probeOutput?.contains("not yet") == true)
      try await fixture.expectNothingLeft()
    }
  }
}
