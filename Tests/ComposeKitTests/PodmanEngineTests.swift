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

/// Podman, where it is installed: by docker's program at its socket, and by its own.
///
/// No health checks: Podman has them run by systemd, which a test's namespaces have not. No published ports: they are in the namespaces.
@Suite(
  "Podman as the engine", .kind(.containers), .serialized, .timeLimit(.minutes(5)),
  .enabled(if: PodmanService.isPossible, PodmanService.need))
struct PodmanEngineTests {
  typealias Fixture = EngineFixture

  static let programs = ["docker", "podman"]

  private static let yaml =
    "services:\n"
    + Fixture.service(
      "web", "echo hello; exec sleep 600",
      "volumes: [\"data:/data\"]\n    depends_on: {job: {condition: service_completed_successfully}}")
    + Fixture.service("job", "touch /tmp/done") + "volumes: {data: {}}\n"

  @Test("A job and a service start, answer, are disturbed and are removed", arguments: programs)
  func lives(_ program: String) async throws {
    try await PodmanService.with { service in
      let engine = try await ComposeEngine.detect(program: program, address: service.address)
      #expect(engine.engineVersion.first?.isNumber == true)
      try await Fixture.with(Self.yaml) { fixture in
        let there = service.see(fixture)
        try await withComposeStack(fixture.project, on: engine, options: Fixture.options()) { stack in
          #expect(try await stack.services().map(\.state) == [.exited, .running])
          #expect(try await stack.exec("web", ["sh", "-c", "exit 7"]).exitCode == 7)
          #expect(try await stack.logs(service: "web") == "web-1  | hello\n")
          #expect(try await there.leftovers().filter { $0.hasPrefix("volume") }.count == 1)
          try await stack.withPaused("web") {
            let state = try await stack.services().last?.state
            #expect(state == .paused)
          }
          try await stack.restart("web", timeout: .zero)
          try await stack.waitUntilReady("web")
          try await stack.kill("web")
          let isDead = try await Fixture.eventually { try await stack.services().last?.exitCode == 137 }
          #expect(isDead)
          let error = await #expect(throws: ComposeError.self) { try await stack.pause("web") }
          #expect(error?.code == .notRunning)
        }
        #expect(try await there.leftovers() == [])
      }
    }
  }

  @Test(
    "A service that fails is known at once, with its log and exit code; its restarts are counted", arguments: programs)
  func fails(_ program: String) async throws {
    try await PodmanService.with { service in
      let engine = try await ComposeEngine.detect(program: program, address: service.address)
      for (more, code) in [("", ComposeError.Code.exited), ("restart: always", .restartLoop)] {
        let yaml = "services:\n" + Fixture.service("bad", "echo no model; exit 3", more)
        try await Fixture.with(yaml) { fixture in
          let error = await #expect(throws: ComposeError.self) {
            try await withComposeStack(
              fixture.project, on: engine, options: Fixture.optionsForFailing(timeout: .seconds(40))
            ) { _ in }
          }
          #expect(error?.code == code)
          #expect(error?.exitCode == 3)
          #expect(error?.evidence.first == "bad-1 | no model")
          await waitForFailedStartsToBeRemoved()
          let left = try await service.see(fixture).leftovers()
          #expect(left == [])
        }
      }
    }
  }

  @Test("What another project has made is not used unasked", arguments: programs)
  func others(_ program: String) async throws {
    try await PodmanService.with { service in
      let engine = try await ComposeEngine.detect(program: program, address: service.address)
      try await Fixture.with("services: {}\n") { fixture in
        let volume = "\(fixture.name)-data"
        try
          "services:\n\(Fixture.service("web", "exec sleep 600", "volumes: [\"data:/d\"]"))volumes: {data: {name: \(volume)}}\n"
          .write(toFile: fixture.project.files[0], atomically: true, encoding: .utf8)
        try await service.docker(["volume", "create", "--label", "com.docker.compose.project=developer", volume])
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(fixture.project, on: engine, options: Fixture.options()) { _ in }
        }
        #expect(error?.code == .foreignResource)
        #expect(error?.summary.contains("belongs to project developer") == true, "\(error?.summary ?? "")")
        #expect(try await service.docker(["volume", "ls", "--quiet"]).contains(volume))
      }
    }
  }

  @Test("kill -9 of the owner: the watchdog removes what is there", arguments: programs)
  func ownerIsKilled(_ program: String) async throws {
    try await PodmanService.with { service in
      try await Fixture.with(Self.yaml) { fixture in
        let choice = [
          "COMPOSEKIT_ENGINE": program, (program == "podman" ? "CONTAINER_HOST" : "DOCKER_HOST"): service.address,
        ]
        let result = try await Owner.run("body", fixture, environment: choice) { owner in
          try await owner.waitFor("at body")
          #expect(try await !service.see(fixture).leftovers().isEmpty)
          owner.send(SIGKILL)
        }
        #expect(result.status == .signaled(SIGKILL))
        #expect(try await service.see(fixture).leftoversAtLast() == [])
      }
    }
  }
}

/// Podman's service in namespaces and a folder of its own; it has the base image.
struct PodmanService: Sendable {
  let folder: String
  var address: String { "unix://\(folder)/podman.sock" }
  private var environment: [String: String] { ["DOCKER_HOST": address] }

  static let isPossible: Bool = {
    #if os(Linux)
      let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      return geteuid() == 0 && path.contains { FileManager.default.isExecutableFile(atPath: "\($0)/podman") }
    #else
      return false
    #endif
  }()
  static let need: Comment = "Podman is not installed, or this is not root on Linux"

  /// $1 folder, $2 the host's network namespace.
  private static let script = #"""
    [ "$(readlink /proc/self/ns/net)" != "$2" ] || { echo "not in a network of its own"; exit 1; }
    ip link set lo up 2>/dev/null
    if ! [ -e /etc/containers/policy.json ]; then
      mkdir -p /etc/containers && mount -t tmpfs none /etc/containers || exit 1
      echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
    fi
    podman --root "$1/storage" --runroot "$1/run" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file \
      --network-config-dir "$1/net" system service --time 0 "unix://$1/podman.sock" >"$1/log" 2>&1 &
    read -r _
    kill "$!"
    wait
    """#

  /// The fixture as this engine has it.
  func see(_ fixture: EngineFixture) -> EngineFixture {
    var copy = fixture
    copy.environment = environment
    return copy
  }

  @discardableResult
  func docker(_ arguments: [String]) async throws -> String {
    try await EngineFixture.docker(arguments, environment: environment)
  }

  static func with(_ body: @escaping @Sendable (PodmanService) async throws -> Void) async throws {
    let folder = "/tmp/ckt-podman-" + String(UInt64.random(in: 0..<2_176_782_336), radix: 36)
    for name in ["", "/net"] {
      try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
    _ = try await Subprocess.run(
      .name("unshare"),
      arguments: [
        "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "podman-service",
        folder, network,
      ], input: .inputWriter, output: .discarded, error: .discarded
    ) { execution in
      let service = PodmanService(folder: folder)
      do {
        let answers = await EngineFixture.eventually { (try? await service.docker(["version"])) != nil }
        let log = (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
        try #require(answers, "podman's service does not answer; the end of its log: \(log.suffix(2000))")
        let image = "\(folder)/base.tar"
        try await EngineFixture.docker(["save", "--output", image, "e2e-base:bookworm"])
        try await service.docker(["load", "--input", image])
        try await body(service)
        for id in try await service.docker(["ps", "--all", "--quiet"]).split(separator: "\n") {
          try await service.docker(["rm", "--force", String(id)])
        }
      } catch {
        try? await execution.standardInputWriter.finish()
        throw error
      }
      try await execution.standardInputWriter.finish()
    }
  }
}
