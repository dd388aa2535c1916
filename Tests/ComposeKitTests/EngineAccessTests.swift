import ComposeTesting
import Foundation
import Subprocess
import Testing

// What the watchdog owns is made here by its synthesized initialiser.
@testable import ComposeKit

@Suite("How an engine is called", .kind(.programs))
struct EngineAccessTests {
  @Test("Without anything said it is docker, wherever that finds its engine, and nothing is added to a command")
  func usual() {
    let access = EngineAccess(environment: [:])
    #expect(access.program == "docker")
    #expect(access.variables.isEmpty)
    #expect(access.key == "")
    #expect(access.composeCandidates == [["docker", "compose"], ["docker-compose"]])
    #expect(access.command(["ps"]).line == "docker ps")
    // Compose finds docker's engine itself, so that what docker says of it changes nothing.
    #expect(access.answered("unix:///d.sock").access == access)
    #expect(access.defaultNetwork == "bridge" && access.addressQuestion?.first == "context")
  }

  @Test("The environment chooses an engine, and what is given wins over it")
  func environment() {
    let variables = ["DOCKER_HOST": "tcp://a:1", "DOCKER_CONTEXT": "far", "COMPOSE_COMMAND": "docker-compose -v"]
    let inherited = EngineAccess(environment: variables)
    #expect(inherited.address == "tcp://a:1")
    // As docker itself has it: an address wins.
    #expect(inherited.context == nil)
    #expect(inherited.composeCandidates == [["docker-compose", "-v"]])
    let near = EngineAccess(context: "near", environment: variables)
    #expect(near.address == nil)
    #expect(near.variables == ["DOCKER_CONTEXT": "near", "DOCKER_HOST": nil])
    let other = EngineAccess(address: "unix:///b", composeCommand: ["c"], environment: variables)
    #expect(other.variables == ["DOCKER_HOST": "unix:///b", "DOCKER_CONTEXT": nil])
    #expect(other.composeCandidates == [["c"]])
    #expect(Set([inherited.key, near.key, other.key]).count == 3)
  }

  @Test("Podman has variables of its own, and compose is led to it by docker's")
  func podman() {
    let access = EngineAccess(program: "/usr/bin/podman", address: "unix:///p.sock", environment: [:])
    #expect(access.family == .podman)
    #expect(
      access.variables == [
        "CONTAINER_HOST": "unix:///p.sock", "DOCKER_HOST": "unix:///p.sock", "CONTAINER_CONNECTION": nil,
      ])
    #expect(access.composeCandidates.first == ["docker-compose"])
    var own = EngineAccess(program: "podman", environment: [:])
    let key = own.key
    #expect(key != "" && key != access.key)
    // What the program says of itself is for compose, and does not make it another engine.
    own.foundAddress = "unix:///run/podman/podman.sock"
    #expect(own.variables == ["DOCKER_HOST": "unix:///run/podman/podman.sock"])
    #expect(own.key == key)
    own.foundAddress = nil
    #expect(own.answered("/run/podman/podman.sock").access.foundAddress == "unix:///run/podman/podman.sock")
    #expect(own.defaultNetwork == "podman" && own.addressQuestion?.first == "info")
    #expect(EngineAccess(environment: ["COMPOSEKIT_ENGINE": "podman"]).family == .podman)
  }

  @Test("A command line leads a person who types it to the same engine, and names no secret")
  func line() {
    let access = EngineAccess(address: "unix:///a b.sock", environment: [:])
    #expect(access.command(["ps"]).line.hasSuffix("DOCKER_HOST='unix:///a b.sock' docker ps"))
    var command = access.command(["ps"])
    command.environment = ["TOKEN": "hunter2"]
    #expect(!command.line.contains("hunter2"))
  }

  @Test("What the watchdog could not be told, or compose could not follow, is refused")
  func refused() {
    for access in [
      EngineAccess(address: "unix:///a\nproject x", environment: [:]), EngineAccess(program: "", environment: [:]),
      EngineAccess(program: "podman", context: "far", environment: [:]),
    ] {
      #expect(throws: ComposeError.self) { try access.validate() }
    }
  }

  @Test("The watchdog calls each project's engine, in its environment, and evaluates nothing that it reads")
  func watchdog() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "watchdog-\(UInt32.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = folder.appending(path: "log").path()
    // A program of engines that knows one container, until that is removed.
    let program = folder.appending(path: "my docker").path()
    let script = """
      #!/bin/sh
      echo "${DOCKER_HOST-none} $*" >>"\(log)"
      gone="\(folder.path())/gone-$(echo "$DOCKER_HOST" | tr -c 'a-z\\n' _)"
      case "$1 $2" in
        "ps --all") [ -e "$gone" ] || echo c1 ;;
        "rm --force") : >"$gone" ;;
      esac

      """
    try script.write(toFile: program, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    let odd = "unix:///$(touch \(folder.path())/evil)`id`"
    let engines = [
      EngineAccess(program: program, environment: [:]), EngineAccess(program: program, address: odd, environment: [:]),
    ]
    let projects = engines.enumerated().map { OwnedProject(name: "p-\($0)", access: $1) }
    let lines = (projects + projects).flatMap(\.registrations).map { $0.line + "\n" }.joined()
    let removed = "removed \(engines[0].watchdogKey)/p-gone\n"
    let input = "project \(engines[0].watchdogKey)/p-gone\n" + lines + removed
    let result = try await Subprocess.run(
      .path("/bin/sh"),
      arguments: ["-c", Watchdog.script + "\nwait", "watchdog", "0", folder.appending(path: "said").path()],
      environment: .inherit.updating(["DOCKER_HOST": nil, "DOCKER_CONTEXT": nil]), input: .string(input),
      output: .discarded, error: .discarded)
    #expect(result.terminationStatus.isSuccess)
    let calls = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(calls.contains("none rm --force --volumes c1"), "\(calls)")
    #expect(calls.contains("\(odd) rm --force --volumes c1"), "\(calls)")
    #expect(
      calls.contains("none network ls --quiet --no-trunc --filter label=com.docker.compose.project=p-0"), "\(calls)")
    #expect(calls.contains("\(odd) volume ls --quiet --filter label=com.docker.compose.project=p-1"), "\(calls)")
    #expect(!calls.contains { $0.contains("p-gone") }, "\(calls)")
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "evil").path()))
  }
}
