import Foundation
import Subprocess
import Testing

/// A container in which a test's helper runs as tests do on many CI machines: with the engine's socket mounted.
enum ContainerOfTests {
  static let isPossible: Bool = {
    #if os(Linux)
      return (ProcessInfo.processInfo.environment["DOCKER_HOST"] ?? "").isEmpty
        && FileManager.default.fileExists(atPath: "/var/run/docker.sock")
    #else
      return false
    #endif
  }()
  static let need: Comment = "the helper's program runs in a Linux container only, beside the local engine's socket"

  /// The words that run a program of this machine in a container of the base image, with what it needs of this machine's files.
  static func wrapper(_ options: [String] = [], sharing folder: String) async throws -> [String] {
    var mounts: Set<String> = [folder, "/var/run/docker.sock"]
    let helper = try Owner.executable
    let plugin = try await EngineFixture.docker([
      "info", "--format", #"{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}"#,
    ]).trimmingCharacters(in: .whitespacesAndNewlines)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let docker = try #require(
      path.split(separator: ":").map { "\($0)/docker" }.first(where: FileManager.default.isExecutableFile))
    mounts.formUnion([helper, plugin, docker])
    // Its libraries; the C library itself is the image's, which knows its own loader.
    let listed = try await Subprocess.run(.name("ldd"), arguments: [helper], output: .string(limit: 1 << 20))
    var libraries: [String] = []
    for line in listed.standardOutput.split(separator: "\n") {
      guard let match = line.firstMatch(of: /(\S+) => (\/\S+)/), !match.1.hasPrefix("libc."),
        !match.1.hasPrefix("libm.")
      else { continue }
      let file = URL(fileURLWithPath: String(match.2)).resolvingSymlinksInPath().path
      libraries += ["--volume", "\(file):/libraries/\(match.1):ro"]
    }
    return ["docker", "run", "--rm"] + mounts.sorted().flatMap { ["--volume", "\($0):\($0)"] } + libraries
      + ["--env", "LD_LIBRARY_PATH=/libraries"]
      + ["--env", "PATH=\(URL(fileURLWithPath: docker).deletingLastPathComponent().path):/usr/bin:/bin"]
      + options + ["e2e-base:bookworm"]
  }
}
