import ComposeTesting
import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(
  "Nothing is left when the process that owns a project is ended", .kind(.containers), .serialized,
  .besideAnotherProject)
struct OwnerEngineTests {
  typealias Fixture = EngineFixture

  struct Ending: Sendable, CustomTestStringConvertible {
    var phase: String
    var signals: [Int32]
    var testDescription: String { "signals \(signals) at \(phase)" }
  }

  @Test(
    "The owner is ended by a signal",
    arguments: [
      Ending(phase: "body", signals: [SIGINT, SIGINT]), Ending(phase: "starting", signals: [SIGINT]),
      Ending(phase: "body", signals: [SIGTERM]), Ending(phase: "body", signals: [SIGKILL]),
      Ending(phase: "starting", signals: [SIGKILL]), Ending(phase: "process", signals: [SIGKILL]),
      Ending(phase: "process", signals: [SIGTERM]), Ending(phase: "building", signals: [SIGKILL]),
      Ending(phase: "building", signals: [SIGINT]), Ending(phase: "removing", signals: [SIGKILL]),
      Ending(phase: "removing", signals: [SIGTERM]), Ending(phase: "beginning", signals: [SIGKILL]),
      Ending(phase: "created", signals: [SIGKILL]), Ending(phase: "probing", signals: [SIGKILL]),
      Ending(phase: "starting", signals: [SIGINT, SIGINT]), Ending(phase: "building", signals: [SIGINT, SIGINT]),
      Ending(phase: "removing", signals: [SIGINT, SIGINT]),
    ])
  func ownerIsEnded(_ ending: Ending) async throws {
    let isBuilding = ending.phase == "building"
    let yaml = Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n"
    try await Fixture.with(isBuilding ? "services: {web: {build: .}}\n" : yaml) { fixture in
      if isBuilding {
        try "FROM e2e-base:bookworm\nRUN echo \(fixture.name); sleep 60\n".write(
          to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      }
      let pids = Mutex<(owner: Int32, child: Int32?)>((0, nil))
      let result = try await Owner.run(ending.phase, fixture) { owner in
        if ending.phase == "process" {
          let line = try await owner.waitFor("child")
          let child = Int32(try #require(line.split(separator: " ").last))
          pids.withLock { $0.child = child }
        }
        try await owner.waitFor("at \(ending.phase == "process" ? "body" : ending.phase)")
        if !isBuilding && ending.phase != "beginning" { #expect(try await !fixture.leftovers().isEmpty) }
        pids.withLock { $0.owner = owner.pid }
        owner.send(ending.signals[0])
        for signal in ending.signals.dropFirst() {
          // One that is still pending would swallow the next one.
          try await owner.waitFor("composekit: SIG")
          owner.send(signal)
        }
      }
      // A signal that was handled still ends the process as that signal does.
      #expect(result.status == .signaled(try #require(ending.signals.first)))
      // Somebody impatient is told, and does not end the removal.
      #expect(result.output.contains("already taking down") == (ending.signals.count > 1))
      #expect(try await fixture.leftoversAtLast() == [])
      let (owner, child) = pids.withLock { $0 }
      let watchdogEnded = await Fixture.eventually { !Owner.hasWatchdog(of: owner) }
      #expect(watchdogEnded)
      if let child {
        let childEnded = await Fixture.eventually { kill(child, 0) != 0 }
        #expect(childEnded)
      }
    }
  }
}

extension OwnerEngineTests {
  @Test("A program that handles signals itself: the signal ends it untrapped, and the watchdog cleans up")
  func signalsNotTrapped() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let result = try await Owner.run("body", fixture, environment: ["COMPOSEKIT_SIGNALS": "0"]) { owner in
        try await owner.waitFor("at body")
        owner.send(SIGTERM)
      }
      #expect(result.status == .signaled(SIGTERM))
      #expect(!result.output.contains("taking down"))
      #expect(try await fixture.leftoversAtLast() == [])
    }
  }

  @Test(
    "Without an engine a run ends with one clear message",
    arguments: [
      ("DOCKER_HOST", "unix:///nowhere/docker.sock", "the docker engine does not run, or cannot be reached"),
      ("PATH", "/nowhere", "docker is not installed, or not in PATH"),
      ("COMPOSE_COMMAND", "no-such-compose", "COMPOSE_COMMAND=no-such-compose does not work"),
    ])
  func noEngine(_ variable: String, _ value: String, _ message: String) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let result = try await Owner.run("body", fixture, environment: [variable: value])
      #expect(result.status == .exited(1))
      #expect(result.output.contains("error engineUnavailable"))
      #expect(result.output.contains(message), "\(result.output)")
      #expect(result.output.contains("  next "), "\(result.output)")
    }
  }

  @Test("The owner is killed while compose checks its files", arguments: [SIGKILL, SIGINT])
  func whileValidating(_ signal: Int32) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let gate = try FileGate(in: fixture.folder)
      let result = try await Owner.run("body", fixture, file: gate.path) { owner in
        try await gate.whenRead { owner.send(signal) }
      }
      #expect(result.status == .signaled(signal))
      #expect(try await fixture.leftoversAtLast() == [])
    }
  }

  @Test(
    "Two processes run the same project at once; the end of one does not touch the other",
    arguments: [SIGTERM, SIGKILL])
  func twoRuns(_ signal: Int32) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let second = try await Owner.run("body", fixture) { second in
        let first = try await Owner.run("body", fixture) { first in
          let names = [try await first.waitFor("at body"), try await second.waitFor("at body")]
          #expect(Set(names).count == 2)
          #expect(try await fixture.leftovers().count { $0.hasPrefix("container") } == 2)
          first.send(signal)
        }
        #expect(first.status == .signaled(signal))
        // The other's container and network, and nothing else.
        let isAlone = try await Fixture.eventually {
          let left = try await fixture.leftovers()
          return left.count == 2 && left[0].hasPrefix("container") && left[1].hasPrefix("network")
        }
        #expect(isAlone)
        second.send(signal)
      }
      #expect(second.status == .signaled(signal))
      #expect(try await fixture.leftoversAtLast() == [])
    }
  }
}
