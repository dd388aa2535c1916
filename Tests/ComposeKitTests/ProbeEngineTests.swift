import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("Probes of one's own", .kind(.containers), .serialized)
struct ProbeEngineTests {
  typealias Fixture = EngineFixture

  /// Listens after two seconds, answers 503 first and 200 from the third request on; `ports` is what it publishes.
  private static let server =
    "services:\n"
    + Fixture.service(
      "web",
      """
      sleep 1; echo now serving; exec perl -MIO::Socket::INET -e \
      '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1); \
      while ($$c = $$s->accept) { $$l = <$$c>; next unless $$l; $$n++; \
      while (<$$c>) { last if /^\\\\r?$$/ } \
      print $$c qq(HTTP/1.0 ) . ($$n < 3 ? 503 : 200) . qq( x\\\\r\\\\nContent-Length: 0\\\\r\\\\n\\\\r\\\\n); close $$c }'
      """, "ports: [\"127.0.0.1:0:80\"]")

  @Test("TCP port, HTTP status, log line and closure are waited for")
  func hold() async throws {
    try await Fixture.with(Self.server) { fixture in
      var options = Fixture.options()
      options.settlingTime = .zero
      options.probes["web"] = [
        .logLine("now serving"), .tcp(port: 80), .http(port: 80, path: "/health"),
        .closure("perl runs") { try await $0.exec("web", ["grep", "-q", "perl", "/proc/1/comm"]).exitCode == 0 },
      ]
      try await withComposeStack(fixture.project, options: options) { stack in
        let log = try await stack.logs()
        #expect(log.contains("now serving"))
        #expect(stack.readyAfter >= .seconds(1))
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test(
    "The deadline names the probe and what it saw",
    arguments: [
      (Probe.tcp(port: 80), "TCP port 80", "nobody listens"),
      (.tcp(port: 80, steadyFor: .seconds(1)), "TCP port 80", "nobody listens"), (.http(port: 80), "HTTP GET :80/", ""),
      (.logLine("never"), "log line \"never\"", "its last line is \"alive\""),
      (.closure("the moon is full") { _ in false }, "the moon is full", "it returned false"),
    ])
  func deadline(_ probe: Probe, _ name: String, _ seen: String) async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "echo alive; exec sleep 600", "ports: [\"127.0.0.1:0:80\"]")
    try await Fixture.with(yaml) { fixture in
      // Time enough for a container to start on a busy machine: only then is it the probe that is waited for.
      var options = Fixture.options()
      options.timeouts["web"] = .seconds(12)
      options.probes["web"] = [probe]
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in Issue.record("the body ran") }
      }
      #expect(error?.code == .timedOut)
      #expect(error?.service == "web")
      #expect(error?.summary.contains("its probe \(name) does not hold") == true)
      #expect(error?.probeOutput?.contains(seen) == true || seen.isEmpty, "\(error?.probeOutput ?? "")")
      #expect(error?.evidence == ["web-1 | alive"])
      try await fixture.expectNothingLeft()
    }
  }

  // FoundationNetworking of Swift 6.3.1 locks up when `URLSession.data(for:)` is cancelled as its answer comes: a probe hung nine
  // minutes beyond its deadline, and neither a deadline nor SIGTERM was heard. In a process of its own: all of its threads may hang.
  @Test("A request that is given up as its answer comes does not hang")
  func cancelledRequests() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let result = try await Owner.run("cancelling", fixture) { owner in
        do { try await owner.waitFor("at end") } catch {
          // It would not hear a gentler signal.
          owner.send(SIGKILL)
          throw error
        }
      }
      #expect(result.status == .exited(0))
    }
  }

  @Test("A service that exits while a probe is waited for fails at once")
  func exits() async throws {
    try await Fixture.with("services:\n" + Fixture.service("web", "sleep 2; echo bye; exit 6")) { fixture in
      var options = Fixture.options()
      options.settlingTime = .zero
      options.timeout = .seconds(120)
      options.probes["web"] = [.logLine("never")]
      let began = ContinuousClock.now
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in }
      }
      #expect(error?.code == .exited)
      #expect(error?.exitCode == 6)
      #expect(error?.evidence == ["web-1 | bye"])
      #expect(ContinuousClock.now - began < .seconds(90))
    }
  }

  @Test("A service that turns unhealthy or restarts again and again while a probe is waited for fails at once")
  func failsMeanwhile() async throws {
    let check =
      #"healthcheck: {test: ["CMD", "test", "!", "-f", "/tmp/bad"], interval: 500ms, timeout: 20s, retries: 1}"#
    let cases: [(yaml: String, code: ComposeError.Code)] = [
      (Fixture.service("web", "sleep 3; touch /tmp/bad; exec sleep 600", check), .unhealthy),
      (Fixture.service("web", "sleep 1.5; exit 5", "restart: always"), .restartLoop),
    ]
    for (yaml, code) in cases {
      try await Fixture.with("services:\n" + yaml) { fixture in
        var options = Fixture.options(timeout: .seconds(120))
        options.settlingTime = .milliseconds(200)
        options.probes["web"] = [.logLine("never")]
        let steps = Mutex<[ServiceProgress]>([])
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(
            fixture.project, options: options, progress: { step in steps.withLock { $0.append(step) } }
          ) { _ in }
        }
        #expect(error?.code == code)
        #expect(error?.service == "web")
        try await fixture.expectNothingLeft()
        let seen = steps.withLock { $0 }
        #expect(seen.contains { $0.phase == .probing })
        // Told before the removal, with its reason, once.
        let failures = seen.filter { $0.phase == .failed || $0.phase == .unhealthy }
        #expect(failures.count == 1)
        #expect(failures.first?.reason?.contains("web did not become ready") == true)
        #expect(seen.suffix(2).map(\.phase) == [.removing, .removed])
      }
    }
  }

  @Test("The time until a service is ready includes its probes, also when it was started again")
  func readyAfter() async throws {
    let yaml = "services:\n" + Fixture.service("web", "sleep 2; touch /tmp/there; exec sleep 600", "init: true")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.settlingTime = .zero
      let isThere = Probe.closure("the file is there") {
        try await $0.exec("web", ["test", "-f", "/tmp/there"]).exitCode == 0
      }
      options.probes["web"] = [isThere]
      try await withComposeStack(fixture.project, options: options) { stack in
        #expect(stack.readyAfter >= .seconds(2))
        #expect(try #require(stack.serviceReadyAfter["web"]) >= .seconds(2))
        #expect(try await stack.exec("web", ["rm", "/tmp/there"]).exitCode == 0)
        try await stack.withStopped("web") {}
        #expect(try await stack.exec("web", ["test", "-f", "/tmp/there"]).exitCode == 0)
      }
    }
  }

  @Test("A probe for a service that is not started is refused")
  func unknownService() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      var options = Fixture.options()
      options.probes["wbe"] = [.tcp(port: 80)]
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in }
      }
      #expect(error?.code == .unknownService)
      #expect(error?.next?.contains("web") == true)
    }
  }
}
