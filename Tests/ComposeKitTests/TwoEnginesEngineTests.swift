import ComposeKit
import ComposeTesting
import Foundation
import Subprocess
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(
  "Two engines in one process", .kind(.containers), .serialized, .besideAnotherProject,
  .enabled(if: PrivateEngine.isPossible, PrivateEngine.need))
struct TwoEnginesEngineTests {
  typealias Fixture = EngineFixture

  private static let yaml = Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n"

  /// A fixture on the machine's engine, and the same one on a second engine.
  private func withPair(
    _ body:
      @escaping @Sendable (_ here: EngineFixture, _ there: EngineFixture, _ second: PrivateEngine) async throws -> Void
  ) async throws {
    try await PrivateEngine.with { second in
      try await Fixture.with(Self.yaml) { fixture in try await body(fixture, fixture.on(second), second) }
    }
  }

  @Test("One project runs on both at once; each stack answers for its own, and the end of one does not touch the other")
  func sideBySide() async throws {
    try await withPair { here, there, second in
      let engine = try await ComposeEngine.detect(address: second.address)
      #expect(engine.address == second.address)
      #expect(engine.description.contains(second.address), "\(engine)")
      let usual = try await ComposeEngine.detect()
      #expect(usual != engine)
      try await withComposeStack(here.project, options: Fixture.options()) { first in
        let names = try await withComposeStack(there.project, on: engine, options: Fixture.options()) { other in
          #expect(other.engine == engine)
          #expect(first.engine == usual)
          #expect(try await here.leftovers().count == 3)
          #expect(try await there.leftovers().count == 3)
          // Whatever is asked or done goes to the stack's own engine.
          let ids = try await (first.services().map(\.containerID), other.services().map(\.containerID))
          #expect(try await second.docker(["ps", "--quiet", "--no-trunc"]).contains(ids.1[0]))
          #expect(try await !second.docker(["ps", "--quiet", "--no-trunc"]).contains(ids.0[0]))
          #expect(try await other.exec("web", ["test", "-f", "/tmp/ok"]).exitCode == 0)
          try await other.restart("web", timeout: .zero)
          try await other.waitUntilReady("web")
          let error = await #expect(throws: ComposeError.self) {
            try await other.exec("web", ["sleep", "9"], timeout: .seconds(1))
          }
          #expect(
            error?.command?.hasPrefix("DOCKER_HOST=\(second.address) docker exec") == true, "\(error?.command ?? "")")
          return [first.projectName, other.projectName]
        }
        #expect(Set(names).count == 2)
        #expect(try await there.leftovers() == [])
        #expect(try await here.leftovers().count == 3)
      }
      try await here.expectNothingLeft()
      try await there.expectNothingLeft()
    }
  }

  @Test("The owner of a project on each is ended: nothing is left on either", arguments: [SIGKILL, SIGTERM])
  func ownerIsEnded(_ signal: Int32) async throws {
    try await withPair { here, there, second in
      let result = try await Owner.run("body", here, environment: ["COMPOSEOWNER_SECOND": second.address]) { owner in
        try await owner.waitFor("at second")
        try await owner.waitFor("at body")
        #expect(try await here.leftovers().count == 3)
        #expect(try await there.leftovers().count == 3)
        owner.send(signal)
      }
      #expect(result.status == .signaled(signal))
      #expect(try await here.leftoversAtLast() == [])
      #expect(try await there.leftoversAtLast() == [])
    }
  }

  @Test(
    "The owner is killed while one engine is away: the other is empty all the same, the next start names what is left, and one there removes it"
  )
  func ownerIsKilledWhileOneIsAway() async throws {
    try await withPair { here, there, second in
      let temporary = here.folder.appending(path: "tmp")
      try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
      let left = LeftBehind(folder: temporary.appending(path: "composekit-left-\(getuid())"))
      let environment = ["TMPDIR": temporary.path()]
      let both = environment.merging(["COMPOSEOWNER_SECOND": second.address]) { $1 }
      let killed = try await Owner.run("body", here, environment: both) { owner in
        try await owner.waitFor("at body")
        try await second.kill()
        owner.send(SIGKILL)
      }
      #expect(killed.status == .signaled(SIGKILL))
      let removed = ContinuousClock.now + .seconds(40)
      #expect(try await here.leftoversAtLast() == [])
      #expect(ContinuousClock.now < removed, "the engine that is away has kept the watchdog from the other one")
      let isTold = await Fixture.eventually(within: .seconds(240)) { !left.entries().isEmpty }
      #expect(isTold, "the watchdog has left no word")
      let next = try await Owner.run("body", here, environment: environment) { owner in
        try await owner.waitFor("at body")
        owner.send(SIGTERM)
      }
      for words in [
        "\(here.name)-", "could not be removed when its run ended", "DOCKER_HOST=\(second.address) docker ps -a",
      ] {
        #expect(next.output.contains(words), "\(next.output)")
      }
      try await second.start()
      let last = try await Owner.run("body", here, environment: both) { owner in
        try await owner.waitFor("at body")
        owner.send(SIGTERM)
      }
      #expect(last.status == .signaled(SIGTERM))
      #expect(try await there.leftoversAtLast() == [])
      #expect(left.entries() == [])
    }
  }

  @Test("What a dead owner left on an engine is swept when something starts there, and not before")
  func sweep() async throws {
    try await withPair { here, there, second in
      let dead = try await Subprocess.run(.path("/bin/true"), output: .discarded).processIdentifier.value
      let alive = try await withComposeStack(here.project, options: Fixture.options()) { $0.projectName }
      let id = Array(try #require(alive.split(separator: "-").last))
      let digits = String(dead, radix: 36)
      let abandoned = String(id[0...10]) + String(repeating: "0", count: 5 - digits.count) + digits + "1"
      let label = "com.docker.compose.project=\(here.name)-\(abandoned)"
      try await second.docker(["volume", "create", "--label", label, "\(here.name)-\(abandoned)_data"])
      // The owner starts here, and then there as well.
      let first = try await Owner.run("body", here) { owner in
        try await owner.waitFor("at body")
        #expect(try await there.leftovers() == ["volume of \(here.name)-\(abandoned)"])
        owner.send(SIGTERM)
      }
      #expect(first.status == .signaled(SIGTERM))
      let both = try await Owner.run("body", here, environment: ["COMPOSEOWNER_SECOND": second.address]) { owner in
        try await owner.waitFor("at second")
        #expect(try await !there.leftovers().contains("volume of \(here.name)-\(abandoned)"))
        owner.send(SIGTERM)
      }
      #expect(both.status == .signaled(SIGTERM))
      #expect(try await here.leftoversAtLast() == [])
      #expect(try await there.leftoversAtLast() == [])
    }
  }

  @Test("A project that is reused has one life on each engine")
  func reused() async throws {
    try await withPair { here, there, second in
      var options = Fixture.options()
      options.reuse = true
      let reusing = options
      let engine = try await ComposeEngine.detect(address: second.address)
      @Sendable func start(_ engine: ComposeEngine?) async throws -> [String] {
        try await withComposeStack(here.project, on: engine, options: reusing) { stack in
          [stack.projectName] + (try await stack.services().map(\.containerID))
        }
      }
      let (first, other) = (try await start(nil), try await start(engine))
      #expect(first[0] != other[0])
      #expect(try await start(nil) == first)
      #expect(try await start(engine) == other)
      try await here.project.removeReused(options: options, on: engine)
      try await there.expectNothingLeft()
      #expect(try await start(nil) == first)
      try await here.project.removeReused(options: options)
      try await here.expectNothingLeft()
    }
  }

  @Test("A second engine that is not there: an error that names it, and the first one goes on")
  func absent() async throws {
    try await Fixture.with(Self.yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let error = await #expect(throws: ComposeError.self) {
          try await ComposeEngine.detect(address: "unix:///nowhere.sock")
        }
        #expect(error?.code == .engineUnavailable)
        #expect(error?.command?.hasPrefix("DOCKER_HOST=unix:///nowhere.sock docker") == true, "\(error?.command ?? "")")
        let health = try await stack.services().first?.health
        #expect(health == .healthy)
      }
      try await fixture.expectNothingLeft()
    }
  }
}
