import ComposeKit
import ComposeTesting
import Foundation
import Synchronization
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("Projects that cannot start", .kind(.containers), .serialized, .besideAnotherProject)
struct FailureEngineTests {
  typealias Fixture = EngineFixture

  /// Starts the project, expects it to fail, and proves that nothing is left.
  private func failure(
    of yaml: String, options: UpOptions = Fixture.optionsForFailing(), change: (inout ComposeProject) -> Void = { _ in }
  ) async throws -> ComposeError {
    try await Fixture.with(yaml) { fixture in
      var project = fixture.project
      change(&project)
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(project, options: options) { _ in Issue.record("the body ran") }
      }
      try await fixture.expectNothingLeft()
      return try #require(error)
    }
  }

  /// A neighbour that stays unready for a minute: a failure that waits for it would be seen.
  private static let slowNeighbour = Fixture.service("slow", "exec sleep 600", Fixture.healthCheck)

  @Test("A service that exits at the start fails at once, with exit code and log", arguments: [0, 2])
  func exits(after seconds: Int) async throws {
    let script = "for i in 1 2 3; do echo line $$i; done; sleep \(seconds); echo last words >&2; exit 3"
    let began = ContinuousClock.now
    let error = try await failure(
      of: "services:\n" + Fixture.service("bad", script, Fixture.healthCheck) + Self.slowNeighbour)
    #expect(error.code == .exited)
    #expect(error.service == "bad")
    #expect(error.exitCode == 3)
    // The engine keeps no order between the two streams of a container.
    #expect(error.evidence.filter { $0.contains("line") } == ["bad-1 | line 1", "bad-1 | line 2", "bad-1 | line 3"])
    #expect(error.evidence.contains("bad-1 | last words"))
    #expect(error.command?.contains("up --detach") == true)
    // The neighbour would take far longer: nobody waited for it.
    #expect(ContinuousClock.now - began < .seconds(90))
  }

  @Test("An unhealthy service fails at once, with the output of its last probe")
  func unhealthy() async throws {
    let check =
      #"healthcheck: {test: ["CMD-SHELL", "echo no such model; exit 4"], interval: 1s, timeout: 20s, retries: 2}"#
    let error = try await failure(
      of: "services:\n" + Fixture.service("bad", "exec sleep 600", check) + Self.slowNeighbour)
    #expect(error.code == .unhealthy)
    #expect(error.service == "bad")
    #expect(error.probeOutput?.contains("no such model") == true)
    #expect(error.description.contains("no such model"))
  }

  @Test("A restart loop is not waited out")
  func restartLoop() async throws {
    let error = try await failure(of: "services:\n" + Fixture.service("bad", "echo again; exit 5", "restart: always"))
    #expect(error.code == .restartLoop)
    #expect(error.exitCode == 5)
    #expect(error.evidence.contains("bad-1 | again"))
  }

  @Test("A service that is killed for its memory is reported as such")
  func outOfMemory() async throws {
    // tail keeps its input until it ends, and /dev/zero has no line ends.
    let error = try await failure(
      of: "services:\n" + Fixture.service("bad", "exec tail /dev/zero", "mem_limit: 16m\n    memswap_limit: 16m"))
    #expect(error.code == .outOfMemory)
    #expect(error.service == "bad")
  }

  @Test("A deadline says who was waited for and in which state it was")
  func deadline() async throws {
    var options = Fixture.options()
    options.timeouts = ["bad": .seconds(10)]
    let error = try await failure(
      of: "services:\n" + Fixture.service("bad", "echo loading; exec sleep 600", Fixture.healthCheck), options: options)
    #expect(error.code == .timedOut)
    #expect(error.service == "bad")
    #expect(error.summary.contains("within 10.0 s"))
    #expect(error.summary.contains("health check says starting"))
    #expect(error.evidence == ["bad-1 | loading"])
  }

  @Test("A file that compose does not accept is quoted with its name")
  func invalidFile() async throws {
    let error = try await failure(of: "services:\n  web:\n    imgae: nothing\n")
    #expect(error.code == .invalidConfiguration)
    #expect(error.description.contains("compose.yml"))
    #expect(error.description.contains("imgae"))
    let syntax = try await failure(of: "services:\n\tweb: [\n")
    #expect(syntax.code == .invalidConfiguration)
    #expect(syntax.description.contains("line 2"))
  }

  @Test("Progress tells of a failure, with its reason, before anything is removed")
  func toldAtOnce() async throws {
    for yaml in [
      "services: {web: {image: \"localhost:1/none:none\"}}\n", "services:\n" + Fixture.service("web", "exit 3"),
    ] {
      try await Fixture.with(yaml) { fixture in
        let steps = Mutex<[ServiceProgress]>([])
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(
            fixture.project, options: Fixture.optionsForFailing(),
            progress: { step in steps.withLock { $0.append(step) } }
          ) { _ in }
        }
        #expect(steps.withLock { $0 }.contains { $0.phase == .failed })
        await waitForFailedStartsToBeRemoved()
        let seen = steps.withLock { $0 }
        #expect(seen.count { $0.phase == .failed } == 1)
        let failed = try #require(seen.firstIndex { $0.phase == .failed })
        let removing = try #require(seen.firstIndex { $0.phase == .removing })
        #expect(failed < removing)
        let reason = try #require(seen[failed].reason)
        // The elapsed time in it may differ by a tenth.
        #expect(error?.summary.prefix(40) == reason.prefix(40))
      }
    }
  }

  @Test("An image that is nowhere to be had")
  func missingImage() async throws {
    let error = try await failure(of: "services: {web: {image: \"localhost:1/none:none\"}}\n")
    #expect(error.code == .pullFailed)
    #expect(error.summary.contains("localhost:1/none:none of web"))
  }

  @Test("An image that must not be pulled is named, with the option that forbids it")
  func neverPulled() async throws {
    var options = Fixture.options()
    options.pull = .never
    let error = try await failure(of: "services: {web: {image: \"localhost:1/none:none\"}}\n", options: options)
    #expect(error.code == .pullFailed)
    #expect(error.service == "web")
    #expect(error.summary.contains("localhost:1/none:none"))
    #expect(error.next?.contains("it is .never") == true)
  }

  @Test("A service that does not exist cannot be chosen")
  func unknownService() async throws {
    var options = Fixture.options()
    options.services = ["wbe"]
    let error = try await failure(of: Fixture.healthy, options: options)
    #expect(error.code == .unknownService)
    #expect(error.next?.contains("web") == true)
  }

  @Test("A taken port says which process has it")
  func portOfProcess() async throws {
    let (descriptor, port) = try Self.listen()
    defer { close(descriptor) }
    let error = try await failure(
      of: "services:\n" + Fixture.service("web", "exec sleep 600", "ports: [\"127.0.0.1:\(port):80\"]"))
    #expect(error.code == .portInUse)
    #expect(error.service == "web")
    #expect(error.summary.contains("port \(port)"))
    #expect(error.summary.contains("process \(getpid()) "))
  }

  @Test("A taken port says which container has it")
  func portOfContainer() async throws {
    let yaml = "services:\n" + Fixture.service("web", "exec sleep 600", "ports: [\"127.0.0.1:${CKT_PORT}:80\"]")
    try await Fixture.with(yaml) { fixture in
      let first = fixture.project.with(environment: ["CKT_PORT": "0"])
      try await withComposeStack(first, options: Fixture.options()) { stack in
        let port = try await stack.endpoint(of: "web", port: 80).port
        let second = fixture.project.with(environment: ["CKT_PORT": "\(port)"])
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStack(second, options: Fixture.options()) { _ in }
        }
        #expect(error?.code == .portInUse)
        // The first generation of compose joins the parts with "_".
        let names = ["-web-1", "_web_1"].map { "container \(stack.projectName)\($0)" }
        #expect(names.contains { error?.summary.contains($0) == true }, "\(error?.summary ?? "")")
        #expect(error?.service == "web")
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("When one of two projects fails, the other is taken down as well")
  func oneOfTwo() async throws {
    try await Fixture.with(Fixture.healthy) { good in
      try await Fixture.with("services:\n" + Fixture.service("bad", "exit 3")) { bad in
        let error = await #expect(throws: ComposeError.self) {
          try await withComposeStacks([good.project, bad.project], options: Fixture.optionsForFailing()) { _ in }
        }
        #expect(error?.service == "bad")
        try await good.expectNothingLeft()
        try await bad.expectNothingLeft()
      }
    }
  }

  /// A socket of this process that listens on a free port of loopback.
  private static func listen() throws -> (descriptor: Int32, port: Int) {
    #if os(Linux)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && startListening(descriptor, 8) == 0
          && getsockname(descriptor, pointer, &length) == 0
      }
    }
    try #require(isListening)
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}

extension ComposeProject {
  func with(environment: [String: String]) -> ComposeProject {
    var copy = self
    copy.environment = environment
    return copy
  }
}

/// `listen` of the C library, which a method of the same name would hide.
private func startListening(_ descriptor: Int32, _ backlog: Int32) -> Int32 { listen(descriptor, backlog) }
