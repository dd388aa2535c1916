import ComposeKit
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

private enum Others {
  /// Another one in each process, so that two runs on one host do not meet.
  static let rtspPort = 28_000 + Int(ProcessInfo.processInfo.processIdentifier) % 2_000
  static let namespace = "/dub"
  static let stack = DualStack.standard
    .media("MEDIAMTX_RTSP_PORT", "\(rtspPort)").media("STS_NAMESPACE", namespace)
    .sts("STS_NAMESPACE", namespace).sts("STS_EMIT", "broadcast")
    .media("SEGMENT_SECONDS", "4").media("MAX_INFLIGHT", "2").segment(.seconds(4))
}

extension E2E {
  /// One environment in which everything that can be set is set to something else.
  @Suite("Other settings", .tags(.config), .ownServices, .dualStack(Others.stack))
  struct OtherSettings {
    @Test(
      "A stream is dubbed on another port, in another namespace, in fragments of another length",
      .stream(publish: .rtmp))
    func everythingElse() async throws {
      let environment = try await DualStackEnvironment.current
      #expect(environment[.rtsp].port == Others.rtspPort)
      var fixture = try Fixture.named("counting-short")
      fixture.expectedTranscripts = ["one two three four", "five six seven eight", "nine ten eleven twelve"]
      try await LiveStream.current.expectDubbed(fixture)
      let namespaces = Set(environment.tap.records().map(\.event.namespace))
      #expect(namespaces == [Others.namespace])
    }

    @Test("A service that broadcasts lets a client that only listens hear every answer", .stream(publish: .rtmp))
    func broadcast() async throws {
      let stream = try LiveStream.current
      let heard = try await SpeechSession.withStream(nil, namespace: Others.namespace) { listener in
        var fixture = try Fixture.named("counting-short")
        fixture.expectedTranscripts = nil
        let verdict = try await stream.expectDubbed(fixture)
        #expect(verdict.fragments.count == 3)
        return try await listener.answers(listener.processed.count)
      }
      // Other streams of this environment may be heard as well.
      #expect(heard.filter { $0.streamID == stream.name }.map(\.sequenceNumber) == [0, 1, 2])
    }
  }

  @Suite("A stack that is described wrongly", .tags(.config))
  struct WrongStack {
    @Test("A service that no compose file has is refused before anything is started, in the words of the stack file")
    func unknownService() async throws {
      let root = URL(filePath: FileManager.default.currentDirectoryPath)
      var stack = try DualStack.load(root.appending(path: "compose/stack.json"))
      stack.ports[.worker] = .init("wroker", 8080)
      let nothing: @Sendable (ServiceProgress) -> Void = { Issue.record("\($0) must not happen") }
      let error = await #expect(throws: DubbingError.self) {
        try await withDualStack(stack, progress: nothing) { _ in }
      }
      #expect(error?.code == .badDescription)
      let text = error.map { "\($0)" } ?? "none"
      for words in ["wroker", "compose/stack.json", "mediamtx, sts, worker"] {
        #expect(text.contains(words), "\(text)")
      }
    }
  }

  @Suite("Side by side", .tags(.config), .ownServices)
  struct SideBySide {
    @Test("Four streams at once: no event, packet or sound of one appears in another", .stream(publish: .rtmp))
    func streamsAreIsolated() async throws {
      let stream = try LiveStream.current
      let names = ["counting-on", "counting-late", "counting-mono"]
      let streams = [("counting-short", stream)] + names.map { ($0, stream.sibling($0)) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (fixture, stream) in streams {
          group.addTask {
            // The verdict compares words, sound and every packet with this fixture's own.
            try await stream.expectDubbed(Fixture.named(fixture))
            try await stream.expectGone()
          }
        }
        try await group.waitForAll()
      }
      let records = try await DualStackEnvironment.current.tap.records()
      for (_, stream) in streams {
        let own = records.filter { ObservedEvent($0).streamID == stream.name }
        // Each stream has a connection of its own, on which nothing is said of any other.
        let connections = Set(own.map(\.connection))
        #expect(connections.count == 1)
        let onConnection = records.filter { connections.contains($0.connection) }
        #expect(Set(onConnection.compactMap { ObservedEvent($0).streamID }) == [stream.name])
      }
    }

    @Test("Two complete runs at once on one host, streams of one name in both: each dubs its own", .tags(.slow))
    func runsAreIsolated() async throws {
      let gateway = try await ComposeEngine.bridgeGateway()
      try await withThrowingTaskGroup(of: Set<String>.self) { group in
        // Of the same length: a stream of 2 s can be over before a worker on a busy machine has seen it.
        for (fixture, host) in [("counting-on", "host.docker.internal"), ("counting-short", gateway)] {
          group.addTask {
            var stack = DualStack.standard
            // STS under its address as well as under its name.
            stack.hostName = host
            return try await withDualStack(stack) { environment in
              let stream = LiveStream(name: "test_same_name_in_both", environment: environment, transport: .rtmp)
              try await stream.expectDubbed(Fixture.named(fixture))
              let containers = try await environment.media.services() + environment.sts.services()
              return Set(containers.compactMap(\.containerID))
            }
          }
        }
        var containers: [Set<String>] = []
        for try await found in group { containers.append(found) }
        #expect(containers.count == 2 && containers[0].isDisjoint(with: containers[1]))
        #expect(containers.map(\.count) == [3, 3])
      }
    }
  }
}
