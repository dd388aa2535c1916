import Foundation
import Testing

/// A volume with a file in it and a network, both of somebody else: they must survive whatever our runs do.
struct Keepsake: Sendable {
  let volume: String
  let network: String
  /// The compose project whose labels they carry; nil if they were made by hand.
  let owner: String?

  /// A compose file that mounts the volume and joins the network, by the fixed names that a developer's own stack uses.
  static func yaml(_ unique: String, command: String = "touch /tmp/ok; exec sleep 600", external: String = "") -> String
  {
    "services:\n"
      + EngineFixture.service(
        "db", command,
        EngineFixture.healthCheck + "\n    init: true\n    volumes: [\"data:/data\", \"own:/own\"]\n    networks: [net]"
      )
      + "volumes: {data: {name: \(unique)-data\(external)}, own: {}}\nnetworks: {net: {name: \(unique)-net\(external)}}\n"
  }

  /// Makes both, runs `body`, and proves that they are as they were.
  static func with(
    _ unique: String, owner: String? = "developer", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Keepsake) async throws -> Void
  ) async throws {
    let keepsake = Keepsake(volume: "\(unique)-data", network: "\(unique)-net", owner: owner)
    func labels(_ key: String, _ value: String) -> [String] {
      owner.map { ["--label", "com.docker.compose.project=\($0)", "--label", "com.docker.compose.\(key)=\(value)"] }
        ?? []
    }
    try await EngineFixture.docker(["volume", "create"] + labels("volume", "data") + [keepsake.volume])
    try await EngineFixture.docker(["network", "create"] + labels("network", "net") + [keepsake.network])
    try await keepsake.run("echo kept > /data/mark")
    let before = try await keepsake.look()
    do {
      try await body(keepsake)
      let after = try? await keepsake.look()
      #expect(after == before, "what belongs to somebody else was touched", sourceLocation: sourceLocation)
    } catch {
      await keepsake.remove()
      throw error
    }
    await keepsake.remove()
  }

  @discardableResult
  private func run(_ script: String) async throws -> String {
    try await EngineFixture.docker([
      "run", "--rm", "--volume", "\(volume):/data", "e2e-base:bookworm", "sh", "-c", script,
    ])
  }

  private func look() async throws -> [String] {
    [
      // Asked first: to run a container with a volume that is gone would make it anew.
      try await EngineFixture.docker(["volume", "inspect", "--format", "{{.CreatedAt}} {{.Labels}}", volume]),
      try await EngineFixture.docker(["network", "inspect", "--format", "{{.Id}} {{.Labels}}", network]),
      try await run("cat /data/mark"),
    ]
  }

  private func remove() async {
    _ = try? await EngineFixture.docker(["network", "rm", network])
    _ = try? await EngineFixture.docker(["volume", "rm", "--force", volume])
  }
}
