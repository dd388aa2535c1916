import DubbingTesting
import Foundation
import Testing

extension E2E {
  /// Run by `make remote`, whose engine is another machine by its addresses.
  @Suite(
    "Another machine's engine", .tags(.remote), .enabled(if: Settings.isRemote, "run by make remote"), .serialized)
  struct Remote {
    @Test("Everything is reached at that machine's one address, and the worker is told of a tap that it reaches")
    func addresses() async throws {
      let environment = try await DualStackEnvironment.current
      let engine = environment.sts.engine
      #expect(engine.host != "127.0.0.1")
      for role in DualStack.Role.needed { #expect(environment[role].host == engine.host, "\(role)") }
      let health = await environment.health()
      #expect(health.count >= 4 && health.allSatisfy(\.isHealthy), "\(health)")
      let told = try await environment.media.exec("worker", ["printenv", "STS_SERVICE_URL"])
      let address = told.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(address == environment.speechURLForWorker)
      if Settings.isBehindNAT {
        // Nobody can come here, and nobody could: what the worker was told is an outpost beside it.
        #expect(environment.tap.hosts == ["127.0.0.1"])
        #expect(address.hasPrefix("http://host.docker.internal:") && !address.hasSuffix(":\(environment.tap.port)"))
        #expect(environment.outpost?.contains("dial tcp") == true, "\(environment.outpost ?? "there is no outpost")")
      } else {
        #expect(environment.tap.hosts.count == 2 && !environment.tap.hosts.contains(engine.host))
        #expect(address == "http://\(environment.tap.hosts[1]):\(environment.tap.port)")
        #expect(environment.outpost == nil)
      }
    }

    /// In the same process, on an engine that the suite chooses.
    @Suite("Beside it, this machine's own engine", .dualStack(.standard, on: { try await .detect(context: "default") }))
    struct Own {
      @Test("A short stream comes out dubbed on each", .stream())
      func bothDub() async throws {
        let stream = try LiveStream.current
        #expect(stream.environment.sts.engine.host == "127.0.0.1")
        try await stream.expectDubbed(Fixture.named("counting-short"))
      }
    }
  }
}
