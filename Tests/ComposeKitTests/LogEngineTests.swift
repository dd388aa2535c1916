import ComposeKit
import ComposeTesting
import Foundation
import Testing

/// Sources: what compose 2.26 prints, moby/moby issues 32923 and 36777 (long lines), docker/compose issue 10331 and docker/cli issue
/// 3426 (a log that is followed over a restart).
@Suite("Logs hold the containers' own lines, whole", .kind(.containers), .serialized, .timeLimit(.minutes(5)))
struct LogEngineTests {
  typealias Fixture = EngineFixture

  @Test("No warning and no escape code of compose is among them, and no blank line is dropped")
  func ownLines() async throws {
    // Compose 2.26 warns of `version`, and of a variable that is not set.
    let yaml =
      "version: \"3\"\nservices:\n"
      + Fixture.service(
        "web", "echo one; echo; echo three; exec sleep 600", "labels: {unset: \"${CKT_NOT_SET}\"}")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let complete = try await Fixture.eventually { try await stack.logs().contains("three") }
        #expect(complete)
        #expect(try await stack.logs() == "web-1  | one\nweb-1  | \nweb-1  | three\n")
        #expect(try await stack.logs(service: "web", tail: 1) == "web-1  | three\n")
        let followed = try await stack.withLogs(service: "web") { logs in
          try await logs.prefix(3).reduce(into: [String]()) { $0.append($1.text) }
        }
        #expect(followed == ["one", "", "three"])
      }
    }
  }

  @Test("A line ends at a line feed and nowhere else, however long it is")
  func wholeLines() async throws {
    let line =
      #"printf 'a\\xe2\\x80\\xa8b\\xc2\\x85c\\x0bd\\n'; head -c 300000 /dev/zero | tr '\\0' x; printf '\\nend\\n'"#
    let yaml = "services:\n" + Fixture.service("web", "\(line); exec sleep 600")
    try await Fixture.with(yaml.replacing("[\"sh\"", with: "[\"bash\"")) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let followed = try await stack.withLogs(service: "web") { logs in
          try await logs.prefix(3).reduce(into: [String]()) { $0.append($1.text) }
        }
        let long = String(repeating: "x", count: 300_000)
        #expect(followed.map(\.utf8.count) == [10, 300_000, 3])
        #expect(followed == ["a\u{2028}b\u{85}c\u{b}d", long, "end"])
        let isSame =
          try await stack.logs(service: "web")
          == "web-1  | a\u{2028}b\u{85}c\u{b}d\nweb-1  | \(long)\nweb-1  | end\n"
        #expect(isSame)
        let times = try await stack.logs(service: "web", timestamps: true).split(separator: "\n")
        #expect(times.map(\.utf8.count) == [10, 300_000, 3].map { $0 + "web-1  | ".count + 31 })
      }
    }
  }

  @Test("A service that keeps no log says so")
  func noLog() async throws {
    let yaml =
      "services:\n" + Fixture.service("web", "echo hidden; exec sleep 600", "logging: {driver: none}")
      + Fixture.service("other", "echo shown; exec sleep 600")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let attempts: [@Sendable () async throws -> Void] = [
          { _ = try await stack.logs(service: "web") },
          { _ = try await stack.withLogs(service: "web") { logs in try await logs.first { _ in true } } },
        ]
        for attempt in attempts {
          let error = await #expect(throws: ComposeError.self) { try await attempt() }
          #expect(error?.code == .noLog)
          #expect(error?.service == "web")
          #expect(error?.summary.contains("keeps no log") == true, "\(String(describing: error))")
        }
        // It does not keep others from being read.
        #expect(try await stack.logs() == "other-1  | shown\n")
        let first = try await stack.withLogs { logs in try await logs.first { _ in true } }
        #expect(first == LogLine(service: "other", replica: 1, text: "shown"))
      }
    }
    // The log that a failed start quotes.
    try await Fixture.with("services:\n" + Fixture.service("web", "exit 3", "logging: {driver: none}")) { fixture in
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.optionsForFailing()) { _ in }
      }
      #expect(error?.code == .exited)
      #expect(error?.evidence.joined().contains("keeps no log") == true, "\(String(describing: error))")
    }
  }

  @Test("A label may be long, and may hold a line separator: the start does not fail for it")
  func oddLabels() async throws {
    let yaml =
      "services:\n"
      + Fixture.service("web", "exec sleep 600", "labels: {big: \"${A}${B}\", odd: \"a\\u0085b\\u2028c\"}")
    try await Fixture.with(yaml) { fixture in
      let half = String(repeating: "x", count: 70_000)
      try await withComposeStack(
        fixture.project.with(environment: ["A": half, "B": half]), options: Fixture.options(timeout: .seconds(60))
      ) { stack in
        let states = try await stack.services().map(\.state)
        #expect(states == [.running])
      }
      try await fixture.expectNothingLeft()
    }
  }

  @Test("A container's log is followed on when it has been started again", arguments: [true, false])
  func followedOverRestart(_ byPolicy: Bool) async throws {
    let yaml =
      "services:\n"
      + Fixture.service(
        "web", "echo begin; while [ ! -f /tmp/end ]; do sleep 0.1; done; rm /tmp/end; echo end",
        byPolicy ? "restart: always" : "")
      + Fixture.service("other", "exec sleep 600")
    try await Fixture.with(yaml) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let seen = try await stack.withLogs(service: "web") { logs in
          var seen: [String] = []
          for try await line in logs {
            seen.append(line.text)
            if line.text == "begin" && seen.count == 1 {
              if byPolicy {
                _ = try await stack.exec("web", ["touch", "/tmp/end"])
              } else {
                try await stack.restart("web", timeout: .zero)
              }
            }
            if seen.filter({ $0 == "begin" }).count == 2 { break }
          }
          return seen
        }
        #expect(seen == (byPolicy ? ["begin", "end", "begin"] : ["begin", "begin"]))
      }
    }
  }
}
