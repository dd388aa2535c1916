import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite(
  "Nothing is left when the task is cancelled, in any phase", .kind(.containers), .serialized, .besideAnotherProject)
struct CancellationEngineTests {
  typealias Fixture = EngineFixture

  /// Runs the fixture's project until it reports a phase, and cancels it then.
  private func cancel(
    _ fixture: EngineFixture, at phase: ServiceProgress.Phase, options: UpOptions = Fixture.options(),
    body: @escaping @Sendable () async throws -> Void = { try await Task.sleep(for: .seconds(100)) }
  ) async throws -> (any Error)? {
    let (steps, input) = AsyncStream<ServiceProgress.Phase>.makeStream()
    let run = Task {
      defer { input.finish() }
      try await withComposeStack(fixture.project, options: options, progress: { input.yield($0.phase) }) { _ in
        try await body()
      }
    }
    var isReached = false
    for await step in steps where step == phase {
      isReached = true
      break
    }
    run.cancel()
    #expect(isReached, "the project did not get to \(phase)")
    if case .failure(let error) = await run.result { return error }
    return nil
  }

  @Test("Before it has begun")
  func before() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      await withTaskGroup(of: Void.self) { group in
        group.cancelAll()
        group.addTask {
          await #expect(throws: CancellationError.self) {
            try await withComposeStack(fixture.project, options: Fixture.options()) { _ in Issue.record("the body ran")
            }
          }
        }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("While compose checks the files")
  func validating() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let gate = try FileGate(in: fixture.folder)
      var project = fixture.project
      project.files.append(gate.path)
      try await withThrowingTaskGroup(of: Void.self) { [project] group in
        group.addTask {
          await #expect(throws: CancellationError.self) {
            try await withComposeStack(project, options: Fixture.options()) { _ in Issue.record("the body ran") }
          }
        }
        try await gate.whenRead {
          group.cancelAll()
          try await group.waitForAll()
        }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("While an image is built")
  func building() async throws {
    try await Fixture.with("services: {web: {build: .}}\n") { fixture in
      try "FROM e2e-base:bookworm\nRUN echo \(fixture.name); sleep 60\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      #expect(try await cancel(fixture, at: .building) is CancellationError)
      try await fixture.expectNothingLeft()
      // The build in the engine ends with its client, and does not go on in the background.
      #expect(try await fixture.leftoversAtLast() == [])
    }
  }

  @Test("While the containers are created")
  func created() async throws {
    // Each of them waits for the one before it, so that `up` is still at work.
    let yaml =
      Fixture.healthy + Fixture.service("late", "exec sleep 600", "depends_on: {web: {condition: service_healthy}}")
    try await Fixture.with(yaml) { fixture in
      #expect(try await cancel(fixture, at: .created) is CancellationError)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("While a probe is tried")
  func probing() async throws {
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600")) { fixture in
      let (tries, input) = AsyncStream<Void>.makeStream()
      var options = Fixture.options()
      options.probes["web"] = [
        .closure("never") { _ in
          input.yield()
          return false
        }
      ]
      try await withThrowingTaskGroup(of: Void.self) { [options] group in
        group.addTask {
          await #expect(throws: CancellationError.self) {
            try await withComposeStack(fixture.project, options: options) { _ in Issue.record("the body ran") }
          }
        }
        for await _ in tries { break }
        group.cancelAll()
        try await group.waitForAll()
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("In a body that does not notice and returns: what was asked for has not been done")
  func unnoticed() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let error = try await cancel(fixture, at: .healthy) { try? await Task.sleep(for: .seconds(100)) }
      #expect(error is CancellationError)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("While it is taken down, which goes on to its end")
  func removing() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let error = try await cancel(fixture, at: .removing, body: {})
      #expect(error == nil)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("While it is taken down after an error, which is what is thrown")
  func removingAfterError() async throws {
    struct BodyFailed: Error {}
    try await Fixture.with(Fixture.healthy) { fixture in
      #expect(try await cancel(fixture, at: .removing, body: { throw BodyFailed() }) is BodyFailed)
      try await fixture.expectNothingLeft()
    }
  }
}
