import ComposeKit
import ComposeTesting
import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("An engine that is reached by an address or a context", .kind(.containers), .serialized)
struct RemoteEngineTests {
  typealias Fixture = EngineFixture

  /// Starts a project in a process with this environment; gives what it said of the address of a published port.
  private func endpoint(_ environment: [String: String]) async throws -> String {
    let listen = "perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep 600'"
    let yaml = "services:\n" + Fixture.service("web", "exec \(listen)", "ports: [\"80\"]")
    return try await Fixture.with(yaml) { fixture in
      let line = Mutex("")
      let result = try await Owner.run("endpoint", fixture, environment: environment) { owner in
        let said = try await owner.waitFor("endpoint ")
        line.withLock { $0 = said }
      }
      #expect(result.status == .exited(0), "\(result.output)")
      try await fixture.expectNothingLeft()
      return line.withLock { $0 }
    }
  }

  @Test("DOCKER_HOST: ports are reached at the engine's host, events and removal go through it")
  func address() async throws {
    try await EngineForwarder.with { address in
      let said = try await endpoint(["DOCKER_HOST": address])
      #expect(said.hasPrefix("endpoint 127.0.0.2:"), "\(said)")
      #expect(said.hasSuffix(" on 127.0.0.2"), "\(said)")
    }
  }

  @Test(
    "A port that the file publishes on loopback is published where the engine is reached, unless the file is to count")
  func loopback() async throws {
    try await EngineForwarder.with { address in
      let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "ports: [\"127.0.0.1::80\"]")
      try await Fixture.with(yaml) { fixture in
        for (bind, host) in [("", "127.0.0.2"), ("127.0.0.5", "127.0.0.2"), ("file", "127.0.0.1")] {
          let result = try await Owner.run(
            "address", fixture, environment: ["DOCKER_HOST": address, "COMPOSEKIT_ENGINE_BIND": bind])
          #expect(result.output.contains("endpoint \(host):"), "\(bind): \(result.output)")
        }
        try await fixture.expectNothingLeft()
      }
    }
  }

  @Test("A docker context, remote or local")
  func context() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "context-\(UInt32.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let configuration = ["DOCKER_CONFIG": folder.path()]
    @Sendable func create(_ name: String, _ address: String) async throws {
      let result = try await Subprocess.run(
        .name("docker"), arguments: ["context", "create", name, "--docker", "host=\(address)"],
        environment: .inherit.updating(["DOCKER_CONFIG": folder.path()]), output: .discarded,
        error: .string(limit: 4096))
      #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    }
    try await create("near", "unix:///var/run/docker.sock")
    let near = try await endpoint(configuration.merging(["DOCKER_CONTEXT": "near"]) { $1 })
    #expect(near.hasPrefix("endpoint 127.0.0.1:"), "\(near)")
    try await EngineForwarder.with { address in
      try await create("far", address)
      let far = try await endpoint(configuration.merging(["DOCKER_CONTEXT": "far"]) { $1 })
      #expect(far.hasPrefix("endpoint 127.0.0.2:"), "\(far)")
    }
  }

  @Test("A host alias of ssh is resolved as ssh does, and an override variable wins")
  func sshAlias() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ssh-\(UInt32.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // A stand-in for ssh whose far side is this machine; DOCKER_HOST is not carried over, as with ssh.
    let script = """
      #!/bin/sh
      for word; do [ "$word" = -G ] && { printf 'user ci\\nhostname 127.0.0.2\\nport 22\\n'; exit 0; }; done
      unset DOCKER_HOST
      exec docker system dial-stdio

      """
    let program = folder.appending(path: "ssh").path()
    try script.write(toFile: program, atomically: true, encoding: .utf8)
    try #require(chmod(program, 0o755) == 0)
    let path = "\(folder.path()):" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
    let environment = ["DOCKER_HOST": "ssh://ci-builder", "PATH": path]
    let said = try await endpoint(environment)
    #expect(said.hasPrefix("endpoint 127.0.0.2:"), "\(said)")
    let other = try await endpoint(environment.merging(["COMPOSEKIT_ENGINE_HOST": "127.0.0.3"]) { $1 })
    #expect(other.hasPrefix("endpoint 127.0.0.3:"), "\(other)")
  }

  @Test("A proxy that closes idle connections after some seconds: nothing is missed", .timeLimit(.minutes(5)))
  func idleProxy() async throws {
    try await EngineForwarder.with(idleSeconds: 4) { address in
      // Each check makes events; the first one comes when the connection has long been closed.
      let check = #"healthcheck: {test: ["CMD", "true"], interval: 9s}"#
      let listen = "perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep 600'"
      let yaml =
        "services:\n"
        + Fixture.service("web", "exec \(listen)", "ports: [\"80\"]\n    " + check)
      try await Fixture.with(yaml) { fixture in
        let result = try await Owner.run("endpoint", fixture, environment: ["DOCKER_HOST": address])
        #expect(result.status == .exited(0), "\(result.output)")
        #expect(result.output.contains("endpoint 127.0.0.2:"), "\(result.output)")
        try await fixture.expectNothingLeft()
      }
    }
  }

  @Test(
    "Tests in a container with the engine's socket mounted reach ports at the gateway of their network",
    .enabled(if: ContainerOfTests.isPossible, ContainerOfTests.need))
  func inContainer() async throws {
    let listen = "perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep 600'"
    let yaml = "services:\n" + Fixture.service("web", "exec \(listen)", "ports: [\"80\"]")
    try await Fixture.with(yaml) { fixture in
      let gateway = try await ComposeEngine.bridgeGateway()
      let bridged = try await Owner.run(
        "endpoint", fixture, wrapper: try await ContainerOfTests.wrapper(sharing: fixture.folder.path()))
      // The owner connects to the port before it says where it is.
      #expect(bridged.output.contains("endpoint \(gateway):"), "\(bridged.output)")
      #expect(bridged.status == .exited(0), "\(bridged.output)")
      let onHost = try await Owner.run(
        "endpoint", fixture,
        wrapper: try await ContainerOfTests.wrapper(["--network", "host"], sharing: fixture.folder.path()))
      #expect(onHost.output.contains("endpoint 127.0.0.1:"), "\(onHost.output)")
      let override = try await Owner.run(
        "endpoint", fixture,
        wrapper: try await ContainerOfTests.wrapper(
          ["--network", "host", "--env", "COMPOSEKIT_ENGINE_HOST=127.0.0.4"], sharing: fixture.folder.path()))
      #expect(override.output.contains("endpoint 127.0.0.4:"), "\(override.output)")
      try await fixture.expectNothingLeft()
    }
  }

  @Test(
    "A port that is published on the host's loopback only cannot be reached from a container, and says so",
    .enabled(if: ContainerOfTests.isPossible, ContainerOfTests.need))
  func loopbackFromContainer() async throws {
    let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "ports: [\"127.0.0.1::80\"]")
    try await Fixture.with(yaml) { fixture in
      let result = try await Owner.run(
        "address", fixture, wrapper: try await ContainerOfTests.wrapper(sharing: fixture.folder.path()))
      #expect(result.output.contains("error unknownPort"), "\(result.output)")
      #expect(result.output.contains("127.0.0.1"), "\(result.output)")
      #expect(result.output.contains("COMPOSEKIT_ENGINE_HOST"), "\(result.output)")
      try await fixture.expectNothingLeft()
    }
  }
}
