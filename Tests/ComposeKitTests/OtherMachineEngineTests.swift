import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

/// Each test has an engine of its own in a network namespace, which this host reaches at one address.
@Suite(
  "An engine on another machine", .kind(.containers), .serialized,
  .enabled(if: PrivateEngine.isPossible, PrivateEngine.need))
struct OtherMachineEngineTests {
  typealias Fixture = EngineFixture

  private static let listen =
    "exec perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); "
    + "while ($$c = $$s->accept) { print $$c qq(hello\\n); close $$c }'"

  private static func yaml(_ ports: String) -> String {
    "services:\n" + Fixture.service("web", listen, "ports: [\(ports)]")
  }

  private static func options() -> UpOptions {
    var options = Fixture.options()
    options.probes["web"] = [.tcp(port: 80, steadyFor: .zero)]
    return options
  }

  @Test("Ports that the file publishes on loopback, or anywhere, are published where they are reached and nowhere else")
  func ports() async throws {
    try await OtherMachine.with { machine in
      let engine = try await ComposeEngine.detect(address: machine.address)
      #expect(engine.isRemote && engine.bindAddress == machine.host && engine.route?.engine == machine.host)
      // A service for the test, one for everybody, and one for other containers of that machine, whose address the file names.
      let yaml = Self.yaml("\"127.0.0.1::80\", \"81\", \"[::1]::82\", \"127.0.0.2::82\", \"10.213.254.1::80\"")
      try await Fixture.with(yaml) { fixture in
        let phases = Mutex<[String]>([])
        try await withComposeStack(
          fixture.project, on: engine, options: Self.options(),
          progress: { step in phases.withLock { $0.append("\(step.phase) \(step.reason ?? "")") } }
        ) { stack in
          let endpoint = try await stack.endpoint(of: "web", port: 80)
          #expect(endpoint.host == machine.host, "\(endpoint)")
          #expect(Set(try await stack.endpoints(of: "web", port: 80).map(\.host)) == [machine.host, "10.213.254.1"])
          #expect(try await stack.endpoints(of: "web", port: 82).map(\.host) == [machine.host])
          // What the kernel there says: nothing but the engine itself and its ports listens, and nothing on all addresses.
          let listening = try await machine.inside("ss", "--no-header", "--listening", "--tcp", "--numeric")
          let addresses = listening.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst(3).first }
            .map { $0.prefix(upTo: $0.lastIndex(of: ":") ?? $0.endIndex) }
          #expect(Set(addresses.map(String.init)) == [machine.host, "10.213.254.1"], "\(listening)")
        }
        let seen = phases.withLock { $0 }
        #expect(seen.contains { $0.hasPrefix("loading e2e-base:bookworm, ") }, "\(seen)")
        // The image is there now: it is copied once.
        phases.withLock { $0 = [] }
        try await withComposeStack(
          fixture.project, on: engine, options: Self.options(),
          progress: { step in phases.withLock { $0.append("\(step.phase)") } }
        ) { _ in }
        #expect(!phases.withLock { $0 }.contains("loading"))
        var there = fixture
        there.environment = machine.environment
        try await there.expectNothingLeft()
      }
    }
  }

  @Test("The engine connects to this machine from its address, and where it cannot it says why")
  func reach() async throws {
    try await OtherMachine.with { machine in
      let engine = try await ComposeEngine.detect(address: machine.address)
      let runner = try #require(engine.route?.runner)
      #expect(runner.hasPrefix("10.214.") && runner != machine.host)
      #expect(try await engine.reach(runner) == .connected(from: machine.host))
      #expect(try await machine.docker(["image", "ls", "--quiet"]).isEmpty, "nothing was imported")
      // It answers this machine as before.
      try await machine.inside(
        "iptables", "--insert", "OUTPUT", "--destination", runner, "--protocol", "tcp", "--syn", "--jump", "REJECT")
      guard case .failed(let words) = try await engine.reach(runner) else {
        Issue.record("an engine behind a firewall has connected")
        return
      }
      #expect(words.contains("dial tcp \(runner)") && words.contains("connection refused"), "\(words)")
    }
  }

  @Test("An engine is the same by whatever way it is called, and another one is another, whatever its id says")
  func identity() async throws {
    try await OtherMachine.with { machine in
      let there = try await ComposeEngine.detect(address: machine.address).identity()
      let here = try await ComposeEngine.detect(context: "default").identity()
      #expect(here.id != there.id && here.platform == there.platform && here.cores > 0)
      let way = try await ComposeEngine.detect(address: "unix:///var/run/docker.sock").identity()
      #expect(way == here)
      #expect(try await ComposeEngine.contexts().contains("default"))
    }
  }

  private func size(_ duration: Duration) -> Duration { max(duration, .zero - duration) }

  @Test("The clock of an engine is measured, to better than the question takes")
  func clock() async throws {
    try await OtherMachine.with { machine in
      let engine = try await ComposeEngine.detect(address: machine.address)
      let clock = try #require(try await engine.clock())
      // It is this machine's, as namespaces have it.
      #expect(size(clock.offset) <= clock.uncertainty && clock.uncertainty < .seconds(10), "\(clock)")
    }
  }

  @Test("A clock that is wrong is found out, and log lines are asked for by its time", arguments: [1.0, -1.0])
  func wrongClock(hours: Double) async throws {
    try await EngineForwarder.with(hoursAhead: hours) { address in
      let engine = try await ComposeEngine.detect(address: address)
      let clock = try #require(try await engine.clock())
      let off = clock.offset - .seconds(hours * 3600)
      #expect(size(off) <= clock.uncertainty + .milliseconds(1), "\(clock)")
      let now = Date.now
      let there = Duration.seconds(await engine.time(of: now).timeIntervalSince(now))
      #expect(size(there - clock.offset) < .milliseconds(1))
      let usual = try await ComposeEngine.detect(address: "unix:///var/run/docker.sock")
      #expect(await usual.time(of: now) == now)
    }
  }

  @Test("A port on an address that the engine's host does not have: said so, with the setting that chooses another")
  func noSuchAddress() async throws {
    try await OtherMachine.with { machine in
      try await Fixture.with(Self.yaml("\"80\"")) { fixture in
        let result = try await Owner.run(
          "address", fixture,
          environment: machine.environment.merging(["COMPOSEKIT_ENGINE_BIND": "192.0.2.7"]) { $1 })
        for words in ["error upFailed", "192.0.2.7", "no such address", "COMPOSEKIT_ENGINE_BIND"] {
          #expect(result.output.contains(words), "\(result.output)")
        }
        let everywhere = try await Owner.run(
          "address", fixture, environment: machine.environment.merging(["COMPOSEKIT_ENGINE_BIND": "0.0.0.0"]) { $1 })
        #expect(everywhere.output.contains("endpoint \(machine.host):"), "\(everywhere.output)")
        let bad = try await Owner.run(
          "address", fixture, environment: machine.environment.merging(["COMPOSEKIT_ENGINE_BIND": "eth0"]) { $1 })
        #expect(bad.output.contains("COMPOSEKIT_ENGINE_BIND=eth0 is not an address"), "\(bad.output)")
      }
    }
  }
}
