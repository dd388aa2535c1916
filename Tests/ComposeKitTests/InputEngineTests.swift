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

@Suite("Bad input is an error that says so, never a shell", .kind(.containers), .serialized)
struct InputEngineTests {
  typealias Fixture = EngineFixture

  private func failure(of project: ComposeProject, options: UpOptions = Fixture.options()) async throws -> ComposeError
  {
    let error = await #expect(throws: ComposeError.self) {
      try await withComposeStack(project, options: options) { _ in Issue.record("the body ran") }
    }
    return try #require(error)
  }

  struct Sample: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var yaml: String
    var evidence: String
  }

  /// Nine levels of nine: 387 million copies if somebody expanded them.
  private static let bomb =
    "x-a: &a [x, x, x, x, x, x, x, x, x]\n"
    + zip("abcdefgh", "bcdefghi").map {
      "x-\($1): &\($1) [\(Array(repeating: "*\($0)", count: 9).joined(separator: ", "))]\n"
    }
    .joined() + "services: {web: {image: x, labels: *i}}\n"

  @Test(
    "Files that compose does not take",
    arguments: [
      Sample(testDescription: "a YAML bomb", yaml: bomb, evidence: "YAML bomb"),
      Sample(testDescription: "an anchor within itself", yaml: "services: &a {web: *a}\n", evidence: "a"),
      Sample(testDescription: "nothing", yaml: "", evidence: "empty"),
      Sample(testDescription: "no services", yaml: "services: {}\n", evidence: "no service"),
      Sample(testDescription: "binary", yaml: "\u{0}\u{1}\u{2}", evidence: "control characters"),
      Sample(
        testDescription: "a service's name with a command in it", yaml: "services: {\"web;touch $(id)\": {image: x}}\n",
        evidence: "web;touch"),
      Sample(
        testDescription: "a service that depends on itself",
        yaml: "services: {web: {image: x, depends_on: [web]}}\n", evidence: "cycle"),
      Sample(
        testDescription: "an undefined required variable",
        yaml: "services: {web: {image: \"${CKT_NOWHERE:?is needed}\"}}\n", evidence: "CKT_NOWHERE"),
      Sample(
        testDescription: "deeply nested", yaml: "services: " + String(repeating: "[", count: 20_000), evidence: "depth"),
    ])
  func badFile(_ sample: Sample) async throws {
    try await Fixture.with(sample.yaml) { fixture in
      let error = try await failure(of: fixture.project)
      #expect(error.code == .invalidConfiguration)
      #expect(error.description.contains(sample.evidence), "\(error)")
      #expect(error.description.contains("compose.yml"))
      #expect(error.description.utf8.count < 20_000)
      try await fixture.expectNothingLeft()
    }
  }

  @Test(
    "A compose file that can be opened and not read",
    .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/mem")))
  func failingRead() async throws {
    let error = try await failure(of: ComposeProject(name: "p", files: ["/proc/self/mem"]))
    #expect(error.code == .invalidConfiguration)
    #expect(error.description.contains("/proc/self/mem"))
  }

  @Test(
    "A compose file of somebody else that this user may not read",
    .enabled(if: geteuid() == 0, "only root can become a user who may not read a file"))
  func foreignFile() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let file = fixture.folder.appending(path: "compose.yml").path()
      try #require(chmod(file, 0o600) == 0)
      let result = try await Owner.run(
        "body", fixture, wrapper: ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
      #expect(result.status == .exited(1))
      #expect(result.output.contains("error invalidProject"), "\(result.output)")
      #expect(result.output.contains("\(file) of project \(fixture.name) cannot be read"))
    }
  }

  @Test("Options that name services which do not exist", arguments: ["services", "scale", "timeouts", "probes"])
  func unknownService(_ option: String) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      var options = Fixture.options()
      switch option {
      case "services": options.services = ["--help"]
      case "scale": options.scale = ["--help": 2]
      case "timeouts": options.timeouts = ["--help": .seconds(1)]
      default: options.probes = ["--help": [.tcp(port: 1)]]
      }
      let error = try await failure(of: fixture.project, options: options)
      #expect(error.code == .unknownService)
      #expect(error.service == "--help")
      #expect(error.next?.contains("web") == true)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Paths, values and words full of a shell's signs arrive as they are, and run nothing")
  func noShell() async throws {
    try await Fixture.with("") { fixture in
      let mark = fixture.folder.appending(path: "touched").path()
      let hostile = "a b;$(touch '\(mark.replacing("/", with: "_"))')`id`'\"|&"
      let folder = fixture.folder.appending(path: hostile)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appending(path: "-f $HOME;.yml")
      let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "environment: {ODD: \"${ODD}\"}")
      try yaml.write(to: file, atomically: true, encoding: .utf8)
      let odd = "$(touch \(mark)); `touch \(mark)`\n\"'; touch \(mark) #"
      var project = ComposeProject(name: fixture.name, files: [file.path(percentEncoded: false)])
      project.environment = ["ODD": odd]
      try await withComposeStack(project, options: Fixture.options()) { stack in
        let variable = try await stack.exec("web", ["printenv", "ODD"]).standardOutput
        #expect(variable == "\(odd)\n")
        let word = try await stack.exec("web", ["printf", "%s", odd]).standardOutput
        #expect(word == odd)
        let option = try await stack.exec("web", ["--help"])
        #expect(option.exitCode != 0)
        for word in ["$(id)", "--help", "web;id", ""] {
          let error = await #expect(throws: ComposeError.self) { _ = try await stack.logs(service: word) }
          #expect(error?.code == .unknownService)
        }
        let signal = await #expect(throws: ComposeError.self) { try await stack.kill("web", signal: "--help;id") }
        #expect(signal?.code == .commandFailed)
        let nul = await #expect(throws: ComposeError.self) { _ = try await stack.exec("web", ["printf", "a\0b"]) }
        #expect(nul?.code == .invalidProject)
        #expect(nul?.description.contains("NUL") == true)
        let large = String(repeating: "x", count: 1 << 20)
        let error = await #expect(throws: ComposeError.self) { _ = try await stack.exec("web", ["printf", large]) }
        #expect(error?.code == .invalidProject)
        #expect(error?.description.contains("larger than the kernel takes") == true)
        #expect((error?.description.utf8.count ?? 0) < 20_000)
      }
      #expect(!FileManager.default.fileExists(atPath: mark))
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A container name that somebody else has is not taken away")
  func nameConflict() async throws {
    try await Fixture.with("services:\n" + Fixture.service("db", "exec sleep 600")) { other in
      try await withComposeStack(other.project, options: Fixture.options()) { stack in
        let holder = try #require(try await stack.services().first)
        let name = holder.containerName
        let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "container_name: \(name)")
        try await Fixture.with(yaml + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n") { fixture in
          let error = try await failure(of: fixture.project)
          #expect(error.code == .nameInUse)
          #expect(error.summary.contains("the container name \(name) belongs to"))
          #expect(error.summary.contains("project \(stack.projectName)"))
          #expect(error.next?.contains("container_name") == true)
          try await fixture.expectNothingLeft()
        }
        #expect(try await stack.services() == [holder])
      }
      try await other.expectNothingLeft()
    }
  }
}
