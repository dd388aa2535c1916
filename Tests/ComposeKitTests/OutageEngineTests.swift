import ComposeKit
import ComposeTesting
import Foundation
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Each test has an engine of its own, since nobody else may feel what happens to it.
@Suite(
  "Nothing is left when the engine itself fails", .kind(.containers), .serialized, .besideAnotherProject,
  .enabled(if: PrivateEngine.isPossible, PrivateEngine.need))
struct OutageEngineTests {
  typealias Fixture = EngineFixture

  enum Ending: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case stopped, killed
    var testDescription: String { rawValue }

    func end(_ engine: PrivateEngine) async throws {
      switch self {
      case .stopped: try await engine.stop()
      case .killed: try await engine.kill()
      }
    }
  }

  /// A service that never turns healthy, and one that does.
  private static let waiting =
    Fixture.healthy + "    volumes: [\"data:/data\"]\n" + Fixture.service("slow", "exec sleep 600", Fixture.healthCheck)
    + "volumes: {data: {}}\n"

  @Test("It is restarted while a project starts", arguments: Ending.allCases)
  func restartWhileStarting(_ ending: Ending) async throws {
    try await PrivateEngine.with { engine in
      try await Fixture.with(Self.waiting) { fixture in
        let fixture = fixture.on(engine)
        let result = try await Owner.run("healthy", fixture, environment: engine.environment) { owner in
          try await owner.waitFor("at healthy")
          #expect(try await fixture.leftovers().count == 4)
          try await ending.end(engine)
          try await engine.start()
        }
        #expect(result.status == .exited(1))
        // An engine that is stopped ends its containers first: whether it still answers when one of them has ended is a matter
        // of moments. If it does, the error says that the engine may be the cause.
        let isEngine = result.output.contains("error engineUnavailable")
        let isItsEnd =
          result.output.contains("error exited") && result.output.contains("an engine that is being stopped")
        #expect(isEngine || (ending == .stopped && isItsEnd), "\(result.output)")
        #expect(try await fixture.leftoversAtLast() == [])
      }
    }
  }

  @Test("It is restarted while the body runs", arguments: Ending.allCases)
  func restartInBody(_ ending: Ending) async throws {
    try await PrivateEngine.with { engine in
      try await Fixture.with(Fixture.healthy) { fixture in
        let fixture = fixture.on(engine)
        let result = try await Owner.run("asking", fixture, environment: engine.environment) { owner in
          try await owner.waitFor("at body")
          try await ending.end(engine)
          try await engine.start()
        }
        #expect(result.status == .exited(1))
        // Whether a question meets the absent engine or the container that it stopped is a matter of moments.
        #expect(
          ["error engineUnavailable", "error notRunning"].contains { result.output.contains($0) }, "\(result.output)")
        #expect(try await fixture.leftoversAtLast() == [])
      }
    }
  }

  @Test("It goes away and stays away: an error soon, and the watchdog removes what is left when it is back")
  func staysAway() async throws {
    try await PrivateEngine.with { engine in
      try await Fixture.with(Self.waiting) { fixture in
        let fixture = fixture.on(engine)
        let result = try await Owner.run("healthy", fixture, environment: engine.environment) { owner in
          try await owner.waitFor("at healthy")
          try await engine.kill()
        }
        #expect(result.status == .exited(1))
        #expect(result.output.contains("error engineUnavailable"), "\(result.output)")
        #expect(result.output.contains("could not be removed: the engine does not answer any more"), "\(result.output)")
        try await engine.start()
        #expect(try await fixture.leftoversAtLast() == [])
      }
    }
  }

  @Test("It has no address range left for a network")
  func poolExhausted() async throws {
    try await PrivateEngine.with(pool: "base=10.213.0.0/29,size=30") { engine in
      for other in ["other-1", "other-2"] { try await engine.docker(["network", "create", other]) }
      try await Fixture.with(Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n") { fixture in
        let fixture = fixture.on(engine)
        let result = try await Owner.run("body", fixture, environment: engine.environment)
        #expect(result.status == .exited(1))
        #expect(result.output.contains("error networkPoolExhausted"), "\(result.output)")
        #expect(result.output.contains("docker network ls"))
        #expect(try await fixture.leftoversAtLast() == [])
      }
      let networks = try await engine.docker(["network", "ls", "--format", "{{.Name}}"])
      #expect(networks.split(separator: "\n").filter { $0.hasPrefix("other-") }.sorted() == ["other-1", "other-2"])
    }
  }

  @Test("All of its address ranges are other runs': the next one waits until a range comes back")
  func poolLentOut() async throws {
    try await PrivateEngine.with(pool: "base=10.213.0.0/30,size=30") { engine in
      try await Fixture.with(Fixture.healthy) { first in
        try await Fixture.with(Fixture.healthy) { second in
          let (first, second) = (first.on(engine), second.on(engine))
          _ = try await Owner.run("body", first, environment: engine.environment) { holder in
            try await holder.waitFor("at body")
            _ = try await Owner.run("waiting", second, environment: engine.environment) { next in
              try await next.waitFor("at waiting")
              holder.send(SIGTERM)
              try await next.waitFor("at body")
              next.send(SIGTERM)
            }
          }
          #expect(try await first.leftoversAtLast() == [])
          #expect(try await second.leftoversAtLast() == [])
        }
      }
    }
  }

  @Test("Its disk is full while an image is built")
  func diskFull() async throws {
    try await PrivateEngine.with(diskSize: "64m") { engine in
      try await Fixture.with("services: {web: {build: .}}\n") { fixture in
        let fixture = fixture.on(engine)
        try "FROM e2e-base:bookworm\nCOPY large /large\n".write(
          to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
        let large = fixture.folder.appending(path: "large").path()
        try #require(FileManager.default.createFile(atPath: large, contents: nil))
        try #require(truncate(large, 100 << 20) == 0)
        let result = try await Owner.run("body", fixture, environment: engine.environment)
        #expect(result.status == .exited(1))
        #expect(result.output.contains("error buildFailed"), "\(result.output)")
        #expect(result.output.contains("no space left on the engine's disk"), "\(result.output)")
        #expect(result.output.contains("docker system df"))
        #expect(try await fixture.leftoversAtLast() == [])
        #expect(try await engine.docker(["image", "ls", "--quiet", "--filter", "reference=\(fixture.name)-*"]) == "")
      }
    }
  }
}
