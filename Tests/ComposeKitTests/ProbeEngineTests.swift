import ComposeKit
import Foundation
import Testing

@Suite("Probes of one's own", .serialized)
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
      (Probe.tcp(port: 80), "TCP port 80", "nobody listens"), (.http(port: 80), "HTTP GET :80/", ""),
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
