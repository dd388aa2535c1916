import Foundation
import Testing

/// Somebody else's compose project on the same engine, with a container, a network and a volume.
///
/// It must be untouched by whatever happens to our projects. Its name has the form of ours, of another machine.
struct Bystander: Sendable {
  private let name: String
  private let state: [String]

  private init(name: String) async throws {
    self.name = name
    let label = ["--label", "com.docker.compose.project=\(name)"]
    try await EngineFixture.docker(["network", "create"] + label + [name])
    try await EngineFixture.docker(["volume", "create"] + label + [name])
    try await EngineFixture.docker(
      ["run", "--detach", "--rm", "--name", "\(name)-web-1", "--network", name, "--volume", "\(name):/data"] + label
        + ["e2e-base:bookworm", "sleep", "900"])
    state = try await Self.look(name)
  }

  private static func look(_ name: String) async throws -> [String] {
    [
      try await EngineFixture.docker([
        "container", "inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.State.Status}}", "\(name)-web-1",
      ]),
      try await EngineFixture.docker(["network", "inspect", "--format", "{{.Id}} {{len .Containers}}", name]),
      try await EngineFixture.docker(["volume", "inspect", "--format", "{{.CreatedAt}} {{.Labels}}", name]),
    ]
  }

  private func remove() async {
    _ = try? await EngineFixture.docker(["rm", "--force", "--volumes", "\(name)-web-1"])
    _ = try? await EngineFixture.docker(["network", "rm", name])
    _ = try? await EngineFixture.docker(["volume", "rm", "--force", name])
  }

  /// Runs `body` beside a bystander, and proves that it is the same afterwards.
  static func beside(_ body: () async throws -> Void) async throws {
    let unique = String(UInt64.random(in: 0..<1_679_616), radix: 36)
    let bystander = try await Bystander(name: "ckt-bystander\(unique)-r0000000000000011")
    do {
      try await body()
      let now = try await look(bystander.name)
      #expect(now == bystander.state, "another project on this engine was touched")
    } catch {
      await bystander.remove()
      throw error
    }
    await bystander.remove()
  }
}

/// Gives a suite a ``Bystander``.
struct BystanderTrait: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await Bystander.beside { try await function() }
  }
}

extension Trait where Self == BystanderTrait {
  /// Another project runs beside the suite's, and must not be touched.
  static var besideAnotherProject: Self { BystanderTrait() }
}
