import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

@Suite("A project that outlives its runs", .kind(.containers), .serialized)
struct ReuseEngineTests {
  typealias Fixture = EngineFixture

  private static var options: UpOptions {
    var options = Fixture.options()
    options.reuse = true
    return options
  }

  /// What one run of the project saw.
  private struct Run {
    var projectName: String
    var containers: [String]
    var phases: [ServiceProgress.Phase]
    var wasAdopted: Bool { phases.contains(.adopted) }
  }

  private func run(_ project: ComposeProject, options: UpOptions = Self.options) async throws -> Run {
    let phases = Mutex<[ServiceProgress.Phase]>([])
    let note: @Sendable (ServiceProgress) -> Void = { step in phases.withLock { $0.append(step.phase) } }
    let (name, containers) = try await withComposeStack(project, options: options, progress: note) { stack in
      (stack.projectName, try await stack.services().map(\.containerID))
    }
    return Run(projectName: name, containers: containers, phases: phases.withLock { $0 })
  }

  /// Removes the project at the end, and proves it.
  private func withFixture(_ yaml: String, _ body: (EngineFixture) async throws -> Void) async throws {
    try await Fixture.with(yaml) { fixture in
      do { try await body(fixture) } catch {
        try await fixture.project.removeReused(options: Self.options)
        throw error
      }
      try await fixture.project.removeReused(options: Self.options)
      try await fixture.expectNothingLeft()
      // Its locks are empty files, which stay for the next run; there is none of this project.
      let caches = try FileManager.default.url(
        for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: false
      ).appending(path: "composekit")
      for name in try FileManager.default.contentsOfDirectory(atPath: caches.path())
      where name.hasPrefix(fixture.name) {
        #expect(!name.hasSuffix(".json"))
        try FileManager.default.removeItem(at: caches.appending(path: name))
      }
    }
  }

  @Test("It is left running, adopted by the next run, and removed by its own call only")
  func adopted() async throws {
    try await withFixture(Fixture.healthy) { fixture in
      let first = try await run(fixture.project)
      #expect(!first.wasAdopted)
      #expect(first.phases.contains(.healthy))
      #expect(!first.phases.contains(.removing))
      #expect(try await !fixture.leftovers().isEmpty)

      let second = try await run(fixture.project)
      #expect(second.wasAdopted)
      #expect(second.phases == [.adopted])
      #expect(second.projectName == first.projectName)
      #expect(second.containers == first.containers)

      // An ordinary run has nothing to do with it.
      let ordinary = try await run(fixture.project, options: Fixture.options())
      #expect(ordinary.projectName != first.projectName)
      #expect(try await run(fixture.project).containers == first.containers)
    }
  }

  @Test("A body that throws leaves it running, a start that fails does not")
  func failures() async throws {
    struct BodyFailed: Error {}
    try await withFixture(Fixture.healthy) { fixture in
      await #expect(throws: BodyFailed.self) {
        try await withComposeStack(fixture.project, options: Self.options) { _ in throw BodyFailed() }
      }
      let next = try await run(fixture.project)
      #expect(next.wasAdopted)
    }
    try await withFixture("services:\n" + Fixture.service("bad", "exit 3", Fixture.healthCheck)) { fixture in
      let error = await #expect(throws: ComposeError.self) { _ = try await run(fixture.project) }
      #expect(error?.code == .exited)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("One that was made from another configuration is replaced")
  func changed() async throws {
    let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "environment: {A: \"${A:-}\"}")
    try await withFixture(yaml) { fixture in
      var project = fixture.project
      project.environment["A"] = "1"
      let first = try await run(project)
      #expect(try await run(project).containers == first.containers)
      project.environment["A"] = "2"
      let second = try await run(project)
      #expect(!second.wasAdopted)
      #expect(second.phases.contains(.removed))
      #expect(second.projectName == first.projectName)
      #expect(second.containers != first.containers)
      var options = Self.options
      options.scale = ["web": 2]
      #expect(try await run(project, options: options).containers.count == 2)
    }
  }

  @Test("A changed build context, a mounted file or another image of the same name are noticed")
  func changedFiles() async throws {
    let yaml = "services: {web: {build: ., init: true, command: [sleep, \"600\"], volumes: [\"./conf:/conf:ro\"]}}\n"
    try await withFixture(yaml) { fixture in
      func write(_ name: String, _ text: String) throws {
        try text.write(to: fixture.folder.appending(path: name), atomically: true, encoding: .utf8)
      }
      try write("Dockerfile", "FROM e2e-base:bookworm\nRUN echo 1 > /version\n")
      try write("conf", "1")
      let first = try await run(fixture.project)
      #expect(try await run(fixture.project).containers == first.containers)
      try write("Dockerfile", "FROM e2e-base:bookworm\nRUN echo two > /version\n")
      try await withComposeStack(fixture.project, options: Self.options) { stack in
        let version = try await stack.exec("web", ["cat", "/version"]).standardOutput
        #expect(version == "two\n")
      }
      let second = try await run(fixture.project)
      #expect(second.wasAdopted)
      try write("conf", "changed")
      #expect(try await !run(fixture.project).wasAdopted)
      let third = try await run(fixture.project)
      #expect(third.wasAdopted)
      let image = "\(third.projectName)-web"
      try await Fixture.docker(["tag", "e2e-base:bookworm", image])
      #expect(try await !run(fixture.project).wasAdopted)
    }
  }

  @Test("One that has stopped or turned unhealthy is not adopted", arguments: ["stop", "unhealthy", "pause"])
  func notHealthy(_ how: String) async throws {
    let check =
      #"healthcheck: {test: ["CMD", "test", "!", "-f", "/tmp/bad"], interval: 500ms, timeout: 20s, retries: 1}"#
    try await withFixture("services:\n" + Fixture.service("web", "exec sleep 600", check)) { fixture in
      let first = try await run(fixture.project)
      let container = try #require(first.containers.first)
      switch how {
      case "stop": try await Fixture.docker(["kill", container])
      case "pause": try await Fixture.docker(["pause", container])
      default:
        try await Fixture.docker(["exec", container, "touch", "/tmp/bad"])
        let isUnhealthy = try await Fixture.eventually {
          try await Fixture.docker(["inspect", "--format", "{{.State.Health.Status}}", container]).contains("unhealthy")
        }
        #expect(isUnhealthy)
      }
      let second = try await run(fixture.project)
      #expect(!second.wasAdopted)
      #expect(second.containers != first.containers)
    }
  }

  @Test("Of two that start at the same time one starts it and the other one adopts it")
  func atTheSameTime() async throws {
    try await withFixture(Fixture.healthy) { fixture in
      async let one = run(fixture.project)
      async let other = run(fixture.project)
      let (first, second) = try await (one, other)
      #expect(first.containers == second.containers)
      #expect(Set([first.wasAdopted, second.wasAdopted]) == [true, false])
    }
  }

  @Test("Nobody takes it down under somebody who uses it, and whoever wants another one is told")
  func inUse() async throws {
    try await withFixture(Fixture.healthy) { fixture in
      try await withComposeStack(fixture.project, options: Self.options) { stack in
        var options = Self.options
        options.timeout = .milliseconds(300)
        options.scale = ["web": 2]
        let error = await #expect(throws: ComposeError.self) { try await run(fixture.project, options: options) }
        #expect(error?.code == .timedOut)
        #expect(error?.summary.contains("somebody else uses \(stack.projectName)") == true)
        let removal = await #expect(throws: ComposeError.self) {
          try await fixture.project.removeReused(options: options)
        }
        #expect(removal?.code == .timedOut)
        let health = try await stack.services().map(\.health)
        #expect(health == [.healthy])
      }
    }
  }

  @Test(
    "A process that is ended while it starts one leaves nothing; one that uses it leaves it", arguments: [true, false])
  func ownerIsEnded(_ isStarting: Bool) async throws {
    try await withFixture(Fixture.healthy) { fixture in
      let result = try await Owner.run(
        isStarting ? "starting" : "body", fixture, environment: ["COMPOSEKIT_REUSE": "1"]
      ) { owner in
        try await owner.waitFor("at \(isStarting ? "starting" : "body")")
        owner.send(SIGKILL)
      }
      #expect(result.status == .signaled(SIGKILL))
      if isStarting {
        #expect(try await fixture.leftoversAtLast() == [])
      } else {
        #expect(try await run(fixture.project).wasAdopted)
      }
    }
  }
}
