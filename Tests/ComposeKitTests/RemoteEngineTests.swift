import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

@Suite("An engine that is reached by an address or a context", .serialized)
struct RemoteEngineTests {
  typealias Fixture = EngineFixture

  /// Makes the engine's socket a TCP port of an address that is not the usual loopback one, and prints the port.
  private static let forwarder = """
    import socket, socketserver, threading
    class Forward(socketserver.BaseRequestHandler):
        def handle(self):
            engine = socket.socket(socket.AF_UNIX)
            engine.connect("/var/run/docker.sock")
            def copy(source, target):
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            back = threading.Thread(target=copy, args=(engine, self.request), daemon=True)
            back.start()
            copy(self.request, engine)
            back.join()
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        def handle_error(self, *_): pass
    server = Server(("127.0.0.2", 0), Forward)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """

  /// Runs `body` with the address of an engine that is, by its name, not on this host.
  private func withRemoteEngine(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
    var platform = PlatformOptions()
    platform.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(1))]
    _ = try await Subprocess.run(
      .name("python3"), arguments: ["-c", Self.forwarder], platformOptions: platform, input: .none, output: .sequence,
      error: .discarded
    ) { execution in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let port = try #require(try await lines.next(), "the forwarder did not say its port")
      defer { try? execution.send(signal: .terminate) }
      try await body("tcp://127.0.0.2:\(port.trimmingCharacters(in: .whitespacesAndNewlines))")
    }
  }

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
    try await withRemoteEngine { address in
      let said = try await endpoint(["DOCKER_HOST": address])
      #expect(said.hasPrefix("endpoint 127.0.0.2:"), "\(said)")
      #expect(said.hasSuffix(" on 127.0.0.2"), "\(said)")
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
    try await withRemoteEngine { address in
      try await create("far", address)
      let far = try await endpoint(configuration.merging(["DOCKER_CONTEXT": "far"]) { $1 })
      #expect(far.hasPrefix("endpoint 127.0.0.2:"), "\(far)")
    }
  }
}
