import ComposeKit
import ComposeTesting
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

@Suite("Where the tap is for an engine of this machine, and of another one", .kind(.logic))
struct TapPlaceTests {
  private static let here = TapPlace(address: "172.17.0.1")
  private static let there = TapPlace(
    address: "10.0.0.1",
    remote: RemoteEngine(engine: "docker compose 2.26.1", host: "builder", peers: ["10.0.0.2"], clock: nil))

  private func engine(route: EngineRoute?) -> ComposeEngine {
    ComposeEngine(
      access: EngineAccess(address: "tcp://builder:2375", environment: [:]), command: ["docker", "compose"],
      composeVersion: "2.26.1", engineVersion: "20.10", host: "builder", bindAddress: route?.engine, route: route)
  }

  private var stack: DualStack {
    var stack = DualStack(media: .init(name: "m", files: ["m.yml"]), sts: .init(name: "s", files: ["s.yml"]))
    stack.ports[.worker] = .init("dubber", 9000)
    return stack
  }

  @Test("On this machine nothing is other than it was")
  func local() throws {
    #expect(Self.here.listen == .loopback(and: ["172.17.0.1"]) && Self.here.listen.peers == nil)
    let before = try stack.projects(tap: 4711, gateway: "172.17.0.1")
    let now = try stack.projects(tap: 4711, gateway: "172.17.0.1", place: Self.here)
    #expect(now == before)
    #expect(now.media.environment["STS_SERVICE_URL"] == "http://host.docker.internal:4711")
    #expect(now.sts.environment["HOST_GATEWAY"] == "172.17.0.1" && now.media.files == ["m.yml"])
  }

  @Test("For another machine it listens on the address that leads there, takes its connections, and is told by address")
  func remote() throws {
    #expect(Self.there.listen == TapListen(hosts: ["127.0.0.1", "10.0.0.1"], peers: ["127.0.0.1", "10.0.0.2"]))
    var stack = stack
    stack.addsExtraHosts = true
    let (media, sts) = try stack.projects(tap: 4711, gateway: "172.18.0.1", place: Self.there)
    #expect(media.environment["STS_SERVICE_URL"] == "http://10.0.0.1:4711")
    // The bridge is that machine's own: STS may publish there for containers beside it.
    #expect(sts.environment["HOST_GATEWAY"] == "172.18.0.1")
    let override = try String(contentsOfFile: try #require(media.files.last), encoding: .utf8)
    #expect(override == #"{"services":{"dubber":{"extra_hosts":["host.docker.internal:10.0.0.1"]}}}"#)
    #expect(stack.workerEnvironment(tap: 1, host: "fd00::1") == ["STS_SERVICE_URL": "http://[fd00::1]:1"])
    #expect(stack.workerEnvironment(tap: 1, host: "[fd00::1]") == ["STS_SERVICE_URL": "http://[fd00::1]:1"])
  }

  @Test(
    "With an outpost nobody connects to this machine, and the worker is told as beside the engine, with another port")
  func outpost() throws {
    var place = TapPlace(
      address: "172.18.0.1",
      remote: RemoteEngine(engine: "e", host: "builder", peers: [], clock: nil, outpost: "no route to host"))
    place.port = 40_001
    #expect(place.listen == .loopback)
    var stack = stack
    stack.addsExtraHosts = true
    let (media, _) = try stack.projects(tap: try #require(place.port), gateway: "172.18.0.1", place: place)
    #expect(media.environment["STS_SERVICE_URL"] == "http://host.docker.internal:40001")
    let override = try String(contentsOfFile: try #require(media.files.last), encoding: .utf8)
    #expect(override == #"{"services":{"dubber":{"extra_hosts":["host.docker.internal:172.18.0.1"]}}}"#)
  }

  @Test(
    "The outpost's project publishes one port for containers and one for this machine, and compose fills in the token alone"
  )
  func outpostProject() throws {
    struct File: Decodable {
      struct Service: Decodable {
        struct Port: Decodable, Equatable {
          var target: Int, hostIp: String, `protocol`: String
        }
        var image: String, entrypoint: [String], command: [String], environment: [String: String], ports: [Port]
        var user: String, readOnly: Bool, capDrop: [String]
      }
      var services: [String: Service]
    }
    let path = try OutpostProject(image: "perl:5", clients: "172.18.0.1", tap: "fd00::2").write()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let file = try decoder.decode(File.self, from: Data(contentsOf: URL(filePath: path)))
    let service = try #require(file.services.count == 1 ? file.services.values.first : nil)
    #expect(service.image == "perl:5" && service.command.isEmpty && service.user == "65534:65534")
    #expect(service.readOnly && service.capDrop == ["ALL"])
    #expect(
      service.ports == [
        .init(target: 4001, hostIp: "172.18.0.1", protocol: "tcp"),
        .init(target: 4002, hostIp: "fd00::2", protocol: "tcp"),
      ])
    #expect(
      service.environment == ["OUTPOST_TOKEN": "${OUTPOST_TOKEN}", "OUTPOST_CLIENTS": "4001", "OUTPOST_TAP": "4002"])
    #expect(service.entrypoint.prefix(2) == ["perl", "-e"] && service.entrypoint.count == 3)
    let program = try #require(service.entrypoint.last)
    #expect(program.replacing("$$", with: "$") == TapOutpost.program)
    #expect(!program.replacing("$$", with: "").contains("$"))
  }

  @Test("An engine that nothing leads to, and a worker that cannot be told, are refused before anything is asked")
  func refused() async throws {
    let lost = await #expect(throws: DubbingError.self) {
      try await TapPlace.find(on: engine(route: nil), gateway: "", for: stack, DubbingSettings())
    }
    #expect(lost?.code == .remoteEngine && lost?.next?.contains("COMPOSEKIT_ENGINE_HOST") == true)
    var changed = stack
    changed.stsURL = "http://host.docker.internal:{port}"
    let (fixed, there) = (changed, engine(route: EngineRoute(engine: "10.0.0.2", runner: "10.0.0.1")))
    let untold = await #expect(throws: DubbingError.self) {
      try await TapPlace.find(on: there, gateway: "", for: fixed, DubbingSettings())
    }
    #expect(
      untold?.code == .badDescription && "\(untold?.description ?? "")".contains("DualStack.stsURL has no {host}"))
  }

  @Test(
    "A clock that is far off is one message, and drift is none",
    arguments: [(3_600, "1 h ahead of"), (-5_400, "1.5 h behind"), (360, "6 min ahead of"), (-299, nil), (0, nil)]
      as [(Double, String?)])
  func clock(seconds: Double, says: String?) {
    let asked = Date(timeIntervalSince1970: 1_000_000)
    let clock = EngineClock(
      said: Int64((1_000_000 + seconds) * 1e9), asked: asked, answered: asked.addingTimeInterval(0))
    let error = DubbingError.clock(of: engine(route: nil), clock)
    #expect((error == nil) == (says == nil))
    if let says {
      #expect(
        error?.summary == "the clock of the engine on builder is \(says) this machine's", "\(error?.summary ?? "")")
      #expect(error?.next?.contains("NTP") == true)
    }
  }

  @Test("Connections that the tap refused are named, with whom it takes and the setting for more")
  func refusedPeers() {
    let error = stack.nobodyConnected(
      to: 4711, for: "test_a", within: .seconds(14), log: "", given: (["STS_SERVICE_URL=http://10.0.0.1:4711"], []),
      at: Self.there, refused: ["10.0.0.7"])
    for words in [
      "connections from 10.0.0.7 were refused", "come from 10.0.0.2", "E2E_TAP_PEERS=10.0.0.7", "http://10.0.0.1:4711",
    ] {
      #expect(error.description.contains(words), "\(error)")
    }
    let silent = stack.nobodyConnected(
      to: 4711, for: "test_a", within: .seconds(14), log: "", given: (["A=http://10.0.0.1:4711"], []), at: Self.there)
    #expect(!silent.description.contains("refused") && silent.description.contains("firewall"), "\(silent)")
  }

  @Test("Lines of a log are dated by this machine's clock, and the report says how far the engine's was off")
  func report() throws {
    let log = "worker-1  | 2026-11-28T15:00:00.500000000Z ERROR late\n"
    let line = try #require(LogLine.lines(of: log, ahead: 3_600_500).first)
    #expect(line.date == (try Date("2026-11-28T14:00:00Z", strategy: .iso8601)))
    let remote = RunReport.Remote(
      engine: "e", host: "builder", tap: "10.0.0.1", peers: ["10.0.0.2"], clockOffsetMs: -12.5, clockUncertaintyMs: 40)
    var report = RunReport(started: Date(timeIntervalSince1970: 0))
    report.environments = [
      RunReport.Environment(media: "m", sts: "s", readyS: 1, services: [], logs: [], remote: remote)
    ]
    let json = String(decoding: try report.json(), as: UTF8.self)
    for key in ["\"remote\"", "\"clock_offset_ms\" : -12.5", "\"clock_uncertainty_ms\" : 40", "\"tap\" : \"10.0.0.1\""]
    {
      #expect(json.contains(key), "\(json)")
    }
    #expect(!json.contains("outpost"))
    #expect(RunPage(report: report, sounds: []).html.contains("tap at 10.0.0.1 for 10.0.0.2"))
    report.environments[0].remote?.outpost = "dial tcp <no route>"
    #expect(String(decoding: try report.json(), as: UTF8.self).contains("\"outpost\" : \"dial tcp <no route>\""))
    #expect(RunPage(report: report, sounds: []).html.contains("through an outpost there (dial tcp &lt;no route&gt;)"))
    report.environments[0].remote = nil
    #expect(!String(decoding: try report.json(), as: UTF8.self).contains("remote"))
  }
}
