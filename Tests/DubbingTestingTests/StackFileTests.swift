import DubbingTesting
import Foundation
import Testing

@Suite("A stack file", .kind(.logic))
struct StackFileTests {
  /// This package's own stacks, as `compose/stack.json` describes them.
  static var own: URL {
    URL(filePath: FileManager.default.currentDirectoryPath).appending(path: "compose/stack.json")
  }

  @Test("The example describes this package's own stacks")
  func example() throws {
    var stack = try DualStack.load(Self.own, inherited: [:])
    #expect(stack.file == Self.own.path)
    stack.file = nil
    let folder = Self.own.deletingLastPathComponent().path
    // Every port that the compose files publish on the host, and so no port that a second run would find taken.
    func described(_ name: String) throws -> ComposeProject {
      let file = "\(folder)/\(name).yml"
      let variables = try String(contentsOfFile: file, encoding: .utf8).matches(of: /- "127\.0\.0\.1:\$\{(\w+):-/)
      return ComposeProject(
        name: "e2e-\(name)-019", files: [file],
        environment: Dictionary(uniqueKeysWithValues: variables.map { (String($0.output.1), "0") }))
    }
    var expected = DualStack(media: try described("media"), sts: try described("sts"))
    expected.ports.merge(stack.ports) { own, _ in own }
    for role in [DualStack.Role.worker, .speech] { expected.ports[role]?.healthPath = "/health" }
    let fallbacks = try #require(MetricBound(#"worker_audio_fragments_total{status="fallback"} == 0"#))
    (expected.tail, expected.picture) = (.flushed, .untouched)
    expected.checks = [try .logErrors(except: "no audio track"), .metric(fallbacks), .maxInflight]
    #expect(stack == expected)
  }

  @Test("A port's own variable in the environment is left alone, and so are all ports if they are to be fixed")
  func ports() throws {
    let one = try DualStack.load(Self.own, inherited: ["MEDIAMTX_RTSP_PORT": "28554"])
    #expect(one.media.environment["MEDIAMTX_RTSP_PORT"] == nil)
    #expect(one.media.environment["MEDIAMTX_RTMP_PORT"] == "0")
    let fixed = try DualStack.load(Self.own, fixedPorts: true, inherited: [:])
    #expect(fixed.media.environment.isEmpty && fixed.sts.environment.isEmpty)
  }

  @Test("Everything that can be set is read")
  func everything() throws {
    try Self.withStack { content in
      content["sts_url_variable"] = "DUB_URL"
      content["gateway_variable"] = "BRIDGE"
      content["host_name"] = "the-host"
      content["services"] = ["redis"]
      content["tail"] = "dropped"
      content["video"] = "reencoded"
      content["padding"] = ["lead_s": 1.5, "tail_s": 7]
      content["tolerances"] = ["av_delta_ms": 80, "audible_original": 0.5]
      content["checks"] = [
        "log_errors": ["except": "known"], "max_inflight": true, "first_output_s": 12, "worker_connects_s": 5,
        "in_sync_share": 0.9, "metrics": ["a_total == 0", ["bound": "b > 1", "value": "end", "port": "metrics"]],
      ]
      content["extra_hosts"] = true
      content["sts_url"] = "ws://{host}:{port}/sio"
      content["ports"] = [
        "metrics": ["service": "prom", "port": 9090, "project": "sts", "variable": "METRICS_PORT"]
      ]
      content["contract"] = try? JSONSerialization.jsonObject(with: Data(ForeignContract.json.utf8))
      content["input_path"] = "a/{stream}"
      content["output_path"] = "b/{stream}"
      content["budget"] = ["health_s": 90, "segment_s": 4, "fragment_s": 10.5, "pipeline_s": 100]
      content["publisher_lead_s"] = 5
      content["readrate"] = 2.5
      content["worker"] = ["service": "w", "port": 81, "health_path": "/healthz"]
      content["speech"] = ["service": "s", "port": 82, "health_path": "/alive"]
      content["media"] = [
        "files": ["media.yml"], "profiles": ["gpu"], "environment": ["A": "b"], "project_directory": "..",
        "shared_volumes": ["weights"], "shared_networks": ["office"], "start_after": "sts",
      ]
    } check: { file in
      let stack = try DualStack.load(file, inherited: ["SPEECH_KEY": "k"])
      #expect(stack.stsURLVariable == "DUB_URL" && stack.gatewayVariable == "BRIDGE" && stack.hostName == "the-host")
      #expect(stack.inputPath == "a/{stream}" && stack.outputPath == "b/{stream}")
      #expect(stack.budget.health == .seconds(90) && stack.budget.segment == .seconds(4))
      #expect(stack.publisherLead == .seconds(5) && stack.readRate == 2.5)
      #expect(stack.budget.fragment == .seconds(10.5) && stack.budget.pipeline == .seconds(100))
      #expect(stack[.worker] == .init("w", 81, healthPath: "/healthz"))
      #expect(stack[.speech] == .init("s", 82, healthPath: "/alive"))
      let metrics = DualStack.Role("metrics", in: .sts)
      #expect(stack.ports[metrics] == .init("prom", 9090) && stack.ports.count == 6)
      #expect(stack.sts.environment["METRICS_PORT"] == "0" && stack.media.environment["METRICS_PORT"] == nil)
      #expect(stack.services == ["redis"] && stack.addsExtraHosts && stack.stsURL == "ws://{host}:{port}/sio")
      #expect(stack.tail == .dropped && stack.picture == .reencoded)
      #expect(stack.padding == .init(lead: .seconds(1.5), tail: .seconds(7)))
      #expect(stack.tolerances.avDelta == .milliseconds(80) && stack.tolerances.audibleOriginal == 0.5)
      let names = [
        "log errors", "metric a_total == 0", "metric b > 1", "max inflight", "first output", "worker connects",
        "share in sync",
      ]
      #expect(stack.checks.map(\.name.rawValue) == names)
      #expect(stack.contract.name(of: .fragmentData) == "segment" && stack.contract.name(of: .streamPause) == nil)
      #expect(stack.media.sharing == [.volume("weights"), .network("office")])
      #expect(stack.media.startsAfter == [stack.sts.name] && stack.sts.startsAfter == [])
      let folder = file.deletingLastPathComponent()
      #expect(stack.media.files == [folder.appending(path: "media.yml").path])
      #expect(stack.media.projectDirectory == folder.deletingLastPathComponent().standardizedFileURL.path)
      let (media, sts) = try stack.projects(tap: 4711, gateway: "10.0.0.1")
      #expect(media.environment["DUB_URL"] == "ws://the-host:4711/sio" && sts.environment["BRIDGE"] == "10.0.0.1")
      #expect(media.files.count == 2)
      let override = try String(contentsOfFile: media.files[1], encoding: .utf8)
      #expect(override == #"{"services":{"w":{"extra_hosts":["the-host:10.0.0.1"]}}}"#)
      #expect(Set(stack.upOptions.services) == ["mediamtx", "prom", "redis", "s", "w"])
      #expect(stack.media.profiles == ["gpu"] && stack.media.environment["A"] == "b" && stack.media.name == "e2e-media")
    }
  }

  /// A mistake in a file that was right, what it is called, and words that its message must have.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var says: [String]
    var change: @Sendable (inout [String: Any]) -> Void
  }

  static let mistakes: [Mistake] = [
    .init(testDescription: "an unknown key", says: ["input_url", "input_path"]) {
      $0["input_url"] = "x"
    },
    .init(testDescription: "an unknown key inside", says: ["worker.prot", "port"]) {
      $0["worker"] = ["service": "worker", "prot": 8080]
    },
    .init(testDescription: "a health path where none is asked", says: ["rtsp.health_path"]) {
      $0["rtsp"] = ["service": "mediamtx", "port": 8554, "health_path": "/x"]
    },
    .init(testDescription: "a missing key", says: ["control_api is missing"]) {
      $0["control_api"] = nil
    },
    .init(testDescription: "a port that is text", says: ["rtsp.port"]) {
      $0["rtsp"] = ["service": "mediamtx", "port": "8554"]
    },
    .init(testDescription: "a port that is none", says: ["70000", "1 to 65535"]) {
      $0["rtsp"] = ["service": "mediamtx", "port": 70000]
    },
    .init(testDescription: "a project where it goes without saying", says: ["rtsp.project"]) {
      $0["rtsp"] = ["service": "mediamtx", "port": 8554, "project": "sts"]
    },
    .init(testDescription: "an address without a port", says: ["sts_url", "{port}"]) {
      $0["sts_url"] = "ws://{host}"
    },
    .init(
      testDescription: "an event that there is not",
      says: ["contract.events.fragment", "fragment:data"]
    ) {
      $0["contract"] = ["events": ["fragment": "f"]]
    },
    .init(
      testDescription: "a field that the event does not have", says: ["fragment:data.fields.text"]
    ) {
      $0["contract"] = ["events": ["fragment:data": ["name": "f", "fields": ["text": "t"]]]]
    },
    .init(testDescription: "a contract without sound", says: ["fragment:data", "where the sound is"]) {
      $0["contract"] = [
        "events": [
          "fragment:data": ["name": "f", "fields": ["fragment_id": "id"]], "fragment:processed": "fragment:processed",
        ]
      ]
    },
    .init(testDescription: "two events of one name", says: ["both called f"]) {
      $0["contract"] = ["events": ["fragment:data": "f", "stream:init": "f", "fragment:processed": "p"]]
    },
    .init(testDescription: "a secret that is not there", says: ["NO_SUCH_KEY"]) {
      $0["contract"] = ["auth": ["key": "$NO_SUCH_KEY"]]
    },
    .init(testDescription: "a metric that is no bound", says: ["checks.metrics", "a = 1"]) {
      $0["checks"] = ["metrics": ["a = 1"]]
    },
    .init(testDescription: "a key inside a list", says: ["checks.metrics.bond", "bound"]) {
      $0["checks"] = ["metrics": [["bond": "a == 1"]]]
    },
    .init(testDescription: "a pattern that is none", says: ["checks.log_errors"]) {
      $0["checks"] = ["log_errors": ["pattern": "("]]
    },
    .init(
      testDescription: "a tolerance that there is not", says: ["tolerances.av_delta", "av_delta_ms"]
    ) { $0["tolerances"] = ["av_delta": 1] },
    .init(testDescription: "a tail that is none", says: ["tail"]) { $0["tail"] = "kept" },
    .init(testDescription: "no compose file", says: ["no compose file"]) { $0["sts"] = ["files": []] },
    .init(
      testDescription: "a compose file that is missing", says: ["/gone.yml", "start at"]
    ) {
      $0["sts"] = ["files": ["gone.yml"]]
    },
    .init(testDescription: "a health path without a slash", says: ["worker.health_path"]) {
      $0["worker"] = ["service": "worker", "port": 8080, "health_path": "health"]
    },
    .init(testDescription: "a template without the stream", says: ["input_path", "{stream}"]) {
      $0["input_path"] = "live/in"
    },
    .init(testDescription: "a template with something else", says: ["output_path", "{name}"]) {
      $0["output_path"] = "live/{stream}/{name}"
    },
    .init(testDescription: "a template that is a URL", says: ["input_path", "path alone"]) {
      $0["input_path"] = "rtsp://host/{stream}"
    },
    .init(testDescription: "one template for both ways", says: ["the same"]) {
      $0["input_path"] = "live/{stream}"
      $0["output_path"] = "live/{stream}"
    },
    .init(testDescription: "a lead of nothing", says: ["publisher_lead_s is 0"]) {
      $0["publisher_lead_s"] = 0
    },
    .init(testDescription: "a rate that is none", says: ["readrate is 0"]) { $0["readrate"] = 0 },
    .init(testDescription: "a budget of nothing", says: ["budget.segment_s"]) {
      $0["budget"] = ["segment_s": 0]
    },
  ]

  @Test("A mistake is named, with what to do", arguments: mistakes)
  func mistake(_ mistake: Mistake) throws {
    try Self.withStack(mistake.change) { file in
      let error = try #require(throws: DubbingError.self) { try DualStack.load(file, inherited: [:]) }
      #expect(error.code == .badDescription, "\(error)")
      for words in mistake.says + [file.path] { #expect("\(error)".contains(words), "\(error)") }
    }
  }

  @Test("A file that is missing, and one that is no JSON")
  func unreadable() throws {
    let missing = #expect(throws: DubbingError.self) { try DualStack.load(URL(filePath: "/nowhere/stack.json")) }
    #expect(missing?.code == .badDescription)
    try Self.withStack { _ in
    } check: { file in
      try Data("{ \"media\": ".utf8).write(to: file)
      let broken = #expect(throws: DubbingError.self) { try DualStack.load(file) }
      #expect(broken?.code == .badDescription)
    }
  }

  @Test("What is wrong with the file is thrown when the stacks are to be started")
  func thrownAtStart() async {
    let stack = DualStack.described(by: "/nowhere/stack.json").sts("STS_ENGINE", "echo")
    let error = await #expect(throws: DubbingError.self) { try await withDualStack(stack) { _ in } }
    #expect(error?.code == .badDescription)
  }

  /// Writes the example with a change into a folder with compose files of its names.
  private static func withStack(_ change: (inout [String: Any]) -> Void, check: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "stack-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["media.yml", "sts.yml"] { try Data("services: {}".utf8).write(to: folder.appending(path: name)) }
    var content = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: own)) as? [String: Any])
    change(&content)
    let file = folder.appending(path: "stack.json")
    try JSONSerialization.data(withJSONObject: content).write(to: file)
    try check(file)
  }
}
