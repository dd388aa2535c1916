import ComposeKit
import ComposeTesting
import Foundation
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// In processes of their own, since a process chooses its compose command once.
@Suite("The other ways to call compose", .kind(.containers), .serialized)
struct ComposeCommandEngineTests {
  typealias Fixture = EngineFixture

  enum Choice: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case forced, onPath
    var testDescription: String { self == .forced ? "by COMPOSE_COMMAND" : "on the PATH, with no plugin" }

    /// The plugin's program called as a command of its own, as `docker-compose` of the second generation is installed.
    func environment(in folder: URL) async throws -> (variables: [String: String], command: String) {
      let format = #"{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}"#
      let plugin = try await Fixture.docker(["info", "--format", format]).trimmingCharacters(
        in: .whitespacesAndNewlines)
      try #require(!plugin.isEmpty, "docker has no compose plugin")
      let program = folder.appending(path: "docker-compose").path()
      try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: plugin)
      guard self == .onPath else { return (["COMPOSE_COMMAND": program], program) }
      // A docker without the plugin.
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let docker = try #require(
        path.split(separator: ":").map { "\($0)/docker" }.first(where: FileManager.default.isExecutableFile))
      let script =
        "#!/bin/sh\n[ \"$1\" = compose ] && { echo \"docker: 'compose' is unknown\" >&2; exit 1; }\nexec \(docker) \"$@\"\n"
      let wrapper = folder.appending(path: "docker").path()
      try script.write(toFile: wrapper, atomically: true, encoding: .utf8)
      try #require(chmod(wrapper, 0o755) == 0)
      return (["PATH": "\(folder.path()):\(path)"], "docker-compose")
    }
  }

  @Test("Standalone docker-compose v2 starts and removes a project, and is named in errors", arguments: Choice.allCases)
  func standalone(_ choice: Choice) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let (variables, _) = try await choice.environment(in: fixture.folder)
      let result = try await Owner.run("body", fixture, environment: variables) { owner in
        try await owner.waitFor("at body")
        #expect(try await fixture.leftovers().count == 2)
        owner.send(SIGTERM)
      }
      #expect(result.status == .signaled(SIGTERM))
      #expect(try await fixture.leftoversAtLast() == [])
    }
    try await Fixture.with("services:\n" + Fixture.service("bad", "exit 3", Fixture.healthCheck)) { fixture in
      let (variables, command) = try await choice.environment(in: fixture.folder)
      let result = try await Owner.run("body", fixture, environment: variables)
      #expect(result.status == .exited(1))
      #expect(result.output.contains("error exited"), "\(result.output)")
      #expect(result.output.contains("  command   \(command) -p \(fixture.name)-"), "\(result.output)")
      #expect(result.output.contains("  engine    \(command) 2."), "\(result.output)")
      #expect(try await fixture.leftoversAtLast() == [])
    }
  }
}
