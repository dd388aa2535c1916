import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("Looking into running projects, and disturbing them", .kind(.containers), .serialized)
struct LookEngineTests {
  typealias Fixture = EngineFixture

  @Test("Logs are followed line by line, of one service or all, and the reading ends with the closure")
  func follow() async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "i=0; while true; do i=$$((i+1)); echo web $$i; sleep 0.1; done")
      + Fixture.service("other", "echo other >&2; exec sleep 600") + Fixture.service("once", "echo a; echo b")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let lines = try await stack.withLogs(service: "web") { logs in
          try await logs.prefix(5).reduce(into: [LogLine]()) { $0.append($1) }
        }
        #expect(lines == (1...5).map { LogLine(service: "web", replica: 1, text: "web \($0)") })
        let services = try await stack.withLogs { logs in
          var seen: Set<String> = []
          for try await line in logs {
            seen.insert(line.service)
            if seen.count == 3 { break }
          }
          return seen
        }
        #expect(services == ["web", "other", "once"])
        // A service that has ended: so does its log.
        let all = try await stack.withLogs(service: "once") { logs in
          try await logs.reduce(into: [String]()) { $0.append($1.text) }
        }
        #expect(all == ["a", "b"])
        let now = Date.now
        let later = try await stack.withLogs(service: "web", since: now) { logs in
          try await logs.first { _ in true }?.text
        }
        #expect(later != "web 1")
        await #expect(throws: ComposeError.self) { try await stack.withLogs(service: "wbe") { _ in } }
      }
    }
  }

  @Test("The log so far: of one service or all, the last lines, since a time, with times")
  func snapshot() async throws {
    let yaml =
      "services:\n"
      + Fixture.service("web", "echo early; while [ ! -f /tmp/go ]; do sleep 0.1; done; echo late; exec sleep 600")
      + Fixture.service("other", "echo from other; exec sleep 600")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let all = try await stack.logs()
        #expect(all.contains("early"))
        #expect(all.contains("from other"))
        let since = Date.now
        #expect(try await stack.exec("web", ["touch", "/tmp/go"]).exitCode == 0)
        let isLate = try await Fixture.eventually { try await stack.logs(service: "web").contains("late") }
        #expect(isLate)
        let after = try await stack.logs(since: since)
        #expect(after.contains("late"))
        #expect(!after.contains("early"))
        #expect(!after.contains("from other"))
        let last = try await stack.logs(service: "web", tail: 1)
        #expect(last.contains("late"))
        #expect(!last.contains("early"))
        let year = Calendar.current.component(.year, from: since)
        #expect(try await stack.logs(service: "web", tail: 1, timestamps: true).contains("\(year)-"))
      }
    }
  }

  @Test("Pausing and stopping are undone when the closure throws")
  func undone() async throws {
    struct BodyFailed: Error {}
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600", "init: true")) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        await #expect(throws: BodyFailed.self) {
          try await stack.withPaused("web") {
            let states = try await stack.services().map(\.state)
            #expect(states == [.paused])
            throw BodyFailed()
          }
        }
        #expect(try await stack.services().map(\.state) == [.running])
        await #expect(throws: BodyFailed.self) {
          try await stack.withStopped("web") {
            let states = try await stack.services().map(\.state)
            #expect(states == [.exited])
            throw BodyFailed()
          }
        }
        #expect(try await stack.services().map(\.state) == [.running])
        // The signal that was asked for arrives, not another one.
        try await stack.kill("web", signal: "SIGTERM")
        let ended = try await Fixture.eventually { try await stack.services().first?.exitCode == 143 }
        #expect(ended)
      }
    }
  }

  @Test("A file and a folder are copied out, also of a service that has ended")
  func copyOut() async throws {
    let yaml = "services:\n" + Fixture.service("once", "mkdir /out; echo one > /out/a; echo two > /out/b")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let file = fixture.folder.appending(path: "a.txt")
        try await stack.copy("/out/a", from: "once", to: file.path())
        #expect(try String(contentsOf: file, encoding: .utf8) == "one\n")
        let folder = fixture.folder.appending(path: "copied")
        try await stack.copy("/out", from: "once", to: folder.path())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted() == ["a", "b"])
        let error = await #expect(throws: ComposeError.self) {
          try await stack.copy("/nothing", from: "once", to: file.path())
        }
        #expect(error?.code == .commandFailed)
        #expect(error?.description.contains("/nothing") == true)
      }
    }
  }

  @Test("A service that is cut off the network cannot be reached under its name, and can afterwards")
  func disconnect() async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "exec sleep 600") + Fixture.service("other", "exec sleep 600")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        @Sendable func webIsKnown() async throws -> Bool {
          try await stack.exec("other", ["getent", "hosts", "web"]).exitCode == 0
        }
        #expect(try await webIsKnown())
        struct BodyFailed: Error {}
        await #expect(throws: BodyFailed.self) {
          try await stack.withDisconnected("web", network: "default") {
            let isKnown = try await webIsKnown()
            #expect(!isKnown)
            throw BodyFailed()
          }
        }
        #expect(try await webIsKnown())
        let isKnown = try await stack.withDisconnected("web") { try await webIsKnown() }
        #expect(!isKnown)
        #expect(try await webIsKnown())
        let error = await #expect(throws: ComposeError.self) {
          try await stack.withDisconnected("web", network: "nowhere") {}
        }
        #expect(error?.description.contains("nowhere") == true)
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("Each replica has an address of its own, ephemeral ports differ, and UDP is apart from TCP")
  func replicas() async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "exec sleep 600", "ports: [\"80\", \"80/udp\", \"127.0.0.1::81\"]")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      options.scale = ["web": 2]
      try await withComposeStack(fixture.project, options: options) { stack in
        var ports: Set<Int> = []
        for replica in 1...2 {
          ports.insert(try await stack.endpoint(of: "web", port: 80, replica: replica).port)
          ports.insert(try await stack.endpoint(of: "web", port: 81, replica: replica).port)
          #expect(try await stack.endpoint(of: "web", port: 80, protocol: .udp, replica: replica).port > 0)
        }
        #expect(ports.count == 4)
        let third = await #expect(throws: ComposeError.self) {
          try await stack.endpoint(of: "web", port: 80, replica: 3)
        }
        #expect(third?.code == .notRunning)
      }
    }
  }

  @Test("An image that is not there is not pulled if the policy says never")
  func pullNever() async throws {
    try await Fixture.with("services: {web: {image: \"localhost:1/none:none\"}}\n") { fixture in
      var options = Fixture.options()
      options.pull = .never
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: options) { _ in }
      }
      #expect(error?.code == .pullFailed)
      #expect(error?.service == "web")
      #expect(error?.summary.contains("localhost:1/none:none") == true)
      try await fixture.expectNothingLeft()
    }
  }

  @Test("An image is pulled anew if the policy says always, even if the engine has one of that name")
  func pullAlways() async throws {
    try await Fixture.with("services: {web: {image: \"${IMAGE}\", command: [sleep, \"600\"]}}\n") { fixture in
      // A name whose registry does not answer: whoever asks it fails.
      let image = "localhost:1/\(fixture.name):1"
      try await Fixture.docker(["tag", "e2e-base:bookworm", image])
      let project = fixture.project.with(environment: ["IMAGE": image])
      var options = Fixture.options()
      let name = try await withComposeStack(project, options: options) { try await $0.services().first?.image }
      #expect(name == image)
      options.pull = .always
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(project, options: options) { _ in }
      }
      #expect(error?.code == .pullFailed)
      #expect(error?.description.contains("localhost:1") == true)
      try await Fixture.docker(["image", "rm", image])
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A port that is published on IPv6 has an IPv6 address that can be connected to")
  func ipv6() async throws {
    let listen = "perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep 600'"
    let yaml = "services:\n" + Fixture.service("web", "exec \(listen)", "ports: [\"[::1]::80\", \"81\"]")
    try await Fixture.with(yaml) { fixture in
      var options = Fixture.options()
      // Connects to it.
      options.probes["web"] = [.tcp(port: 80)]
      try await withComposeStack(fixture.project, options: options) { stack in
        let endpoint = try await stack.endpoint(of: "web", port: 80)
        #expect(endpoint.host == "::1")
        #expect(endpoint.description == "[::1]:\(endpoint.port)")
        let both = try await stack.endpoints(of: "web", port: 81)
        #expect(both.first?.host == "127.0.0.1")
        let hosts: Set<String> = ["127.0.0.1", "::1"]
        #expect(hosts.isSuperset(of: both.map(\.host)))
      }
    }
  }
}
