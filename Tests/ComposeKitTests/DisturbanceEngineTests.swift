import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Sources: docker/compose issues 10061 and 9260 (start takes dependencies and finished jobs along), moby/moby issues 46203 (a paused
/// container is called unhealthy), 11065 and 41302 (a signal cancels the restart policy).
@Suite(
  "Disturbing one service disturbs no other, and says when it disturbed nothing", .kind(.containers), .serialized,
  .timeLimit(.minutes(5)))
struct DisturbanceEngineTests {
  typealias Fixture = EngineFixture

  private static let chain =
    "services:\n" + Fixture.service("db", "exec sleep 600", "init: true") + Fixture.service("setup", "exit 0")
    + Fixture.service(
      "web", "exec sleep 600",
      "init: true\n    depends_on: {db: {condition: service_started}, setup: {condition: service_completed_successfully}}"
    )

  /// When each container was started, by its name.
  private func starts(_ stack: ComposeStack) async throws -> [String: String] {
    var starts: [String: String] = [:]
    for status in try await stack.services() {
      starts[status.service] = try await Fixture.docker(
        ["inspect", "--format", "{{.State.StartedAt}}", status.containerID])
    }
    return starts
  }

  @Test("Starting a service again starts no dependency that was stopped on purpose, and no finished job")
  func startAlone() async throws {
    try await Fixture.with(Self.chain) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let before = try await starts(stack)
        try await stack.stop("db")
        try await stack.stop("web")
        try await stack.start("web")
        try await stack.waitUntilReady("web")
        try await stack.withStopped("web") {}
        try await stack.restart("web", timeout: .zero)
        let after = try await starts(stack)
        #expect(after["web"] != before["web"])
        #expect(after["setup"] == before["setup"])
        #expect(after["db"] == before["db"])
        let states = try await stack.services().reduce(into: [:]) { $0[$1.service] = $1.state }
        #expect(states == ["db": .exited, "setup": .exited, "web": .running])
      }
    }
  }

  @Test("A service that was never ill is ready after a pause, although the engine calls it unhealthy meanwhile")
  func readyAfterPause() async throws {
    let yaml =
      "services:\n"
      + Fixture.service(
        "web", "touch /tmp/ok; exec sleep 600",
        #"healthcheck: {test: ["CMD", "test", "-f", "/tmp/ok"], interval: 2s, retries: 3}"#)
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        try await stack.withPaused("web") {
          let status = try await stack.services().first
          #expect(status?.state == .paused)
        }
        try await stack.waitUntilReady("web", timeout: .seconds(60))
        #expect(try await stack.services().first?.health == .healthy)
        // One that is really ill after a pause is told so, although no event says it. It falls ill before: on a busy engine two seconds
        // pass between two commands, and a good check in between would be right.
        #expect(try await stack.exec("web", ["rm", "/tmp/ok"]).exitCode == 0)
        try await stack.pause("web")
        try await stack.unpause("web")
        let error = await #expect(throws: ComposeError.self) {
          try await stack.waitUntilReady("web", timeout: .seconds(60))
        }
        #expect(error?.code == .unhealthy)
      }
    }
  }

  @Test("Pausing or killing a service that has stopped is an error: nothing was disturbed")
  func nothingDisturbed() async throws {
    let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "init: true")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        try await stack.stop("web")
        let attempts: [@Sendable () async throws -> Void] = [
          { try await stack.pause("web") }, { try await stack.kill("web") },
          { try await stack.withPaused("web") { _ = Issue.record("the body ran") } },
          { try await stack.withStopped("web") { _ = Issue.record("the body ran") } },
        ]
        for attempt in attempts {
          let error = await #expect(throws: ComposeError.self) { try await attempt() }
          #expect(error?.code == .notRunning, "\(String(describing: error))")
          #expect(error?.service == "web")
        }
        // What was asked for is so already.
        try await stack.stop("web")
        #expect(try await stack.services().first?.state == .exited)
      }
    }
  }

  @Test("A signal from inside leaves the restart policy in force; one from outside, whichever it is, cancels it")
  func signals() async throws {
    let yaml =
      "services:\n"
      + Fixture.service(
        "web", "trap 'echo got >> /tmp/got; exit 0' HUP TERM; while :; do sleep 0.1; done", "restart: always")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        try await stack.signal("web", "SIGHUP")
        let isRestarted = try await Fixture.eventually {
          let status = try await stack.services().first
          return status?.restartCount == 1 && status?.state == .running
        }
        #expect(isRestarted)
        #expect(try await stack.exec("web", ["cat", "/tmp/got"]).standardOutput == "got\n")
        let refused = await #expect(throws: ComposeError.self) { try await stack.signal("web", "KILL") }
        #expect(refused?.code == .unsupported)
        try await stack.kill("web", signal: "SIGHUP")
        let hasEnded = try await Fixture.eventually { try await stack.services().first?.state == .exited }
        #expect(hasEnded)
        // It is known at once that nobody starts it again.
        let began = ContinuousClock.now
        try await stack.waitUntilReady("web", timeout: .seconds(120))
        #expect(ContinuousClock.now - began < .seconds(110))
        #expect(try await stack.services().first?.state == .exited)
        let error = await #expect(throws: ComposeError.self) { try await stack.signal("web", "HUP") }
        #expect(error?.code == .notRunning)
      }
    }
  }

  @Test("A network is found under its name in the file, also where the file gives it another one")
  func namedNetwork() async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "exec sleep 600", "networks: [backend, default]")
      + Fixture.service("other", "exec sleep 600", "networks: [backend]")
      + "networks: {backend: {name: \"${NET}\"}}\n"
    try await Fixture.with(yaml) { fixture in
      let project = fixture.project.with(environment: ["NET": "\(fixture.name)-net"])
      try await withComposeStack(project, options: Fixture.options()) { stack in
        @Sendable func webIsKnown() async throws -> Bool {
          try await stack.exec("other", ["getent", "hosts", "web"]).exitCode == 0
        }
        #expect(try await webIsKnown())
        let isKnown = try await stack.withDisconnected("web", network: "backend") { try await webIsKnown() }
        #expect(!isKnown)
        #expect(try await webIsKnown())
        let byRealName = try await stack.withDisconnected("web", network: "\(fixture.name)-net") {
          try await webIsKnown()
        }
        #expect(!byRealName)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A command inside that takes too long is named, and said to go on")
  func execTimeout() async throws {
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600")) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let error = await #expect(throws: ComposeError.self) {
          _ = try await stack.exec("web", ["sleep", "5.25"], timeout: .seconds(1))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.service == "web")
        #expect(error?.summary.contains("sleep 5.25") == true, "\(String(describing: error))")
        #expect(error?.next?.contains("goes on") == true, "\(String(describing: error))")
        let top = try await Fixture.docker(["top", try #require(try await stack.services().first).containerID])
        #expect(top.contains("sleep 5.25"))
      }
    }
  }
}
