import ComposeTesting
import Foundation
import Testing

// Commands are made here by their synthesized initialiser, which nobody else outside ComposeKit should.
@testable import ComposeKit

@Suite("Describing a project", .kind(.programs))
struct ComposeProjectTests {
  private static let thisFile = #filePath

  @Test(
    "Names that compose does not accept are refused",
    arguments: [
      "", "Web", "-web", "_web", "we b", "web\n", "wéb", "web;rm", String(repeating: "a", count: 41), "$(id)", "..",
    ])
  func badNames(_ name: String) {
    let error = #expect(throws: ComposeError.self) { try ComposeProject(name: name, files: [Self.thisFile]).validate() }
    #expect(error?.code == .invalidProject)
  }

  @Test("Names that compose accepts", arguments: ["e2e-media-019", "a", "0_x-", String(repeating: "a", count: 40)])
  func goodNames(_ name: String) throws {
    try ComposeProject(name: name, files: [Self.thisFile]).validate()
  }

  @Test("A device, by its own name or through a link, and a path that no system call takes whole")
  func devicesAndNUL() throws {
    let link = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createSymbolicLink(atPath: link.path(), withDestinationPath: "/dev/zero")
    defer { try? FileManager.default.removeItem(at: link) }
    for file in ["/dev/null", link.path()] {
      let error = #expect(throws: ComposeError.self) { try ComposeProject(name: "p", files: [file]).validate() }
      #expect(error?.summary == "the compose file \(file) of project p is a device, not a file")
    }
    let cut = #expect(throws: ComposeError.self) {
      try ComposeProject(name: "p", files: [Self.thisFile + "\0.yml"]).validate()
    }
    #expect(cut?.summary.contains("NUL") == true)
  }

  @Test("Files that are not there, are folders, or are none")
  func files() {
    let folder = FileManager.default.temporaryDirectory.path()
    for files in [[], ["/nowhere/compose.yml"], [folder], [Self.thisFile, "/nowhere/more.yml"]] {
      let error = #expect(throws: ComposeError.self) { try ComposeProject(name: "p", files: files).validate() }
      #expect(error?.code == .invalidProject)
      if let last = files.last { #expect(error?.description.contains(last) == true) }
    }
    #expect(throws: ComposeError.self) {
      try ComposeProject(name: "p", files: [Self.thisFile], projectDirectory: Self.thisFile).validate()
    }
    #expect(throws: ComposeError.self) {
      try ComposeProject(name: "p", files: [Self.thisFile], envFiles: ["/nowhere/.env"]).validate()
    }
  }

  @Test(
    "Environment that a process cannot have",
    arguments: [
      ["": "x"], ["A=B": "x"], ["A\0": "x"], ["A": "x\0y"], ["A": String(repeating: "x", count: 1 << 20)],
      ["DOCKER_HOST": "tcp://elsewhere"], ["COMPOSE_PROJECT_NAME": "x"], ["DOCKER_CONTEXT": "x"], ["COMPOSE_FILE": "x"],
      Dictionary(uniqueKeysWithValues: (0..<16).map { ("V\($0)", String(repeating: "x", count: 100_000)) }),
    ])
  func badEnvironment(_ environment: [String: String]) {
    let error = #expect(throws: ComposeError.self) {
      try ComposeProject(name: "p", files: [Self.thisFile], environment: environment).validate()
    }
    #expect(error?.code == .invalidProject)
    #expect((error?.description.count ?? 0) < 2000)
  }

  @Test(
    "A file's own variables may begin like docker's and compose's",
    arguments: [
      "DOCKER_TAG", "DOCKER_REGISTRY", "DOCKER_HOST_IP", "COMPOSE_PROFILES", "COMPOSE_HTTP_TIMEOUT", "DOCKERFILE",
    ])
  func ownVariables(_ name: String) throws {
    try ComposeProject(name: "p", files: [Self.thisFile], environment: [name: "1"]).validate()
  }

  @Test("Values of the environment are in no command line that is logged or quoted")
  func environmentIsNotQuoted() {
    let arguments = ["exec", "--env", "API_KEY=hunter2=x", "--env", "HOME", "id", "a=b"]
    let command = Command(program: "docker", arguments: arguments, environment: ["TOKEN": "hunter2"])
    #expect(command.line == "docker exec --env 'API_KEY=…' --env HOME id a=b")
    let error = command.failure(.init(exitCode: 1, standardOutput: "", standardError: "no"))
    #expect(error.description.contains("API_KEY") && !error.description.contains("hunter2"))
  }

  @Test("Everything that is described is on the command line, each word on its own")
  func arguments() {
    let project = ComposeProject(
      name: "p", files: ["a b.yml", "c.yml"], projectDirectory: "/d", profiles: ["x"], envFiles: ["e"])
    #expect(
      project.arguments(projectName: "p-1")
        == [
          "-p", "p-1", "--project-directory", "/d", "-f", "a b.yml", "-f", "c.yml", "--env-file", "e", "--profile", "x",
        ])
  }

  @Test(
    "A command is printed as it could be typed",
    arguments: [
      ("up", "up"), ("a b", "'a b'"), ("", "''"), ("it's", "'it'\\''s'"), ("$HOME", "'$HOME'"), ("x\ny", "'x\ny'"),
      ("{{json .}}", "'{{json .}}'"), ("a=b,c:/d_e-f.g@1%+", "a=b,c:/d_e-f.g@1%+"),
    ])
  func quoting(_ argument: String, _ expected: String) {
    #expect(Command.quoted(argument) == expected)
  }

  @Test("An error has what happened, the evidence and the next step, and not too much of them")
  func errorText() {
    let error = ComposeError(
      .exited, "sts did not become ready: it exited with code 137 (killed) after 12.4 s", service: "sts",
      command: "docker compose -p x up --detach", probeOutput: "exit code 1: refused",
      evidence: (1...50).map { "sts-1 | line \($0)" }, next: "give it more memory")
    let lines = error.description.outputLines
    #expect(lines.first == error.summary)
    #expect(lines[1] == "  command   docker compose -p x up --detach")
    #expect(lines[2] == "  probe     exit code 1: refused")
    #expect(lines[3] == "  last log  (30 lines before these)")
    #expect(lines[4] == "            sts-1 | line 31")
    #expect(lines.last == "  next      give it more memory")
    #expect(lines.count == 25)
  }

  @Test("COMPOSE_COMMAND forces a command, and one that does not work is an error that names it")
  func forcedCommand() async {
    let error = await #expect(throws: ComposeError.self) {
      _ = try await ComposeEngine.composeCommand(EngineAccess(composeCommand: ["no-such-compose", "--flag"]))
    }
    #expect(error?.code == .engineUnavailable)
    #expect(error?.description.contains("COMPOSE_COMMAND=no-such-compose --flag") == true)
    let path = await #expect(throws: ComposeError.self) {
      _ = try await ComposeEngine.composeCommand(EngineAccess(composeCommand: ["/nowhere/compose"]))
    }
    #expect(path?.description.contains("/nowhere/compose is not installed") == true)
    let wrong = await #expect(throws: ComposeError.self) {
      _ = try await ComposeEngine.composeCommand(EngineAccess(composeCommand: ["false"]))
    }
    #expect(wrong?.evidence.first?.contains("exit 1") == true)
  }
}

@Suite("Who owns a project", .kind(.logic))
struct RunIdentityTests {
  private static let here = RunIdentity(
    isKept: false, machine: "abcde", boot: "11", start: "zzz", pid: 4_194_303, counter: "1")

  @Test("The owner can be read from the project's name")
  func roundTrip() async {
    for isKept in [false, true] {
      let identity = await RunIdentity.next(isKept: isKept)
      #expect(RunIdentity(projectName: "e2e-media-019-\(identity.text)") == identity)
      #expect(identity.pid == ProcessInfo.processInfo.processIdentifier)
    }
    let (first, second) = (await RunIdentity.next(isKept: false), await RunIdentity.next(isKept: false))
    #expect(first.text != second.text)
    #expect(Self.here.text == "rabcde11zzz2hwcf1")
  }

  @Test(
    "Names of others are not ours",
    arguments: [
      "", "web", "web-1", "-rabcde11zzz00abc1", "web-rABCDE11zzz00abc1", "web-xabcde11zzz00abc1",
      "web-rabcde11zzz00000",
      "web-rabcde11zzz000001", "web-rabcde11zzz-0abc1", "web-" + String(repeating: "r", count: 25),
    ])
  func foreignNames(_ name: String) {
    #expect(RunIdentity(projectName: name) == nil)
  }

  @Test("Only what a dead process of this machine owned is abandoned")
  func abandoned() async {
    let alive = "12345"
    var owner = Self.here
    owner.start = Digest.of(alive, width: 3)
    #expect(await !owner.isAbandoned(seenFrom: Self.here) { _ in alive })
    #expect(await owner.isAbandoned(seenFrom: Self.here) { _ in nil })
    #expect(await owner.isAbandoned(seenFrom: Self.here) { _ in "the id was used again" })
    owner.boot = "22"
    #expect(await owner.isAbandoned(seenFrom: Self.here) { _ in alive })
    owner.isKept = true
    #expect(await !owner.isAbandoned(seenFrom: Self.here) { _ in nil })
    owner.isKept = false
    owner.machine = "other"
    #expect(await !owner.isAbandoned(seenFrom: Self.here) { _ in nil })
  }

  @Test(
    "The start of a process, whatever its name is",
    arguments: [
      ("7 (sh) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 2", "98765"),
      ("7 (a) b (c) R 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 2", "98765"),
      ("7 (sh) Z 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 2", nil), ("", nil), ("7 (sh) S 1", nil),
    ] as [(String, String?)])
  func startTicks(_ stat: String, _ ticks: String?) {
    #expect(ProcessMark.startTicks(inStat: stat) == ticks)
  }

  @Test("This process has a mark that stays the same, and a process that is not there has none")
  func marks() async {
    let mark = await ProcessMark.of(ProcessInfo.processInfo.processIdentifier)
    #expect(mark != nil)
    #expect(await ProcessMark.of(ProcessInfo.processInfo.processIdentifier) == mark)
    #expect(await ProcessMark.of(Int32.max) == nil)
  }
}

@Suite("Showing progress", .kind(.logic))
struct ProgressTests {
  private func step(_ service: String, _ phase: ServiceProgress.Phase, _ seconds: Double) -> ServiceProgress {
    ServiceProgress(
      project: "media", projectName: "media-1", service: service, phase: phase, elapsed: .seconds(seconds))
  }

  @Test("Plain lines have fixed columns, and leave out what tells nothing")
  func plain() {
    var table = ProgressTable()
    #expect(table.line(for: step("worker", .created, 0)) == "")
    #expect(table.line(for: step("worker", .healthy, 2.14)) == "media  worker    healthy   2.1 s\n")
    #expect(table.line(for: step("a-long-service", .running, 61)) == "media  a-long-service running   61.0 s\n")
  }

  @Test("A terminal has one line for each service, which is rewritten")
  func terminal() {
    var table = ProgressTable()
    #expect(table.redrawn(with: step("a", .starting, 0)) == "\u{1B}[2Kmedia  a         starting  0.0 s\n")
    let second = table.redrawn(with: step("b", .starting, 0.5))
    #expect(second.hasPrefix("\u{1B}[1A\u{1B}[2Kmedia  a"))
    let third = table.redrawn(with: step("a", .healthy, 1))
    #expect(third == "\u{1B}[2A\u{1B}[2Kmedia  a         healthy   1.0 s\n\u{1B}[2Kmedia  b         starting  0.5 s\n")
  }
}
