import ComposeTesting
import Testing

// All that is read from an engine's answers, part by part: fifty declarations that nothing else needs.
@testable import ComposeKit

@Suite("Reading what the engine and compose print", .kind(.logic))
struct ParsingTests {
  @Test(
    "Keys of the engine in Swift's case",
    arguments: [
      ("Id", "id"), ("ID", "id"), ("OOMKilled", "oomKilled"), ("IPAM", "ipam"), ("HostIp", "hostIp"),
      ("status", "status"),
      ("depends_on", "dependsOn"), ("stop_grace_PERIOD", "stopGracePeriod"), ("RestartCount", "restartCount"), ("", ""),
    ])
  func swiftNames(_ key: String, _ name: String) {
    #expect(EngineJSON.swiftName(of: key) == name)
  }

  static let inspection = """
    [{"Id": "abc", "Name": "/p-web-1", "RestartCount": 2,
      "State": {"Status": "exited", "ExitCode": 137, "OOMKilled": true,
        "Health": {"Status": "unhealthy", "FailingStreak": 3, "Log": [
          {"ExitCode": 0, "Output": "old"}, {"ExitCode": 7, "Output": " connection refused\\n"}]}},
      "Config": {"Image": "img:1", "Labels": {"com.docker.compose.service": "web",
        "com.docker.compose.container-number": "3", "com.docker.compose.oneoff": "False"}},
      "HostConfig": {"RestartPolicy": {"Name": "always"}},
      "NetworkSettings": {"Ports": {"81/tcp": null, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
        {"HostIp": "::", "HostPort": "8080"}], "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}]}}}]
    """

  @Test("An inspected container")
  func container() throws {
    let record = try #require(try ContainerRecord.decode(Self.inspection).first)
    let status = record.status
    #expect(status.service == "web")
    #expect(status.replica == 3)
    #expect(status.containerName == "p-web-1")
    #expect(status.image == "img:1")
    #expect(status.state == .exited)
    #expect(status.health == .unhealthy)
    #expect(status.exitCode == 137)
    #expect(status.isOutOfMemory)
    #expect(status.restartCount == 2)
    #expect(!record.isOneOff)
    #expect(record.lastProbe == "exit code 7: connection refused")
    #expect(record.publishedPorts == ["53/udp on 127.0.0.1:5353", "80/tcp on 0.0.0.0:8080", "80/tcp on :::8080"])
    #expect(record.bindings(port: 81, protocol: .tcp).isEmpty)
    #expect(record.bindings(port: 53, protocol: .tcp).isEmpty)
    let local = ComposeStack.endpoints(record.bindings(port: 80, protocol: .tcp), engineHost: "127.0.0.1")
    #expect(local.map(\.description) == ["127.0.0.1:8080", "[::1]:8080"])
    let remote = ComposeStack.endpoints(record.bindings(port: 80, protocol: .tcp), engineHost: "ci.example.org")
    #expect(remote == [Endpoint(host: "ci.example.org", port: 8080)])
  }

  @Test("What is no inspection is an error that quotes it", arguments: ["", "{}", "[{}]", "null", "Error: no"])
  func malformed(_ text: String) {
    let error = #expect(throws: ComposeError.self) { try ContainerRecord.decode(text) }
    #expect(error?.code == .commandFailed)
    #expect(error?.summary.contains("docker inspect") == true)
  }

  @Test(
    "Events",
    arguments: [
      ("start", [:], EngineEvent.Kind.start), ("create", [:], .create), ("die", ["exitCode": "3"], .die(exitCode: 3)),
      ("die", [:], .die(exitCode: -1)), ("oom", [:], .outOfMemory), ("destroy", [:], .destroy),
      ("health_status: healthy", [:], .health(.healthy)), ("health_status: unhealthy", [:], .health(.unhealthy)),
      ("health_status", ["health_status": "healthy"], .health(.healthy)),
      // Podman, through docker: the value is in an attribute, or in a field that docker drops. Sources: amir20/dozzle issue 5211,
      // podman issues 13493 and 16857.
      ("health_status", [:], .healthChecked), ("died", ["containerExitCode": "0"], .die(exitCode: 0)),
      ("die", ["containerExitCode": "7"], .die(exitCode: 7)), ("remove", [:], .destroy),
      ("exec_create: test -f /tmp/ok", [:], nil), ("attach", [:], nil), ("health_status: odd", [:], nil),
    ] as [(String, [String: String], EngineEvent.Kind?)])
  func events(_ action: String, _ more: [String: String], _ kind: EngineEvent.Kind?) throws {
    let attributes = ["com.docker.compose.service": "web"].merging(more) { $1 }
      .map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
    let line = #"{"Type": "container", "Action": "\#(action)", "Actor": {"ID": "abc", "Attributes": {\#(attributes)}}}"#
    #expect(try EngineEvent(line: line)?.kind == kind)
  }

  // Printed by `podman events --format '{{json .}}'` 4.3.1; the labels are a compose project's.
  @Test(
    "Events of podman's own program",
    arguments: [
      (#""Status": "start", "Time": "2026-11-27T23:41:56.43591Z""#, EngineEvent.Kind.start, 1_795_822_916_435_910_000),
      (
        #""Status": "health_status", "health_status": "healthy", "Time": "2026-11-28T00:41:59.238827290+01:00""#,
        .health(.healthy), 1_795_822_919_238_827_290
      ),
      (
        #""Status": "died", "ContainerExitCode": 7, "Time": "2026-11-27T23:41:59Z""#, .die(exitCode: 7),
        1_795_822_919_000_000_000
      ),
      (#""Status": "remove", "Time": "?""#, .destroy, nil), (#""Status": "exec_died""#, nil, nil),
    ] as [(String, EngineEvent.Kind?, Int64?)])
  func podmanEvents(_ fields: String, _ kind: EngineEvent.Kind?, _ time: Int64?) throws {
    let event = try EngineEvent(
      line: #"{"ID": "b9e0", "Image": "localhost/e2e-base:bookworm", "Name": "x1", "Type": "container", \#(fields), "#
        + #""Attributes": {"com.docker.compose.service": "web", "podId": ""}}"#)
    #expect(event?.kind == kind)
    #expect(event?.timeNano == time)
  }

  @Test(
    "Moments as `--since` takes them",
    arguments: [
      (1_795_822_916_435_910_000, "1795822916.435910000"), (1_795_822_919_000_000_007, "1795822919.000000007"),
      (1_795_822_919_000_000_000, "1795822919.000000000"),
    ])
  func moments(_ nanoseconds: Int64, _ text: String) {
    #expect(EngineMoment.text(nanoseconds) == text)
  }

  @Test(
    "Whether a name has the project's in it",
    arguments: [
      ("shop-1_data", true), ("cache-shop-1", true), ("shop-1", true), ("shop-", false), ("shop_1_data", false),
      ("", false), ("shop-shop-1", true),
    ])
  func held(_ name: String, _ isHeld: Bool) {
    #expect(name.holds("shop-1") == isHeld)
  }

  @Test(
    "The project among the labels that an engine lists",
    arguments: [
      ("shop-1", "shop-1"), ("", nil), ("map[]", nil), ("<no value>", nil),
      ("map[a:b com.docker.compose.project:shop-1 x:y]", "shop-1"), ("com.docker.compose.project=shop-1,a=b", "shop-1"),
      ("map[com.docker.compose.project.working_dir:/x a:b]", nil), ("map[a:x.com.docker.compose.project:no]", nil),
    ] as [(String, String?)])
  func projectLabel(_ text: String, _ project: String?) {
    #expect(ComposeLabel.project(in: text) == project)
  }

  @Test("Events of other things say nothing, and a line that is no event is an error")
  func otherEvents() throws {
    #expect(
      try EngineEvent(line: #"{"Type": "network", "Action": "create", "Actor": {"ID": "n", "Attributes": {}}}"#) == nil)
    #expect(try EngineEvent(line: #"{"Type": "container", "Action": "start", "Actor": {"ID": "x"}}"#) == nil)
    #expect(throws: ComposeError.self) { try EngineEvent(line: "Error response from daemon") }
  }

  @Test(
    "The gateway of a network",
    arguments: [
      (#"[{"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}}]"#, "172.17.0.1"),
      (#"[{"IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}]"#, "172.17.0.1"),
      (#"[{"IPAM": {"Config": [{"Gateway": "fd00::1"}, {"Gateway": "10.1.2.3"}]}}]"#, "10.1.2.3"),
      (#"[{"name": "podman", "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]}]"#, "10.88.0.1"),
      (#"[{"IPAM": {"Config": []}}]"#, nil), (#"[{"IPAM": {"Config": [{"Subnet": "10.0.0.0"}]}}]"#, "10.0.0.1"),
    ] as [(String, String?)])
  func gateway(_ json: String, _ expected: String?) throws {
    #expect(try NetworkRecord.decode(json).first?.gateway == expected)
  }

  static let configuration = """
    {"name": "p", "services": {
      "web": {"build": {"context": "."}, "depends_on": {"db": {"condition": "service_healthy", "required": true}},
        "ports": [{"mode": "ingress", "target": 80, "published": "8080"}, {"target": 81, "published": 9000}, {"target": 82}]},
      "db": {"image": "db:1", "deploy": {"replicas": 2}, "pull_policy": "never"},
      "other": {"image": "o", "scale": 3}}}
    """

  @Test("The configuration of a project")
  func configurationOfProject() throws {
    let read = try ProjectConfiguration(json: Self.configuration, projectName: "p-1")
    #expect(read.services["web"]?.image == "p-1-web")
    #expect(read.services["web"]?.isBuilt == true)
    #expect(read.services["web"]?.hostPorts == [8080, 9000])
    #expect(read.services["db"]?.replicas == 2)
    #expect(read.services["db"]?.pullPolicy == "never")
    #expect(read.services["other"]?.replicas == 3)
    #expect(try read.selection([], project: "p") == ["web", "db", "other"])
    #expect(try read.selection(["web"], project: "p") == ["web", "db"])
    #expect(throws: ComposeError.self) { try read.selection(["wbe"], project: "p") }
  }

  @Test(
    "A taken port in compose's words",
    arguments: [
      (
        "driver failed programming external connectivity on endpoint p-web-1 (abc): Bind for 0.0.0.0:8080 failed: port is already allocated",
        8080
      ),
      ("Error starting userland proxy: listen tcp4 127.0.0.1:8554: bind: address already in use", 8554),
      ("failed to bind host port for 0.0.0.0:1935:172.18.0.2:80/tcp: address already in use", 1935),
      ("failed to bind host port 127.0.0.1:1936/tcp: address already in use", 1936),
      ("listen tcp6 [::]:3000: bind: address already in use", 3000), ("no such image", nil),
      // Podman 4.3.1.
      ("cannot listen on the TCP port: listen tcp4 :18099: bind: address already in use", 18_099),
      ("port is already allocated", nil), ("Bind for 0.0.0.0:99999 failed: port is already allocated", nil),
    ] as [(String, Int?)])
  func portConflict(_ text: String, _ port: Int?) {
    #expect(EngineRefusal(composeOutput: "Network p Created\n" + text)?.cause == port.map { .portInUse($0) })
  }

  @Test(
    "Published ports of `docker ps`",
    arguments: [
      ("0.0.0.0:8080->80/tcp, :::8080->80/tcp", 8080, true), ("0.0.0.0:8000-8002->80-82/tcp", 8001, true),
      ("0.0.0.0:8000-8002->80-82/tcp", 8003, false), ("80/tcp", 80, false), ("", 80, false),
      ("127.0.0.1:18080->80/tcp", 8080, false),
    ])
  func publishes(_ column: String, _ port: Int, _ expected: Bool) {
    #expect(PortHolder.publishes(port, in: column) == expected)
  }

  @Test("Who listens, in the kernel's tables")
  func inodes() {
    let table = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
         0: 0100007F:216A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
         1: 0100007F:216A 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
         2: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
      """
    #expect(PortHolder.inodes(bindingPort: 8554, inTable: table) == ["111"])
    #expect(PortHolder.inodes(bindingPort: 80, inTable: table) == [])
    #expect(PortHolder.inodes(bindingPort: 80, inTable: "") == [])
  }

  @Test(
    "The host of an engine",
    arguments: [
      ("unix:///var/run/docker.sock", "127.0.0.1"), ("", "127.0.0.1"), ("npipe:////./pipe/docker_engine", "127.0.0.1"),
      ("tcp://10.0.0.5:2375", "10.0.0.5"), ("ssh://ci@build.example.org", "build.example.org"),
      ("tcp://localhost:2375", "127.0.0.1"), ("tcp://[fd00::5]:2375", "fd00::5"), ("nonsense", "127.0.0.1"),
    ])
  func engineHost(_ address: String, _ host: String) {
    #expect(ComposeEngine.host(ofEngine: address) == host)
  }

  @Test("An engine that does not run, or that may not be used, says what to do")
  func unavailable() {
    let stopped = EngineRefusal.unavailability(
      in: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      command: "docker ps")
    #expect(stopped?.code == .engineUnavailable)
    #expect(stopped?.next?.contains("make setup, or start dockerd") == true)
    let forbidden = EngineRefusal.unavailability(
      in: "permission denied while trying to connect to the Docker daemon socket", command: "docker ps")
    #expect(forbidden?.next?.contains("usermod") == true)
    #expect(EngineRefusal.unavailability(in: "no such service: x", command: "docker compose up") == nil)
  }

  @Test(
    "Where a published port is reached: IPv4 first, a wildcard at the engine's host, each address once",
    arguments: [
      (["0.0.0.0", "::"], "127.0.0.1", ["127.0.0.1", "::1"]), (["::", "0.0.0.0"], "127.0.0.1", ["127.0.0.1", "::1"]),
      (["0.0.0.0", "::"], "10.0.0.5", ["10.0.0.5"]), (["::"], "build.example.org", ["build.example.org"]),
      (["", "0.0.0.0"], "127.0.0.1", ["127.0.0.1"]), (["192.168.1.2", "::1"], "127.0.0.1", ["192.168.1.2", "::1"]),
      // The engine may publish one port under two numbers; the name of a host that is not this one leads to either.
      // Sources: moby/moby issue 42442, testcontainers/testcontainers-node issue 750.
      (["0.0.0.0", "::"], "build.example.org", ["build.example.org"]), ([], "127.0.0.1", []),
    ])
  func endpoints(_ addresses: [String], _ engineHost: String, _ hosts: [String]) {
    let bindings = addresses.map { ContainerRecord.Binding(hostIp: $0, hostPort: "8080") }
    let endpoints = ComposeStack.endpoints(bindings, engineHost: engineHost)
    #expect(endpoints.map(\.host) == hosts)
    #expect(endpoints.allSatisfy { $0.port == 8080 })
    let unpublished = [ContainerRecord.Binding(hostIp: "0.0.0.0", hostPort: nil), .init(hostIp: "", hostPort: "0")]
    #expect(ComposeStack.endpoints(unpublished, engineHost: engineHost).isEmpty)
  }

  @Test("Which services the engine may restart")
  func restartPolicies() throws {
    let json = """
      {"services": {"plain": {}, "no": {"restart": "no"}, "always": {"restart": "always"},
        "failure": {"restart": "on-failure:3"}, "deploy": {"deploy": {"restart_policy": {"condition": "any"}}}}}
      """
    let services = try ProjectConfiguration(json: json, projectName: "shop-1").services
    #expect(Set(services.filter(\.value.mayRestart).keys) == ["always", "failure", "deploy"])
  }

  @Test("Which services certainly have a health check; a test that is only in the image is not known")
  func healthChecks() throws {
    let json = """
      {"services": {"plain": {}, "test": {"healthcheck": {"test": ["CMD", "true"], "interval": "1s"}},
        "shell": {"healthcheck": {"test": ["CMD-SHELL", "true"]}}, "image": {"healthcheck": {"interval": "1s"}},
        "none": {"healthcheck": {"test": ["NONE"]}}, "off": {"healthcheck": {"disable": true, "test": ["CMD", "true"]}}}}
      """
    let services = try ProjectConfiguration(json: json, projectName: "shop-1").services
    #expect(Set(services.filter(\.value.isHealthChecked).keys) == ["test", "shell"])
  }

  @Test(
    "Whether the engine has an image, by its list of them",
    arguments: [
      ("web", true), ("web:latest", true), ("web:2", true), ("web:3", false), ("docker.io/library/web", true),
      ("docker.io/team/web", false), ("team/api:1", true), ("docker.io/team/api:1", true), ("team/api", false),
      ("host:5000/web", true), ("host:5000/web:latest", true), ("host:5001/web", false), ("", false),
      ("web@sha256:0123456789abcdef", false), ("sha256:0123456789abcdef", false), ("<none>", false),
    ])
  func images(_ image: String, _ isThere: Bool) {
    let list = "web:latest\nweb:2\nteam/api:1\nhost:5000/web:latest\n<none>:<none>\n"
    #expect(ImageNames(list: list).contains(image) == isThere)
  }

  @Test("Files read early count only if the compose command turned out to be the expected one, of the same generation")
  func expectedEngine() {
    func engine(_ command: [String], _ version: String) -> ComposeEngine {
      ComposeEngine(command: command, composeVersion: version, engineVersion: "20.10.24", host: "127.0.0.1")
    }
    let expected = engine(["docker", "compose"], "2")
    #expect(engine(["docker", "compose"], "2.26.1").readsFiles(like: expected))
    #expect(!engine(["docker-compose"], "2.26.1").readsFiles(like: expected))
    #expect(!engine(["docker", "compose"], "1.29.2").readsFiles(like: expected))
  }
}
