import ComposeKit
import ComposeTesting
import Testing

/// The texts are those of docker-compose 1.29.2 with engine 20.10.
@Suite("What docker-compose 1.29 prints", .kind(.logic))
struct FirstGenerationTests {
  private static let dump = """
    networks: {}
    services:
      9odd.name:
        image: "yes"
      db:
        build:
          args:
            image: x
          context: /tmp
        depends_on:
          once:
            condition: service_started
        scale: 2
      once:
        deploy:
          replicas: 3
        environment:
          A: "x\\n    image: y"
        image: localhost:1/none:none
        pull_policy: never
      web:
        command:
        - sh
        - "echo a\\nimage: fooled\\n    image: again and again and again and again\\
          \\ image: z"
        depends_on:
        - db
        - once
        image: e2e-base:bookworm
        profiles:
        - x
    version: '3.9'
    volumes:
      services:
        image: none
    """

  @Test("Its configuration is read: images, builds, replicas, dependencies")
  func configuration() throws {
    let services = ProjectConfiguration(firstGeneration: Self.dump, projectName: "p-1", profiles: ["x", "y"]).services
    #expect(services.keys.sorted() == ["9odd.name", "db", "once", "web"])
    #expect(services["9odd.name"]?.image == "yes")
    let db = try #require(services["db"])
    #expect(db.image == "p-1_db")
    #expect(db.isBuilt)
    #expect(db.replicas == 2)
    #expect(db.dependencies == ["once"])
    let once = try #require(services["once"])
    #expect(once.image == "localhost:1/none:none")
    #expect(!once.isBuilt)
    #expect(once.replicas == 3)
    #expect(once.pullPolicy == "never")
    #expect(services["web"]?.image == "e2e-base:bookworm")
    #expect(services["web"]?.dependencies == ["db", "once"])
  }

  @Test("Services of profiles that are not enabled are left out, which it does not do itself", arguments: [[], ["y"]])
  func profiles(_ enabled: [String]) {
    let configuration = ProjectConfiguration(
      firstGeneration: Self.dump, projectName: "p-1", profiles: Set(enabled))
    #expect(configuration.services.keys.sorted() == ["9odd.name", "db", "once"])
  }

  @Test("Text that is not such a configuration describes no service", arguments: ["", "services:", "a: b", "\u{0}: {"])
  func noConfiguration(_ text: String) {
    #expect(ProjectConfiguration(firstGeneration: text, projectName: "p", profiles: []).services.isEmpty)
  }

  @Test("A container that cannot be created or started names its service")
  func service() {
    let text = "ERROR: for web  Cannot start service web: driver failed programming external connectivity"
    #expect(EngineRefusal.service(in: text) == "web")
    #expect(EngineRefusal.service(in: "Cannot create container for service db: Conflict.") == "db")
    #expect(EngineRefusal.service(in: "Creating shop_web_1 ...") == nil)
  }
}

@Suite("What the engine refuses", .kind(.logic))
struct EngineRefusalTests {
  @Test("A name that is taken, as both generations of compose print it")
  func name() {
    let second = EngineRefusal(
      composeOutput: """
        Error response from daemon: Conflict. The container name "/shop-db" is already in use by container \
        "0f4ac19e". You have to remove (or rename) that container to be able to reuse that name.
        """)
    #expect(second?.cause == .nameInUse(name: "shop-db", holder: "0f4ac19e"))
    let first = EngineRefusal(
      composeOutput: """
        ERROR: for web  Cannot create container for service web: Conflict. The container name "/shop-db" is already in use \
        by container "0f4ac19e". You have to remove (or rename) that container to be able to reuse that name.
        """)
    #expect(first?.cause == .nameInUse(name: "shop-db", holder: "0f4ac19e"))
    #expect(first?.service == "web")
    // Podman 4.3.1 with compose 2.26.1.
    let podman = EngineRefusal(
      composeOutput: """
        Error response from daemon: container create: creating container storage: the container name "shop-db" is already \
        in use by db5824b15366. You have to remove that container to be able to reuse that name: that name is already in use
        """)
    #expect(podman?.cause == .nameInUse(name: "shop-db", holder: "db5824b15366"))
  }

  @Test(
    "No network address range left, as engines 20 and 27 and Podman print it; nothing else counts as that",
    arguments: [
      (
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        true
      ),
      ("Error response from daemon: all predefined address pools have been fully subnetted", true),
      ("Error response from daemon: could not find free subnet from subnet pools", true),
      ("Pool overlaps with other one on this address space", false),
    ])
  func pool(_ text: String, _ isExhausted: Bool) {
    #expect((EngineRefusal(composeOutput: text)?.cause == .networkPoolExhausted) == isExhausted)
  }
}
