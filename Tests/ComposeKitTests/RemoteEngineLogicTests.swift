import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("What is worked out for an engine on another machine", .kind(.logic))
struct RemoteEngineLogicTests {
  private func configuration(_ services: String) throws -> ProjectConfiguration {
    try ProjectConfiguration(json: "{\"services\": {\(services)}}", projectName: "shop-1")
  }

  private func engine(
    _ version: String = "2.26.1", bind: String? = "10.0.0.2", remote: Bool = true
  ) -> ComposeEngine {
    ComposeEngine(
      access: EngineAccess(address: remote ? "tcp://10.0.0.2:2375" : nil, environment: [:]),
      command: ["docker", "compose"],
      composeVersion: version, engineVersion: "20.10", host: remote ? "10.0.0.2" : "127.0.0.1", bindAddress: bind)
  }

  @Test("Loopback and no address become the engine's; what the file names stays, and twice the same is once")
  func overlay() throws {
    let ports = """
      "ports": [{"mode": "ingress", "target": 80, "protocol": "tcp"},
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 81, "published": "8081", "protocol": "tcp"},
        {"mode": "ingress", "host_ip": "::1", "target": 81, "published": "8081", "protocol": "tcp"},
        {"mode": "ingress", "host_ip": "0.0.0.0", "target": 90, "published": "9000", "protocol": "udp"}]
      """
    let text = try #require(
      try PortOverlay(
        configuration: "{\"services\": {\"my_web\": {\(ports)}, \"quiet\": {}}}", address: "fd00::2")
    )
    .text
    let expected = """
      # Ports as they are published on an engine of another machine.
      services:
        "my_web":
          ports: !override [{"host_ip":"fd00::2","mode":"ingress","protocol":"tcp","target":80},\
      {"host_ip":"fd00::2","mode":"ingress","protocol":"tcp","published":"8081","target":81},\
      {"host_ip":"0.0.0.0","mode":"ingress","protocol":"udp","published":"9000","target":90}]

      """
    #expect(text == expected)
    let chosen = #"{"services": {"web": {"ports": [{"host_ip": "10.0.0.9", "target": 80}]}}}"#
    #expect(try PortOverlay(configuration: chosen, address: "10.0.0.2") == nil)
  }

  @Test("An engine of this machine gets the files as they are; another one needs a compose that can replace lists")
  func published() throws {
    let project = ComposeProject(name: "shop", files: ["a.yml"])
    let configuration = try configuration(#""web": {"ports": [{"target": 80}]}"#)
    func running(_ engine: ComposeEngine) -> RunningProject {
      RunningProject(project, named: "shop-1", engine: engine, lifetime: .run)
    }
    let here = try running(engine(bind: nil, remote: false)).published(by: configuration)
    #expect(here.compose(["up"]).arguments == ["compose", "-p", "shop-1", "-f", "a.yml", "up"])
    let there = try running(engine()).published(by: configuration)
    let overlay = try #require(there.overlay)
    #expect(there.compose(["up"]).arguments == ["compose", "-p", "shop-1", "-f", "a.yml", "-f", overlay, "up"])
    #expect(there.project == project)
    #expect(try String(contentsOfFile: overlay, encoding: .utf8).contains("10.0.0.2"))
    for version in ["1.29.2", "2.18.1", "2.24.3"] {
      let error = #expect(throws: ComposeError.self) { try running(engine(version)).published(by: configuration) }
      #expect(error?.code == .unsupported && error?.next?.contains("COMPOSEKIT_ENGINE_BIND=file") == true)
      let quiet = try self.configuration(#""web": {}"#)
      #expect(try running(engine(version)).published(by: quiet).overlay == nil)
    }
    for version in ["2.24.4", "2.26.1-4", "2.40.3", "5.0.0", "2.30.0-desktop.1"] {
      #expect(engine(version).replacesLists, "\(version)")
    }
  }

  @Test("A port published on a said address is reached at the engine's host; the one for the test is preferred")
  func endpoints() {
    let bindings = ["10.9.9.9", "172.17.0.1"].map { ContainerRecord.Binding(hostIp: $0, hostPort: "80") }
    let endpoints = ComposeStack.endpoints(bindings, engineHost: "ci.example.org", boundTo: "10.9.9.9")
    #expect(endpoints.map(\.host) == ["ci.example.org", "172.17.0.1"])
  }

  @Test("What an engine says of an address that it does not have")
  func address() {
    let old =
      "Error response from daemon: driver failed programming external connectivity on endpoint shop-web-1 (5f): "
      + "Error starting userland proxy: listen tcp4 192.0.2.7:8080: bind: cannot assign requested address"
    #expect(EngineRefusal(composeOutput: old)?.cause == .noSuchAddress("192.0.2.7"))
    let new = "failed to bind host port for [2001:db8::7]:0:172.18.0.2:80/tcp: cannot assign requested address"
    #expect(EngineRefusal(composeOutput: new)?.cause == .noSuchAddress("2001:db8::7"))
    let taken = "Bind for 0.0.0.0:8080 failed: port is already allocated"
    #expect(EngineRefusal(composeOutput: taken)?.cause == .portInUse(8080))
  }

  @Test(
    "A context that does not exist is named, with what lists them",
    arguments: [
      "Failed to initialize: unable to resolve docker endpoint: context \"nope\": context not found: open /root/meta.json",
      "context \"nope\" does not exist",
    ])
  func noContext(said: String) {
    let error = EngineRefusal.unavailability(in: said, command: "docker version")
    #expect(error?.code == .engineUnavailable && error?.summary == "docker has no context nope")
    #expect(error?.next?.contains("docker context ls") == true)
  }

  @Test("A clock is read in the middle of the question, and a time of one machine becomes the other's")
  func clock() {
    let asked = Date(timeIntervalSince1970: 1_000)
    let clock = EngineClock(said: 4_601_000_000_000, asked: asked, answered: asked.addingTimeInterval(0.5))
    #expect(clock.offset == .milliseconds(3_600_750) && clock.uncertainty == .milliseconds(250))
    #expect(clock.there(asked).timeIntervalSince1970 == 4_600.75)
    #expect(clock.here(clock.there(asked)) == asked)
  }

  @Test("Only what an engine says of its own connection is a failure")
  func reach() {
    let refused = "Get \"http://10.0.0.1:4021/c\": dial tcp 10.0.0.1:4021: connect: no route to host"
    #expect(EngineReach(said: refused, runner: "10.0.0.1") == .failed(refused))
    for said in [
      "Get \"http://10.0.0.1:4021/c\": proxyconnect tcp: dial tcp 10.9.9.9:3128: i/o timeout",
      "Error response from daemon: failed to GET http://10.0.0.1:4021/c with status 503",
    ] {
      #expect(EngineReach(said: said, runner: "10.0.0.1") == .unknown(said))
    }
    let six = "Get \"http://[fd00::1]:9/c\": dial tcp [fd00::1]:9: connect: connection refused"
    #expect(EngineReach(said: six, runner: "fd00::1") == .failed(six))
  }

  private func identity(_ name: String, id: String = "sha256:1", _ platform: String = "linux/amd64") throws
    -> ImageCopy.Identity
  {
    try #require(ImageCopy.Identity(line: "\(id)\t\(platform)\tmade-\(id) [\"sha256:l\"]\t[\"\(name)\"]\t5000000"))
  }

  @Test("Images that an engine lacks are copied, and those that were built anew; not another machine's on purpose")
  func images() throws {
    let configuration = try configuration(
      #""db": {"image": "postgres"}, "web": {"image": "web:local", "build": {}}, "other": {"image": "web:local"}"#)
    let all: Set<String> = ["db", "web", "other"]
    let here = [try identity("postgres:latest"), try identity("web:local")]
    func plan(
      _ there: [ImageCopy.Identity], on platform: String = "linux/amd64", _ settings: StartSettings = .standard
    ) -> [String] {
      ImageCopy.plan(
        configuration, services: all, here: here, there: there, platform: platform, settings: settings
      ).flatMap(\.names)
    }
    #expect(plan([]) == ["postgres:latest", "web:local"])
    #expect(plan(here) == [])
    // A registry's image may be another one there for good reasons; what is built here is not.
    let others = [try identity("postgres:latest", id: "sha256:2"), try identity("web:local", id: "sha256:2")]
    #expect(plan(others) == ["web:local"])
    #expect(plan([], on: "linux/arm64") == [])
    var settings = StartSettings.standard
    settings.build = .always
    #expect(plan([], settings) == ["postgres:latest"])
    settings = StartSettings.standard
    settings.pull = .always
    #expect(plan([], settings) == ["web:local"])
    // Engines with another store call the same image by another id.
    var same = here
    same[1].id = "sha256:manifest"
    #expect(plan(same) == [])
    #expect(ImageCopy.Identity(line: "Error: no such image: web") == nil)
  }
}
