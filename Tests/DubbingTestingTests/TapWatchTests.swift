import DubbingTesting
import Foundation
import SocketIOLite
import Testing

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
      "14.00 s", "http://host.docker.internal:4711", "SPEECH_URL", "dubber-1  | cannot resolve", "firewall",
    ] {
      #expect("\(error)".contains(words), "\(error)")
    }
    let silent = stack.nobodyConnected(to: 1, for: "s", within: .seconds(1), log: "")
    #expect("\(silent)".contains("dubber has said nothing"))
  }

  @Test("Why nobody came is told from what can be seen of the container and the media server, never with a password")
  func causes() {
    var stack = DualStack(media: .init(name: "m", files: []), sts: .init(name: "s", files: []))
    stack.ports[.worker] = .init("dubber", 9000)
    stack.stsURLVariable = "SPEECH_URL"
    func error(
      _ variables: [String], _ hosts: [String], readers: Int? = 1
    ) -> String {
      let error = stack.nobodyConnected(
        to: 4711, for: "test_a", within: .seconds(14), log: "", given: (variables, hosts), readers: readers)
      return "\(error)"
    }
    let told = ["SPEECH_URL=http://host.docker.internal:4711", "STORE=redis://me:secret@store"]
    let host = ["host.docker.internal:172.17.0.1"]
    let other = error(["SPEECH=http://sts:3000", "STORE=redis://me:secret@store", "A=b"], host)
    for words in [
      "dubber was not told where the tap is", "have another are SPEECH, STORE\n", "DualStack.stsURLVariable",
    ] {
      #expect(other.contains(words), "\(other)")
    }
    #expect(!other.contains("secret"))
    #expect(error(["A=b"], host).contains("none has any address"))
    let hosts = error(told, ["host.docker.internal.example:1.2.3.4"])
    #expect(
      hosts.contains("no extra_hosts for host.docker.internal,") && hosts.contains("addsExtraHosts = true"), "\(hosts)")
    let unread = error(told, host, readers: 0)
    #expect(unread.contains("nobody reads live/test_a/in") && unread.contains("DualStack.inputPath"), "\(unread)")
    for rest in [error(told, host), error(told, host, readers: nil)] {
      #expect(rest.contains("firewall") && !rest.contains("because"), "\(rest)")
    }
    // An address needs no name.
    stack.hostName = "172.17.0.1"
    #expect(error(["SPEECH_URL=http://172.17.0.1:4711"], []).contains("firewall"))
    stack.file = "my/stack.json"
    #expect(error([], []).contains("\"sts_url_variable\" of the stack file"))
  }

  @Test("Nobody is noticed at the deadline, somebody at once, and whoever came before counts")
  func connection() async throws {
    try await SocketIOTap.withTap(upstream: nil, options: .init(connectTimeout: .milliseconds(100))) { tap in
      let isEarly = try await tap.isConnected(within: .milliseconds(50))
      #expect(!isEarly)
      // Nobody is behind the tap, so it answers 502, and says that somebody came.
      let client = SocketIOClient(url: tap.url)
      await #expect(throws: SocketIOError.self) { try await client.withConnection { _ in } }
      let clock = ContinuousClock()
      let start = clock.now
      let isThere = try await tap.isConnected(within: .seconds(120))
      #expect(isThere && start.duration(to: clock.now) < .seconds(60))
    }
  }
}
