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

// Compose mounts a volume of another project with a warning, and `down --volumes` removes it by its name (compose 2.26: "volume
// already exists but was created for project", then "Removed"). docs.docker.com/reference/compose-file/volumes: `name`, `external`.
@Suite(
  "What a run did not make is neither used unasked nor ever removed", .kind(.containers), .serialized,
  .besideAnotherProject)
struct SharingEngineTests {
  typealias Fixture = EngineFixture

  /// A fixture whose volume and network have names that are the same in every run.
  private func withFixture(
    command: String = "touch /tmp/ok; exec sleep 600", _ body: (EngineFixture) async throws -> Void
  ) async throws {
    try await Fixture.with("services: {}\n") { fixture in
      try Keepsake.yaml(fixture.name, command: command).write(
        to: fixture.folder.appending(path: "compose.yml"), atomically: true, encoding: .utf8)
      try await body(fixture)
    }
  }

  private func sharing(_ fixture: EngineFixture) -> ComposeProject {
    var project = fixture.project
    project.sharing = [.volume("\(fixture.name)-data"), .network("\(fixture.name)-net")]
    return project
  }

  @Test("A volume and a network of a project that is up: refused before anything starts, with both ways out")
  func refused() async throws {
    try await withFixture { fixture in
      // The developer's own stack of the very same file.
      let developer = ["compose", "-p", "\(fixture.name)dev", "-f", fixture.project.files[0]]
      try await Fixture.docker(developer + ["up", "--detach"])
      do {
        let steps = Mutex<[ServiceProgress]>([])
        var project = fixture.project
        for (name, verb, told) in [
          ("\(fixture.name)-data", "mount the volume", SharedResource.volume("\(fixture.name)-data")),
          ("\(fixture.name)-net", "join the network", .network("\(fixture.name)-net")),
        ] {
          let error = await #expect(throws: ComposeError.self) {
            try await withComposeStack(
              project, options: Fixture.options(), progress: { step in steps.withLock { $0.append(step) } }
            ) { _ in Issue.record("the body ran") }
          }
          #expect(error?.code == .foreignResource)
          let text = error.map { "\($0)" } ?? ""
          #expect(text.contains("\(verb) \(name)"), "\(text)")
          #expect(text.contains("belongs to project \(fixture.name)dev"), "\(text)")
          #expect(text.contains("\(fixture.name)dev-db-1") || text.contains("\(fixture.name)dev_db_1"), "\(text)")
          #expect(text.contains("take `name: \(name)` out of the file"), "\(text)")
          #expect(text.contains("sharing: [.\(verb.split(separator: " ").last ?? "")(\"\(name)\")]"), "\(text)")
          project.sharing.append(told)
        }
        #expect(steps.withLock { $0 } == [])
        try await fixture.expectNothingLeft()
        // Told of both, it may.
        try await withComposeStack(project, options: Fixture.options()) { _ in }
        try await fixture.expectNothingLeft()
        #expect(try await Fixture.docker(developer + ["ps", "--quiet"]).isEmpty == false)
        #expect(try await Fixture.docker(["volume", "ls", "--quiet"]).contains("\(fixture.name)-data\n"))
      } catch {
        try await Fixture.docker(developer + ["down", "--volumes", "--timeout", "0"])
        throw error
      }
      try await Fixture.docker(developer + ["down", "--volumes", "--timeout", "0"])
    }
  }

  @Test("What was made by hand is refused as well")
  func madeByHand() async throws {
    try await withFixture { fixture in
      try await Keepsake.with(fixture.name, owner: nil) { _ in
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(fixture.project, options: Fixture.options()) { _ in }
        }
        #expect(error?.code == .foreignResource)
        #expect(error?.summary.contains("was made by no compose project") == true, "\(error?.summary ?? "")")
        var project = fixture.project
        project.sharing = [.volume("\(fixture.name)-data")]
        // Compose refuses a network without its labels itself, unless the file says external.
        let network = await #expect(throws: ComposeError.self) {
          try await withComposeStack(project, options: Fixture.options()) { _ in }
        }
        #expect(network?.next?.contains("external: true") == true, "\(network?.next ?? "")")
        try await fixture.expectNothingLeft()
      }
    }
  }

  @Test("What is shared is used and stays; what the run made under a fixed name goes")
  func shared() async throws {
    try await withFixture { fixture in
      try await Keepsake.with(fixture.name) { _ in
        try await withComposeStack(sharing(fixture), options: Fixture.options()) { stack in
          let mark = try await stack.exec("db", ["cat", "/data/mark"]).standardOutput
          #expect(mark == "kept\n")
        }
        try await fixture.expectNothingLeft()
      }
      // Not there before: the run's own, whatever it is told.
      for project in [fixture.project, sharing(fixture)] {
        try await withComposeStack(project, options: Fixture.options()) { _ in }
        try await fixture.expectNothingLeft()
        #expect(try await Fixture.docker(["volume", "ls", "--quiet"]).contains("\(fixture.name)-data\n") == false)
      }
    }
  }

  @Test("A start that fails leaves it")
  func failedStart() async throws {
    try await withFixture(command: "exit 3") { fixture in
      try await Keepsake.with(fixture.name) { _ in
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(sharing(fixture), options: Fixture.optionsForFailing()) { _ in }
        }
        #expect(error?.code == .exited)
        try await fixture.expectNothingLeft()
      }
    }
  }

  @Test(
    "It survives the owner's end in every phase, and a run that nothing ends",
    arguments: [
      ("beginning", SIGKILL), ("created", SIGKILL), ("starting", SIGKILL), ("healthy", SIGKILL), ("body", SIGKILL),
      ("removing", SIGKILL), ("body", SIGTERM), ("starting", SIGTERM), ("removing", SIGTERM), ("removing", nil),
    ] as [(String, Int32?)])
  func ownerIsEnded(_ phase: String, _ signal: Int32?) async throws {
    try await withFixture { fixture in
      try await Keepsake.with(fixture.name) { keepsake in
        let told = ["COMPOSEOWNER_SHARING": "volume=\(keepsake.volume),network=\(keepsake.network)"]
        let result = try await Owner.run(phase, fixture, environment: told) { owner in
          try await owner.waitFor("at \(phase)")
          if let signal { owner.send(signal) }
        }
        #expect(result.status == signal.map { .signaled($0) } ?? .exited(0), "\(result.output)")
        #expect(try await fixture.leftoversAtLast() == [])
      }
    }
  }

  @Test("It survives the sweep of a run whose owner and watchdog are gone")
  func sweep() async throws {
    try await withFixture { fixture in
      try await Keepsake.with(fixture.name) { _ in
        let dead = try await Subprocess.run(.path("/bin/true"), output: .discarded).processIdentifier.value
        let alive = try await withComposeStack(sharing(fixture), options: Fixture.options()) { $0.projectName }
        let id = Array(try #require(alive.split(separator: "-").last))
        let digits = String(dead, radix: 36)
        let abandoned = String(id[0...10]) + String(repeating: "0", count: 5 - digits.count) + digits + "1"
        try await Fixture.docker([
          "compose", "-p", "\(fixture.name)-\(abandoned)", "-f", fixture.project.files[0], "up", "--detach",
        ])
        // Another process sweeps before its own start, of another project.
        try await Fixture.with(Fixture.healthy) { other in
          let owner = try await Owner.run("body", other) { owner in
            try await owner.waitFor("at body")
            #expect(try await fixture.leftovers() == [])
            owner.send(SIGTERM)
          }
          #expect(owner.status == .signaled(SIGTERM))
        }
      }
    }
  }

  @Test("A project that is reused leaves it when it is replaced and removed, and knows its own again")
  func reused() async throws {
    try await withFixture { fixture in
      var options = Fixture.options()
      options.reuse = true
      func start(_ project: ComposeProject) async throws -> String {
        try await withComposeStack(project, options: options) { try await $0.services().map(\.containerID).joined() }
      }
      try await Keepsake.with(fixture.name) { _ in
        let refused = await #expect(throws: ComposeError.self) { _ = try await start(fixture.project) }
        #expect(refused?.code == .foreignResource)
        let first = try await start(sharing(fixture))
        #expect(try await start(sharing(fixture)) == first)
        let changed = try String(contentsOfFile: fixture.project.files[0], encoding: .utf8)
          .replacing("sleep 600", with: "sleep 601")
        try changed.write(toFile: fixture.project.files[0], atomically: true, encoding: .utf8)
        #expect(try await start(sharing(fixture)) != first)
        try await sharing(fixture).removeReused(options: options)
        try await fixture.expectNothingLeft()
      }
      // Nobody else's: made by the reused project itself, adopted with it, replaced with it.
      let first = try await start(fixture.project)
      #expect(try await start(fixture.project) == first)
      try "# changed\n".write(toFile: fixture.folder.appending(path: "x").path(), atomically: true, encoding: .utf8)
      options.scale = ["db": 2]
      #expect(try await start(fixture.project) != first)
      try await fixture.project.removeReused(options: options)
      try await fixture.expectNothingLeft()
      #expect(try await Fixture.docker(["volume", "ls", "--quiet"]).contains("\(fixture.name)-data\n") == false)
    }
  }

  @Test("A name in `sharing` that the files do not have is refused: it is a misspelt one")
  func misspelt() async throws {
    try await withFixture { fixture in
      var project = fixture.project
      project.sharing = [.volume("\(fixture.name)-dta")]
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(project, options: Fixture.options()) { _ in }
      }
      #expect(error?.code == .invalidProject)
      #expect(error?.next?.contains("\(fixture.name)-data") == true)
    }
  }
}
