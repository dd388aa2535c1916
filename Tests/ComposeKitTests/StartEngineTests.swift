import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

/// Needs a docker engine, like every suite whose name ends in "EngineTests".
@Suite("Starting projects", .kind(.containers), .serialized)
struct StartEngineTests {
  typealias Fixture = EngineFixture

  @Test("A service is ready when its health check says so, and everything is gone afterwards")
  func healthy() async throws {
    try await Fixture.with(Fixture.healthy + "    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n") { fixture in
      let phases = Mutex<[ServiceProgress.Phase]>([])
      let name = try await withComposeStack(
        fixture.project, options: Fixture.options(), progress: { step in phases.withLock { $0.append(step.phase) } }
      ) { stack in
        let services = try await stack.services()
        #expect(services.map(\.service) == ["web"])
        #expect(services.first?.health == .healthy)
        #expect(services.first?.state == .running)
        #expect(stack.readyAfter >= .seconds(1))
        #expect(stack.serviceReadyAfter["web"] != nil)
        #expect(try await fixture.leftovers().count == 3)
        return stack.projectName
      }
      #expect(name.hasPrefix(fixture.name + "-"))
      try await fixture.expectNothingLeft()
      let seen = phases.withLock { $0 }
      #expect(seen.first == .created)
      #expect(seen.contains(.starting))
      #expect(seen.suffix(3) == [.healthy, .removing, .removed])
    }
  }

  @Test(
    "Without a health check a service must have run for the settling time; a one-shot that exits with 0 is complete")
  func settlingAndOneShot() async throws {
    let yaml = "services:\n" + Fixture.service("plain", "exec sleep 600") + Fixture.service("once", "exit 0")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.settlingTime = .seconds(2)
      try await withComposeStack(fixture.project, options: options) { stack in
        #expect(stack.readyAfter >= .seconds(2))
        let services = try await stack.services()
        #expect(services.first { $0.service == "plain" }?.state == .running)
        #expect(services.first { $0.service == "once" }?.exitCode == 0)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Services that wait for one another become ready in turn")
  func dependencies() async throws {
    let yaml =
      Fixture.healthy
      + Fixture.service(
        "worker", "exec sleep 600",
        "depends_on: {web: {condition: service_healthy}, setup: {condition: service_completed_successfully}}")
      + Fixture.service("setup", "exit 0")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.services = ["worker"]
      try await withComposeStack(fixture.project, options: options) { stack in
        #expect(Set(stack.serviceReadyAfter.keys) == ["web", "worker", "setup"])
        let web = try #require(stack.serviceReadyAfter["web"])
        let worker = try #require(stack.serviceReadyAfter["worker"])
        #expect(web < worker)
      }
    }
  }

  @Test("Two projects start side by side, and two runs of one project at once do not meet")
  func sideBySide() async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      let twice = [fixture.project, fixture.project]
      try await withComposeStacks(twice, options: Fixture.options()) { stacks in
        #expect(stacks.count == 2)
        #expect(stacks[0].projectName != stacks[1].projectName)
        for stack in stacks { #expect(try await stack.services().first?.health == .healthy) }
        try await withComposeStack(fixture.project, options: Fixture.options()) { third in
          #expect(!stacks.map(\.projectName).contains(third.projectName))
        }
        // The end of the third run has not touched the others.
        for stack in stacks { #expect(try await stack.services().first?.state == .running) }
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Addresses, logs, commands inside, and disturbing a service")
  func livingStack() async throws {
    let yaml =
      "services:\n"
      + Fixture.service(
        "web", "echo ready; echo oops >&2; while true; do sleep 0.1; done",
        "ports: [\"127.0.0.1:0:80\", \"0:81/udp\"]") + Fixture.service("other", "exec sleep 600", "init: true")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let endpoint = try await stack.endpoint(of: "web", port: 80)
        #expect(endpoint.host == "127.0.0.1")
        #expect((1024...65_535).contains(endpoint.port))
        #expect(try await stack.endpoint(of: "web", port: 81, protocol: .udp).port > 0)
        let noPort = await #expect(throws: ComposeError.self) { try await stack.endpoint(of: "web", port: 82) }
        #expect(noPort?.code == .unknownPort)
        #expect(noPort?.description.contains("80/tcp on 127.0.0.1:\(endpoint.port)") == true)
        let noService = await #expect(throws: ComposeError.self) { try await stack.endpoint(of: "wbe", port: 80) }
        #expect(noService?.code == .unknownService)
        #expect(noService?.description.contains("other, web") == true)

        let log = try await stack.logs(service: "web")
        #expect(log.contains("ready"))
        #expect(log.contains("oops"))
        #expect(try await !stack.logs(service: "other").contains("ready"))

        let odd = "$HOME \"x\" 'y'\nz"
        let result = try await stack.exec("web", ["sh", "-c", "printf %s \"$1\"; echo err >&2; exit 7", "sh", odd])
        #expect(result.exitCode == 7)
        #expect(result.standardOutput == odd)
        #expect(result.standardError == "err\n")
        #expect(try await stack.exec("web", ["id", "-u"], user: "65534").standardOutput == "65534\n")

        try await stack.withPaused("web") {
          let web = try await stack.services().first { $0.service == "web" }
          #expect(web?.state == .paused)
        }
        try await stack.withStopped("other") {
          let other = try await stack.services().first { $0.service == "other" }
          #expect(other?.state == .exited)
          let stopped = await #expect(throws: ComposeError.self) { try await stack.exec("other", ["true"]) }
          #expect(stopped?.code == .notRunning)
        }
        #expect(try await stack.services().map(\.state) == [.running, .running])
        try await stack.restart("other", timeout: .zero)
        try await stack.waitUntilReady("other")
        try await stack.kill("other")
        let isDead = try await Fixture.eventually {
          try await stack.services().first { $0.service == "other" }?.exitCode == 137
        }
        #expect(isDead)
      }
    }
  }

  @Test("Environment values arrive as they are: quotes, dollars, newlines, 100 KB")
  func environment() async throws {
    let yaml =
      "services:\n"
      + Fixture.service("web", "exec sleep 600", "environment: {ODD: \"${ODD}\", BIG: \"${BIG}\"}")
    try await Fixture.with(yaml) { fixture in
      var project = fixture.project
      let odd = "a \"b\" 'c' $HOME ${X} \\ `id` #\nnext: line"
      project.environment = ["ODD": odd, "BIG": String(repeating: "x", count: 100_000)]
      try await withComposeStack(project, options: Fixture.options()) { stack in
        let seen = try await stack.exec("web", ["sh", "-c", "printf '%s' \"$ODD\""]).standardOutput
        #expect(seen == odd)
        let length = try await stack.exec("web", ["sh", "-c", "printf '%s' \"${#BIG}\""]).standardOutput
        #expect(length == "100000")
      }
    }
  }

  @Test("An image that is missing is built, and one that is named after the run goes with it")
  func build() async throws {
    try await Fixture.with("services: {web: {build: ., command: [sleep, \"600\"]}}\n") { fixture in
      try "FROM e2e-base:bookworm\nRUN touch /built\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let result = try await stack.exec("web", ["test", "-f", "/built"])
        #expect(result.exitCode == 0)
      }
      #expect(try await Fixture.docker(["image", "ls", "--quiet", "--filter", "reference=\(fixture.name)-*"]) == "")
      try "FROM e2e-base:bookworm\nRUN echo no space left >&2; exit 9\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.options()) { _ in }
      }
      #expect(error?.code == .buildFailed)
      #expect(error?.evidence.joined().contains("no space left") == true)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Images go with the project, those built for it or all, or stay", arguments: [ImageRemoval.keep, .built, .all])
  func imageRemoval(_ removal: ImageRemoval) async throws {
    let yaml = """
      services:
        web: {build: ., command: [sleep, "600"]}
        named: {image: "${NAMED}", command: [sleep, "600"]}
      """
    try await Fixture.with(yaml) { fixture in
      try "FROM e2e-base:bookworm\nRUN touch /built\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      let named = "\(fixture.name)named:1"
      try await Fixture.docker(["tag", "e2e-base:bookworm", named])
      var options = Fixture.options()
      options.imageRemoval = removal
      try await withComposeStack(fixture.project.with(environment: ["NAMED": named]), options: options) { _ in }
      let format = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter"]
      let left = try await Fixture.docker(format + ["reference=\(fixture.name)*"]).split(separator: "\n").map(
        String.init)
      let built = left.filter { $0.hasPrefix("\(fixture.name)-") }
      #expect(built.count == (removal == .keep ? 1 : 0))
      #expect(left.contains(named) == (removal != .all))
      for image in left { try await Fixture.docker(["image", "rm", image]) }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("An image that has a name besides the project's loses only the project's")
  func sharedImage() async throws {
    try await Fixture.with("services: {web: {build: ., command: [sleep, \"600\"]}}\n") { fixture in
      // Not the base image itself: other tests need its name.
      try "FROM e2e-base:bookworm\nRUN echo \(fixture.name) > /built\n".write(
        to: fixture.folder.appending(path: "Dockerfile"), atomically: true, encoding: .utf8)
      let shared = "\(fixture.name)shared:1"
      let image = try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let image = try #require(try await stack.services().first?.image)
        try await Fixture.docker(["tag", image, shared])
        return image
      }
      let left = try await Fixture.docker([
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=\(fixture.name)*",
      ])
      try await Fixture.docker(["image", "rm", "--force", shared])
      #expect(image.hasPrefix(fixture.name))
      #expect(left.split(separator: "\n") == [shared[...]])
    }
  }

  @Test("Several files, profiles, a project directory and env files make one project")
  func description() async throws {
    let base = "services:\n" + Fixture.service("web", "exec sleep 600", "environment: {A: \"${A}\", B: \"${B}\"}")
    try await Fixture.with(base) { fixture in
      func write(_ name: String, _ text: String) throws {
        try text.write(to: fixture.folder.appending(path: name), atomically: true, encoding: .utf8)
      }
      try write(
        "more.yml",
        "services:\n  web: {environment: {C: over}, volumes: [\"./here:/here:ro\"]}\n"
          + Fixture.service("extra", "exec sleep 600", "profiles: [extra]")
          + Fixture.service("never", "exec sleep 600", "profiles: [never]"))
      try write("one.env", "A=a one\nB=b one\n")
      try write("two.env", "B='b $two'\n")
      let directory = fixture.folder.appending(path: "project")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try write("project/here", "in the project directory")
      var project = fixture.project
      project.files.append(fixture.folder.appending(path: "more.yml").path())
      project.profiles = ["extra"]
      project.envFiles = ["one.env", "two.env"].map { fixture.folder.appending(path: $0).path() }
      project.projectDirectory = directory.path()
      let version = try await ComposeEngine.detect().composeVersion
      if version.hasPrefix("1.") {
        let both = project
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(both, options: Fixture.options()) { _ in }
        }
        #expect(error?.code == .unsupported)
        #expect(error?.summary.contains(version) == true)
        try write("one.env", "A=a one\nB=b $two\n")
        project.envFiles.removeLast()
      }
      try await withComposeStack(project, options: Fixture.options()) { stack in
        #expect(try await stack.services().map(\.service) == ["extra", "web"])
        let seen = try await stack.exec("web", ["sh", "-c", "echo \"$A,$B,$C\"; cat /here"]).standardOutput
        #expect(seen == "a one,b $two,over\nin the project directory")
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("The bridge gateway is an address of this host")
  func gateway() async throws {
    let gateway = try await ComposeEngine.bridgeGateway()
    #expect(gateway.split(separator: ".").count == 4)
    let engine = try await ComposeEngine.detect()
    #expect(engine.composeVersion.first?.isNumber == true)
    #expect(engine.engineVersion.first?.isNumber == true)
  }
}
