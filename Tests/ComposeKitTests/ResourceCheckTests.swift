import ComposeTesting
import Testing

// Resources and who uses them are made here by their synthesized initialisers.
@testable import ComposeKit

@Suite("Whose volumes and networks are", .kind(.logic))
struct ResourceCheckTests {
  private static let json = """
    {"name": "shop-r1", "services": {
      "db": {"image": "a", "volumes": [{"type": "volume", "source": "data"}, {"type": "bind", "source": "/x"}],
             "networks": {"default": null, "back_end": {"aliases": ["d"]}}, "depends_on": {"init": {"required": true}}},
      "init": {"image": "a", "volumes": [{"type": "volume", "source": "own"}], "networks": {"default": null}},
      "web": {"image": "a", "networks": {"default": null}, "depends_on": {"db": {}, "init": {}}}},
     "volumes": {"data": {"name": "shop-data"}, "own": {"name": "shop-r1_own"}, "mine": {"name": "shop-r1-mine"},
                 "models": {"name": "models", "external": true}, "old": {"external": {"name": "old"}, "name": "old"}},
     "networks": {"default": {"name": "shop-net", "ipam": {}}, "back_end": {"name": "shop-r1_back_end"}}}
    """

  @Test("Only fixed names and external things are anybody else's business")
  func parsed() throws {
    let configuration = try ProjectConfiguration(json: Self.json, projectName: "shop-r1")
    let found = configuration.resources.map { "\($0.kind) \($0.key) \($0.name) \($0.isExternal)" }
    #expect(
      found == [
        "volume data shop-data false", "volume models models true", "volume old old true",
        "network default shop-net false",
      ])
    #expect(configuration.resources[0].services == ["db"])
    #expect(configuration.resources[3].services == ["db", "init", "web"])
    #expect(!configuration.resources[0].isUsed(by: ["web"]))
    #expect(configuration.longestChain == 3)
  }

  @Test("The first generation's dump is read for the same")
  func parsedDump() {
    let dump = """
      networks:
        default:
          name: shop-net
        plain: {}
        theirs:
          external: true
          name: theirs
      services:
        db:
          image: a
          labels:
            name: nothing
          volumes:
          - data:/data:rw
      version: '3.9'
      volumes:
        data:
          labels:
            name: nothing
          name: shop-data
        mine:
          name: shop-r1-mine
        old:
          external:
            name: old-name
        own: {}

      """
    let found = NamedResource.all(inDump: dump, projectName: "shop-r1").map {
      "\($0.kind) \($0.key) \($0.name) \($0.isExternal)"
    }
    #expect(
      found == [
        "volume old old-name true", "volume data shop-data false", "network theirs theirs true",
        "network default shop-net false",
      ])
  }

  private static func user(
    _ project: String, _ resources: [NamedResource], sharing: [SharedResource] = []
  ) -> ResourceUser {
    ResourceUser(project: project, projectName: project + "-r1", sharing: sharing, resources: resources)
  }

  private static func network(isExternal: Bool = false) -> NamedResource {
    NamedResource(kind: .network, key: "net", name: "net", isExternal: isExternal, services: nil)
  }

  @Test(
    "What was there before is a conflict, unless it is the run's own, external or shared",
    arguments: [
      ("developer", false, [], true), (nil, false, [], true), ("shop-r2", false, [], true),
      ("shop-r1", false, [], false),
      ("developer", true, [], false), ("developer", false, [.network("net")], false),
      ("developer", false, [.volume("net"), .network("other")], true),
    ] as [(String?, Bool, [SharedResource], Bool)])
  func conflict(_ owner: String?, _ isExternal: Bool, _ sharing: [SharedResource], _ isConflict: Bool) {
    let check = ResourceCheck(users: [Self.user("shop", [Self.network(isExternal: isExternal)], sharing: sharing)])
    let found = FoundResource.read("other\tx\nnet\t\(owner ?? "")\n", kind: .network)
    #expect((check.conflict(with: found) != nil) == isConflict)
    // A volume of the same name is another thing.
    #expect(check.conflict(with: FoundResource.read("net\tdeveloper\n", kind: .volume)) == nil)
  }

  @Test("Projects of one call: who makes a thing comes first; two that make it are refused")
  func order() throws {
    let maker = Self.user("maker", [Self.network()])
    let external = Self.user("external", [Self.network(isExternal: true)])
    let sharer = Self.user("sharer", [Self.network()], sharing: [.network("net")])
    let edges = try ResourceCheck(users: [external, sharer, maker]).order(found: [])
    #expect(edges.map(\.project) == [0, 1])
    #expect(edges.allSatisfy { $0.after == 2 && $0.milestone == .created })
    // Shared and there already: nobody waits.
    #expect(
      try ResourceCheck(users: [external, sharer]).order(found: [.init(kind: .network, name: "net", owner: "x")]) == [])
    #expect(try ResourceCheck(users: [sharer]).order(found: []) == [])
    let twice = #expect(throws: ComposeError.self) {
      try ResourceCheck(users: [maker, Self.user("second", [Self.network()])]).order(found: [])
    }
    #expect(twice?.code == .foreignResource)
    #expect(twice?.summary == "projects maker and second would both make the network net")
    let missing = #expect(throws: ComposeError.self) { try ResourceCheck(users: [external]).order(found: []) }
    #expect(missing?.code == .missingResource)
  }

  @Test("An external network that nobody makes: what the others of the call make instead, or why they do not make it")
  func missing() throws {
    func error(beside other: ResourceUser) throws -> String {
      let user = Self.user("user", [Self.network(isExternal: true)])
      let error = #expect(throws: ComposeError.self) { try ResourceCheck(users: [user, other]).order(found: []) }
      #expect(error?.code == .missingResource)
      return "\(try #require(error))"
    }
    var other = Self.user("other", [])
    #expect(try error(beside: other).contains("network create net; or start the project that makes it"))
    // In its files, but of a service that was not chosen.
    other.unused = [Self.network()]
    let unused = try error(beside: other)
    #expect(unused.contains("in the files of other, and no service of it that is started uses it"), "\(unused)")
    #expect(unused.contains("start one that does") && unused.contains("network create net"), "\(unused)")
    other.unused = []
    for (kind, name, isExternal) in [
      (NamedResource.Kind.network, "nets", false), (.volume, "vol", false), (.network, "ext", true),
    ] {
      other.resources.append(NamedResource(kind: kind, key: name, name: name, isExternal: isExternal, services: nil))
    }
    let elsewhere = try error(beside: other)
    #expect(elsewhere.contains("other, which is started in the same call, makes the network nets:"), "\(elsewhere)")
    #expect(elsewhere.contains("the same name in both files"), "\(elsewhere)")
  }

  @Test("A circle, and a project that is not there, are refused in words")
  func circles() throws {
    func project(_ name: String, after: [String] = []) -> ComposeProject {
      ComposeProject(name: name, files: [], startsAfter: after)
    }
    let chain = try StartOrder([project("c", after: ["b"]), project("b", after: ["a"]), project("a")], resources: [])
    #expect(chain.edges.count == 2)
    let circle = #expect(throws: ComposeError.self) {
      try StartOrder(
        [project("c", after: ["a"]), project("a", after: ["b"]), project("b")],
        resources: [.init(project: 2, after: 1, milestone: .created, reason: Self.network())])
    }
    #expect(circle?.code == .invalidProject)
    #expect(
      circle?.summary == "the projects wait for one another: a waits for b (startsAfter), b waits for a (network net)")
    let unknown = #expect(throws: ComposeError.self) {
      try StartOrder([project("c", after: ["x"]), project("a")], resources: [])
    }
    #expect(unknown?.summary.contains("starts after x, which is not started in the same call") == true)
    #expect(throws: ComposeError.self) { try StartOrder([project("a", after: ["a"])], resources: []) }
  }

  @Test("Compose removes by name only where no name can be somebody else's")
  func down() throws {
    let engine = ComposeEngine(
      command: ["docker", "compose"], composeVersion: "2", engineVersion: "", host: "127.0.0.1")
    let running = RunningProject(
      ComposeProject(name: "shop", files: ["a.yml"]), named: "shop-r1", engine: engine, lifetime: .run)
    var configuration = try ProjectConfiguration(json: Self.json, projectName: "shop-r1")
    #expect(running.downCommand(configuration, options: UpOptions()).arguments.contains("stop"))
    #expect(running.downCommand(nil, options: UpOptions()).arguments.contains("stop"))
    #expect(!running.keepingAdvice(configuration).contains("--volumes"))
    configuration.resources.removeAll { !$0.isExternal }
    let down = running.downCommand(configuration, options: UpOptions(stopTimeout: .milliseconds(6_500)))
    #expect(down.arguments.suffix(7) == ["down", "--volumes", "--remove-orphans", "--timeout", "7", "--rmi", "local"])
    // Three in a row, each of which may take its time.
    #expect(down.deadline == .seconds(3 * 7 + 20))
  }
}
