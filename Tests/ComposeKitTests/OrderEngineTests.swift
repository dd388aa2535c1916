import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

@Suite("Projects that need something of one another", .kind(.containers), .serialized)
struct OrderEngineTests {
  typealias Fixture = EngineFixture

  /// Two projects: the first one makes a network, the second one calls it external.
  private func withPair(
    _ body: (_ maker: EngineFixture, _ user: EngineFixture) async throws -> Void
  ) async throws {
    try await Fixture.with("services: {}\n") { maker in
      let networks = "networks: {default: {name: \(maker.name)-net"
      try (Fixture.healthy + networks + "}}\n").write(
        to: maker.folder.appending(path: "compose.yml"), atomically: true, encoding: .utf8)
      let yaml = "services:\n" + Fixture.service("ask", "getent hosts web; exec sleep 600") + networks
      try await Fixture.with(yaml + ", external: true}}\n") { user in try await body(maker, user) }
    }
  }

  // Compose 2.26: "network … declared as external, but could not be found", whenever the user's `up` is the faster one.
  @Test("An external network that another project of the call makes: its user starts after it")
  func external() async throws {
    try await withPair { maker, user in
      // In either order, and without waiting for the maker's health check.
      for projects in [[maker.project, user.project], [user.project, maker.project]] {
        try await withComposeStacks(projects, options: Fixture.options()) { stacks in
          let names = stacks.map(\.project.name)
          #expect(names == projects.map(\.name))
        }
        try await maker.expectNothingLeft()
        try await user.expectNothingLeft()
      }
    }
  }

  @Test("An external network that nobody makes: the error names it, and what to do")
  func missing() async throws {
    try await withPair { maker, user in
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(user.project, options: Fixture.options()) { _ in }
      }
      #expect(error?.code == .missingResource)
      #expect(error?.summary.contains("\(maker.name)-net") == true)
      #expect(error?.next?.contains("docker network create \(maker.name)-net") == true)
      #expect(error?.next?.contains("in the same call") == true)
    }
  }

  @Test("An external network that is there is joined: the file says so itself")
  func present() async throws {
    try await withPair { maker, user in
      try await Fixture.docker(["network", "create", "\(maker.name)-net"])
      do {
        try await withComposeStack(user.project, options: Fixture.options()) { _ in }
        try await user.expectNothingLeft()
      } catch {
        try await Fixture.docker(["network", "rm", "\(maker.name)-net"])
        throw error
      }
      // Still there: this fails if it is not.
      try await Fixture.docker(["network", "rm", "\(maker.name)-net"])
    }
  }

  @Test("A project that starts after another one waits until that is ready; its failure keeps it from starting")
  func startsAfter() async throws {
    try await Fixture.with(Fixture.healthy) { first in
      try await Fixture.with(Fixture.healthy) { second in
        var later = second.project
        later.startsAfter = [first.name]
        let steps = Mutex<[ServiceProgress]>([])
        let note: @Sendable (ServiceProgress) -> Void = { step in steps.withLock { $0.append(step) } }
        try await withComposeStacks([later, first.project], options: Fixture.options(), progress: note) { _ in }
        let seen = steps.withLock { $0 }
        let ready = try #require(seen.firstIndex { $0.project == first.name && $0.phase == .healthy })
        let began = try #require(seen.firstIndex { $0.project == second.name })
        #expect(ready < began)
      }
    }
    try await Fixture.with("services:\n" + Fixture.service("bad", "exit 3")) { bad in
      try await Fixture.with(Fixture.healthy) { second in
        var later = second.project
        later.startsAfter = [bad.name]
        let projects = Mutex<Set<String>>([])
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStacks(
            [later, bad.project], options: Fixture.optionsForFailing(),
            progress: { step in _ = projects.withLock { $0.insert(step.project + step.phase.rawValue) } }
          ) { _ in }
        }
        #expect(error?.service == "bad")
        #expect(projects.withLock { $0 }.isDisjoint(with: ["created", "starting"].map { second.name + $0 }))
        try await bad.expectNothingLeft()
        try await second.expectNothingLeft()
      }
    }
  }
}
