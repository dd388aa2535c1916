import ComposeKit
import ComposeTesting
import DubbingTesting
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

/// A network that drops what is sent, or a host that hangs: connections are accepted, and nothing ever comes.
@Suite("An engine that is silent", .kind(.containers), .timeLimit(.minutes(2)))
struct SilentEngineTests {
  /// Runs `body` with an engine at a port on which this process listens, and takes nobody in.
  private static func withSilence<R>(_ body: (ComposeEngine) async throws -> R) async throws -> R {
    #if canImport(Glibc)
      let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let listener = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    try #require(bound, "\(String(cString: strerror(errno)))")
    let access = EngineAccess(address: "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))", environment: [:])
    return try await body(
      ComposeEngine(
        access: access, command: ["docker", "compose"], composeVersion: "2.26.1", engineVersion: "20.10",
        host: "127.0.0.1"))
  }

  private static let says = "docker has got no answer from its engine within 0.5 s"

  @Test("A question has a deadline, and that is said, and not that a program was slow")
  func question() async throws {
    try await Self.withSilence { engine in
      let began = ContinuousClock.now
      let error = await #expect(throws: ComposeError.self) {
        try await engine.requireAnswer(within: .milliseconds(500))
      }
      #expect(error?.code == .engineUnavailable && error?.summary == Self.says, "\(error as Any)")
      #expect(began.duration(to: .now) < .seconds(10))
    }
  }

  @Test("In a pool it is gone after two questions, with one message, and its stream runs again on the other engine")
  func pool() async throws {
    try await Self.withSilence { engine in
      let isSilent = Atomic(false)
      let pool = EnginePool { maker in
        ["silent", "other"].map { name in
          EngineMember(
            name: name, cores: 1, places: maker.places(fixed: 1, first: 1, cores: 1, of: name),
            watch: .init(interval: .milliseconds(50), pause: .milliseconds(50)) {
              guard name == "silent", isSilent.load(ordering: .relaxed) else { return }
              try await engine.requireAnswer(within: .milliseconds(500))
            })
        }
      }
      let environments = pool.members.map { member in
        LazyEnvironment<String>(member.name) { ready in try await member.watched { try await ready(member.name) } }
      }
      let group = EnvironmentGroup(
        LazyEnvironment<String>("unused") { _ in },
        several: .init(environments) { try await pool.anyEnvironment(of: $0) })
      let began = ContinuousClock.now
      let ran = Mutex<[String]>([])
      try await group.scope {
        try await pool.withEnvironment(of: group, isFirst: false) { index, value, _ in
          try await pool.surviving(on: index, in: group) {
            ran.withLock { $0.append(value) }
            isSilent.store(true, ordering: .relaxed)
            // What asks the engine itself waits for as long.
            try await Task.sleep(for: .seconds(100))
          } again: { loss, _, value, _ in
            ran.withLock { $0.append(value + " after " + loss.engine) }
          }
        }
      }
      #expect(ran.withLock { $0 } == ["silent", "other after silent"])
      #expect(pool.members[0].loss?.reason == Self.says, "\(pool.members[0].loss as Any)")
      #expect(pool.members[1].loss == nil)
      #expect(began.duration(to: .now) < .seconds(20))
    }
  }
}
