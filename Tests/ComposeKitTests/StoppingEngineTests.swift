import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("Services that do not stop on SIGTERM", .kind(.containers), .serialized, .besideAnotherProject)
struct StoppingEngineTests {
  typealias Fixture = EngineFixture

  /// A service whose first process ignores SIGTERM, as a shell with a child does that is not told to hand signals on.
  private static func deaf(_ name: String, _ more: String = "") -> String {
    Fixture.service(name, "trap '' TERM; touch /tmp/ok; while true; do sleep 1; done", more)
  }

  // The report: a start whose neighbours ignore SIGTERM was known to have failed after 1.5 s and threw after 13.7 s.
  @Test(
    "The cause of a failed start is thrown before its neighbours are stopped, and its removal is waited for by the next start",
    arguments: [("sleep 0.5; exit 3", ComposeError.Code.exited), ("exec sleep 600", .unhealthy)])
  func causeFirst(_ script: String, _ code: ComposeError.Code) async throws {
    let check = code == .unhealthy ? #"healthcheck: {test: ["CMD", "false"], interval: 1s, retries: 1}"# : ""
    // The last to be started: on a busy engine it would have ended before there are neighbours.
    let bad = Fixture.service("bad", script, "depends_on: [deaf, deafer]\n    " + check)
    let yaml = "services:\n" + bad + Self.deaf("deaf") + Self.deaf("deafer")
    try await Fixture.with(yaml) { fixture in
      var options = UpOptions()
      options.settlingTime = Fixture.optionsForFailing().settlingTime
      // Whoever waits for the neighbours to be stopped finds them gone.
      options.stopTimeout = .seconds(20)
      options.stopTimeoutAfterFailure = options.stopTimeout
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in }
      }
      let running = try await Fixture.docker(
        ["ps", "--filter", "name=\(fixture.name)-", "--format", #"{{.Label "com.docker.compose.service"}}"#])
      #expect(error?.code == code)
      #expect(Set(running.split(separator: "\n")).isSuperset(of: ["deaf", "deafer"]))
      // The next start of this process finds nothing of it.
      try await Fixture.with(Fixture.healthy) { next in
        try await withComposeStack(next.project, options: Fixture.options()) { _ in
          let left = try await fixture.leftovers()
          #expect(left == [])
        }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("After a failed start a service has the shorter time to stop, which can be set")
  func shorterTime() async throws {
    try await Fixture.with("services:\n" + Fixture.service("bad", "sleep 0.5; exit 3") + Self.deaf("deaf")) { fixture in
      var options = Fixture.optionsForFailing()
      options.stopTimeout = .seconds(60)
      options.stopTimeoutAfterFailure = .seconds(2)
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in }
      }
      #expect(error?.code == .exited)
      let began = ContinuousClock.now
      await waitForFailedStartsToBeRemoved()
      #expect(ContinuousClock.now - began < .seconds(40))
      try await fixture.expectNothingLeft()
    }
  }

  // Compose stops what depends on others first, one after the other: four such services take four times as long.
  @Test("A chain of services that ignore SIGTERM is stopped in order, within the time that takes")
  func chain() async throws {
    let names = ["a", "b", "c", "d"]
    let yaml =
      "services:\n"
      + zip(names, [""] + names).map { name, before in
        Self.deaf(name, before.isEmpty ? "" : "depends_on: [\(before)]")
      }.joined()
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      // Long enough that a deadline for one service would cut the chain off well before its end.
      options.stopTimeout = .seconds(9)
      let (name, began) = try await withComposeStack(fixture.project, options: options) {
        ($0.projectName, ContinuousClock.now)
      }
      // Killed by compose, each in its turn; a removal by label, which comes when that takes too long, kills all at once.
      #expect(ContinuousClock.now - began >= .seconds(36), "\(name)")
      try await fixture.expectNothingLeft()
    }
  }
}
