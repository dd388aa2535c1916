import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Sources: docker/compose issues 10596 and 9273 (one-shots), 11474 (who waits for whom), 6464 and 1548 (images that are shared),
/// 10901 (optional dependencies).
@Suite(
  "Services that end, that wait for others, and that share an image", .kind(.containers), .serialized,
  .timeLimit(.minutes(5)))
struct JobEngineTests {
  typealias Fixture = EngineFixture

  private static let waiting = Fixture.service(
    "web", "exec sleep 600", "depends_on: {job: {condition: service_completed_successfully}}")

  @Test(
    "A job that is restarted only when it fails is complete when it has exited with 0",
    arguments: ["exit 0", "[ -f /tmp/tried ] && exit 0; touch /tmp/tried; exit 3"])
  func restartedJob(_ script: String) async throws {
    let yaml = "services:\n" + Self.waiting + Fixture.service("job", script, "restart: on-failure")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options(timeout: .seconds(60))) { stack in
        let job = try await stack.services().first { $0.service == "job" }
        #expect(job?.state == .exited)
        #expect(job?.exitCode == 0)
        #expect(job?.restartCount == (script == "exit 0" ? 0 : 1))
        #expect(stack.serviceReadyAfter["web"] != nil)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A service whose restarts are used up fails at once, not at its deadline")
  func restartsUsedUp() async throws {
    let yaml = "services:\n" + Fixture.service("web", "exit 3", "restart: on-failure:1")
    try await Fixture.with(yaml) { fixture in
      let began = ContinuousClock.now
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.optionsForFailing(timeout: .seconds(120))) { _ in }
      }
      #expect(error?.code == .exited)
      #expect(error?.exitCode == 3)
      #expect(ContinuousClock.now - began < .seconds(110))
      try await fixture.expectNothingLeft()
    }
  }

  @Test(
    "A job whose image has a health check is complete when it has ended, whatever the health check said meanwhile",
    arguments: ["exit 0", "sleep 4"])
  func healthCheckedJob(_ script: String) async throws {
    let yaml =
      "services:\n" + Self.waiting + "  job: {build: ., command: [sh, -c, \"\(script)\"], init: true}\n"
    try await Fixture.with(yaml) { fixture in
      // The check is one for the server that the image also holds.
      try "FROM e2e-base:bookworm\nHEALTHCHECK --interval=1s --retries=1 CMD false\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      try await withComposeStack(fixture.project, options: Fixture.options(timeout: .seconds(60))) { stack in
        let job = try await stack.services().first { $0.service == "job" }
        #expect(job?.exitCode == 0)
        let web = try await stack.services().first { $0.service == "web" }
        #expect(web?.state == .running)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A service that waits for a slow one is not on the clock meanwhile")
  func slowDependency() async throws {
    let check = #"healthcheck: {test: ["CMD", "test", "-f", "/tmp/ok"], interval: 1s, retries: 60}"#
    let yaml =
      "services:\n" + Fixture.service("db", "sleep 16; touch /tmp/ok; exec sleep 600", check)
      + Fixture.service("web", "exec sleep 600", "depends_on: {db: {condition: service_healthy}}")
    try await Fixture.with(yaml) { fixture in
      // A busy engine takes three seconds and more to start what it has created.
      var options = Fixture.options(timeout: .seconds(12))
      options.timeouts["db"] = .seconds(60)
      try await withComposeStack(fixture.project, options: options) { stack in
        let db = try #require(stack.serviceReadyAfter["db"])
        #expect(db >= .seconds(16))
        #expect(stack.serviceReadyAfter["web"] != nil)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("An image that one service builds and another one uses is built, not pulled")
  func sharedImage() async throws {
    let yaml = """
      services:
        web: {build: ., image: "${APP}", command: [sleep, "600"]}
        worker: {image: "${APP}", command: [sleep, "600"]}
      """
    try await Fixture.with(yaml) { fixture in
      try "FROM e2e-base:bookworm\nRUN touch /built\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      // A registry that does not answer: whoever pulls fails.
      let image = "localhost:1/\(fixture.name)app:1"
      let project = fixture.project.with(environment: ["APP": image])
      for chosen in [[], ["worker"]] {
        var options = Fixture.options()
        options.services = chosen
        try await withComposeStack(project, options: options) { stack in
          let built = try await stack.exec("worker", ["test", "-f", "/built"])
          #expect(built.exitCode == 0)
        }
        try await Fixture.docker(["image", "rm", "--force", image])
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("An optional dependency whose profile is not enabled does not keep chosen services from starting")
  func optionalDependency() async throws {
    let yaml =
      "services:\n"
      + Fixture.service(
        "web", "exec sleep 600", "depends_on: {opt: {condition: service_started, required: false}}")
      + Fixture.service("opt", "exec sleep 600", "profiles: [x]")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.services = ["web"]
      try await withComposeStack(fixture.project, options: options) { stack in
        let services = try await stack.services().map(\.service)
        #expect(services == ["web"])
      }
      try await fixture.expectNothingLeft()
    }
  }
}
