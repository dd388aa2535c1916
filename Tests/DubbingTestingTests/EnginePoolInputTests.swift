import ComposeKit
import DubbingTesting
import Foundation
import Testing

@Suite("What is wrong with E2E_ENGINES, and what is said", .kind(.logic))
struct EnginePoolInputTests {
  @Test(
    "Names: each once, and one that docker knows",
    arguments: [
      (["a", "b"], nil, nil),
      (["a", "b", "a"], "the context 'a' is named twice in E2E_ENGINES", "name each engine once"),
      (
        ["a", "nowhere"], "docker has no context 'nowhere', which E2E_ENGINES names", "docker context create nowhere"
      ),
    ] as [([String], String?, String?)])
  func names(contexts: [String], says: String?, next: String?) {
    let problem =
      EnginePool.problem(named: contexts) ?? EnginePool.problem(named: contexts, among: ["default", "a", "b"])
    #expect(problem?.summary == says)
    if let next { #expect(problem?.next?.contains(next) == true && problem?.code == .enginePool, "\(problem as Any)") }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var change: @Sendable (inout EnginePool.Found) -> Void
    var says: String?
    var next = ""
  }

  private static func engine(compose: String = "2.26.1") -> ComposeEngine {
    ComposeEngine(
      access: EngineAccess(address: "tcp://builder:2375", environment: [:]), command: ["docker", "compose"],
      composeVersion: compose, engineVersion: "20.10", host: "builder")
  }

  private static func found(_ context: String) -> EnginePool.Found {
    EnginePool.Found(
      context: context, engine: engine(),
      identity: EngineIdentity(id: "id of \(context)", platform: "linux/amd64", cores: 2))
  }

  private static let cases: [Case] = [
    Case(testDescription: "two engines of one kind") { _ in },
    Case(
      testDescription: "two contexts, one engine", change: { $0.identity.id = "id of a" },
      says: "the contexts 'a' and 'b' of E2E_ENGINES lead to the same engine", next: "leave one of them out"),
    Case(
      testDescription: "another architecture", change: { $0.identity.platform = "linux/arm64" },
      says: "the engine of 'b' runs linux/arm64 and that of 'a' linux/amd64: one run's images are for one of them",
      next: "name engines of one kind"),
    Case(
      testDescription: "another compose", change: { $0.engine = engine(compose: "2.40.0") },
      says: "'b' is called by docker compose 2.40.0, 'a' by docker compose 2.26.1", next: "COMPOSE_COMMAND"),
    Case(
      testDescription: "a clock an hour off",
      change: {
        $0.clock = EngineClock(
          said: Int64(1_003_600 * 1e9), asked: Date(timeIntervalSince1970: 1_000_000),
          answered: Date(timeIntervalSince1970: 1_000_000))
      },
      says: "the context 'b' of E2E_ENGINES: the clock of the engine on builder is 1 h ahead of this machine's",
      next: "NTP"),
    Case(testDescription: "fewer cores are no problem") { $0.identity.cores = 1 },
  ]

  @Test("Engines: one sentence each, with what to do", arguments: cases)
  func engines(_ example: Case) {
    var other = Self.found("b")
    example.change(&other)
    let problem = EnginePool.problem(with: [Self.found("a"), other])
    #expect(problem?.summary == example.says)
    if example.says != nil {
      #expect(problem?.code == .enginePool && problem?.next?.contains(example.next) == true, "\(problem as Any)")
    }
  }

  @Test("The setting is a list; empty is none")
  func setting() {
    #expect(
      DubbingSettings.fromEnvironment(["E2E_ENGINES": "default, builder,,b"]).engines == ["default", "builder", "b"])
    #expect(DubbingSettings.fromEnvironment(["E2E_ENGINES": ""]).engines == [])
  }

  @Test("The report says which engine a stream ran on, which went away, and what became of its streams")
  func report() throws {
    var report = ReportSample.whole
    #expect(!String(decoding: try report.json(), as: UTF8.self).contains("engines"))
    #expect(
      !report.summary().contains("went away")
        && !RunPage(report: report, sounds: ReportSample.sounds).html.contains("data-part=\"engines\""))
    report.engines = [
      .init(context: "default", engine: "docker compose 2.26.1, engine 20.10", cores: 2, places: 3),
      .init(
        context: "builder", engine: "docker compose 2.26.1, engine 20.10 on builder", cores: 8, places: 2,
        lost: "docker version <timed out>", lostAfterS: 12.5),
    ]
    for index in report.streams.indices { report.streams[index].engine = "default" }
    report.streams[0].lostEngine = "builder"
    report.environments[0].engine = "default"
    let again = try RunReport(json: report.json())
    #expect(again.engines == report.engines && again.streams[0].lostEngine == "builder")
    // Neither is red for that.
    #expect(!again.isRed)
    let line = "the engine builder went away after 12.5 s, 1 stream ran again elsewhere: docker version <timed out>"
    #expect(report.summary().contains("  \(line)"), "\(report.summary())")
    let page = RunPage(report: report, sounds: ReportSample.sounds).html
    for words in [
      "run again: builder went away while it ran there", "on default", "data-part=\"engines\"",
      "gone after 12.5 s", "docker version &lt;timed out&gt;", "engines went away meanwhile",
    ] {
      #expect(page.contains(words), "\(words)")
    }
    report.streams[1].lostEngine = "builder"
    #expect(report.summary().contains("2 streams ran again elsewhere"))
    report.streams[0].lostEngine = nil
    report.streams[1].lostEngine = nil
    #expect(report.summary().contains("no stream had to be run again"))
  }
}

extension RunReport {
  fileprivate init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .iso8601
    self = try decoder.decode(RunReport.self, from: json)
  }
}
