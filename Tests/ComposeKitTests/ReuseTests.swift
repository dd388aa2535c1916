import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("When a running project is as good as a new one", .kind(.logic))
struct ReuseTests {
  private func withFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "reuse-\(UInt32.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }

  private func fingerprint(
    _ text: String = "{}", services: Set<String> = ["a", "b"], scale: [String: Int] = [:], paths: [String] = []
  ) -> ReuseFingerprint {
    ReuseFingerprint(configuration: text, services: services, scale: scale, paths: paths)
  }

  @Test("The configuration, the chosen services and their number make the fingerprint")
  func fingerprints() {
    #expect(fingerprint() == fingerprint(services: ["b", "a"]))
    let others = [
      fingerprint("{ }"), fingerprint(services: ["a"]), fingerprint(scale: ["a": 2]), fingerprint(scale: ["a": 3]),
    ]
    #expect(Set(others + [fingerprint()]).count == 5)
  }

  @Test("Files and folders count with what is in them, but not with their repository")
  func files() async throws {
    try await withFolder { folder in
      let inner = folder.appending(path: "src")
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      let paths = [folder.path()]
      let empty = fingerprint(paths: paths)
      try "one".write(to: inner.appending(path: "a"), atomically: true, encoding: .utf8)
      let one = fingerprint(paths: paths)
      #expect(one != empty)
      #expect(one == fingerprint(paths: paths))
      try "three".write(to: inner.appending(path: "a"), atomically: true, encoding: .utf8)
      let three = fingerprint(paths: paths)
      #expect(three != one)
      let repository = inner.appending(path: ".git")
      // The time of the folder around it is not its content.
      try FileManager.default.createDirectory(at: repository, withIntermediateDirectories: true)
      let withRepository = fingerprint(paths: paths)
      try "x".write(to: repository.appending(path: "index"), atomically: true, encoding: .utf8)
      #expect(fingerprint(paths: paths) == withRepository)
      #expect(fingerprint(paths: ["/nowhere"]) == fingerprint(paths: ["/nowhere"]))
    }
  }

  @Test("A path with a dollar sign, which compose prints twice, is found (docker/compose issue 8518)")
  func dollars() throws {
    let json = #"{"services": {"web": {"build": {"context": "/a$$b", "dockerfile": "/c$$/Dockerfile"}}}}"#
    #expect(try ReuseFingerprint.paths(inConfiguration: json) == ["/a$b", "/c$/Dockerfile"])
  }

  @Test("Build contexts and mounted files are found in the configuration, mounted folders are not")
  func paths() async throws {
    try await withFolder { folder in
      let file = folder.appending(path: "conf").path()
      try "".write(toFile: file, atomically: true, encoding: .utf8)
      let json = """
        {"services": {"web": {"build": {"context": "/src", "dockerfile": "deploy/Dockerfile"}, "volumes": [
          {"type": "bind", "source": "\(file)", "target": "/conf"},
          {"type": "bind", "source": "\(folder.path())", "target": "/data"},
          {"type": "volume", "source": "data", "target": "/x"}]}},
         "configs": {"c": {"file": "/config"}}, "secrets": {"s": {"file": "/secret"}, "e": {"environment": "E"}}}
        """
      #expect(
        try ReuseFingerprint.paths(inConfiguration: json) == [
          "/src", "/src/deploy/Dockerfile", file, "/config", "/secret",
        ])
    }
  }

  @Test("The name is the same for the same files, and no sweep takes it for one that lost its owner")
  func names() {
    func suffix(_ file: String, _ engine: EngineAccess = EngineAccess(environment: [:])) -> String {
      RunningProject.reuseSuffix(of: ComposeProject(name: "shop", files: [file]), on: engine)
    }
    let name = suffix("/a/compose.yml")
    #expect(name == suffix("/a/b/../compose.yml"))
    #expect(name != suffix("/b/compose.yml"))
    // Another engine has a project of its own.
    #expect(name != suffix("/a/compose.yml", EngineAccess(address: "unix:///other.sock")))
    #expect(RunIdentity(projectName: "shop-" + name) == nil)
  }

  @Test("A lock is taken by one alone or shared by many, and its deadline says who has it")
  func locks() async throws {
    try await withFolder { folder in
      let path = folder.appending(path: "lock").path()
      let one = try await FileLock.take(path, .shared, within: .seconds(60), holder: "nobody")
      let other = try await FileLock.take(path, .shared, within: .seconds(60), holder: "nobody")
      #expect(try !other.change(to: .exclusive))
      let error = await #expect(throws: ComposeError.self) {
        _ = try await FileLock.take(path, .exclusive, within: .milliseconds(60), holder: "somebody reads")
      }
      #expect(error?.code == .timedOut)
      #expect(error?.summary == "somebody reads, for longer than 0.1 s")
      withExtendedLifetime((one, other)) {}
    }
  }

  @Test("A lock that is given back goes to whoever waits for it")
  func waiting() async throws {
    try await withFolder { folder in
      let path = folder.appending(path: "lock").path()
      var first: FileLock? = try await FileLock.take(path, .exclusive, within: .seconds(60), holder: "nobody")
      #expect(first != nil)
      async let second = FileLock.take(path, .exclusive, within: .seconds(60), holder: "the first")
      first = nil
      _ = try await second
    }
  }
}
