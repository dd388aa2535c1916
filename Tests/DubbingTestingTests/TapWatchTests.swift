import Foundation
import SocketIOLite
import Testing

@testable import DubbingTesting

@Suite("A tap that nobody finds", .kind(.logic))
struct TapWatchTests {
  @Test("It is said where the worker was to look, by which variable, and what its log says")
  func message() {
    var stack = DualStack(media: .init(name: "m", files: []), sts: .init(name: "s", files: []))
    stack.ports[.worker] = .init("dubber", 9000)
    stack.stsURLVariable = "SPEECH_URL"
    let error = stack.nobodyConnected(
      to: 4711, for: "test_a", within: .seconds(14), log: "dubber-1  | cannot resolve host.docker.internal\n")
    for words in [
      "14.00 s", "http://host.docker.internal:4711", "SPEECH_URL", "dubber-1  | cannot resolve", "extra_hosts",
    ] {
      #expect("\(error)".contains(words), "\(error)")
    }
    let silent = stack.nobodyConnected(to: 1, for: "s", within: .seconds(1), log: "")
    #expect("\(silent)".contains("dubber has said nothing"))
  }

  @Test("Nobody is noticed at the deadline, somebody at once, and whoever came before counts")
  func connection() async throws {
    try await SocketIOTap.withTap(upstream: nil) { tap in
      let isEarly = try await tap.isConnected(within: .milliseconds(50))
      #expect(!isEarly)
      // Nobody is behind the tap, so it answers 502, and says that somebody came.
      let client = SocketIOClient(url: tap.url)
      await #expect(throws: SocketIOError.self) { try await client.withConnection { _ in } }
      let clock = ContinuousClock()
      let start = clock.now
      let isThere = try await tap.isConnected(within: .seconds(20))
      #expect(isThere && start.duration(to: clock.now) < .seconds(10))
    }
  }
}
