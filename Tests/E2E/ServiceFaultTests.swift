import DubbingTesting
import Foundation
import SocketIOLite
import Testing

extension E2E {
  /// Faults that are settings of a service, or that befall a service as a whole: each suite has an environment of its own. Published
  /// over RTMP, as ``StreamFaults`` says why.
  @Suite("Faults of the services", .tags(.faults), .ownServices)
  enum ServiceFaults {
    static let echo = StreamFault.setting(.sts, "STS_ENGINE", "echo", name: "echo STS")
    static let silence = StreamFault.setting(.sts, "STS_ENGINE", "silence", name: "silent dub")
    static let offset = StreamFault.setting(.media, "AV_OFFSET_MS", "250", name: "A/V offset 250 ms")

    @Suite("STS_ENGINE=echo", .dualStack(.standard.under(echo)))
    struct Echo {
      @Test("A service that returns the original is judged passthrough", .stream(publish: .rtmp))
      func echoIsPassthrough() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting-short"), as: .passthrough, by: [.transcript, .identity, .originalAbsent],
          under: echo)
      }
    }

    @Suite("STS_ENGINE=silence", .dualStack(.standard.under(silence)))
    struct Silence {
      @Test("A service that returns silence is judged silent", .stream(publish: .rtmp))
      func silenceIsSilent() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting-short"), as: .silent, by: [.transcript, .identity], under: silence)
      }
    }

    @Suite("AV_OFFSET_MS=250", .dualStack(.standard.under(offset)))
    struct Offset {
      @Test("Audio that the worker lays 250 ms too late is out of sync", .stream(publish: .rtmp))
      func offsetIsMeasured() async throws {
        let verdict = try await LiveStream.current.expectCaught(
          Fixture.named("counting-short"), as: .dubbed, by: [.avSync], under: offset)
        for fragment in verdict.fragments { #expect(abs(try #require(fragment.avDelta).milliseconds - 250) < 5) }
      }
    }

    @Suite(
      "STS under back-pressure",
      .dualStack(.standard.sts("STS_BACKPRESSURE_MEDIUM", "1").sts("STS_BACKPRESSURE_HIGH", "2")))
    struct Pressure {
      @Test("A worker that is told to pause loses nothing", .stream(publish: .rtmp))
      func pauseLosesNothing() async throws {
        try await LiveStream.current.expectCaught(
          Fixture.named("counting"), as: .dubbed, by: [],
          under: .services(name: "STS sends backpressure: pause") { try await $0.keepUnderPressure() })
      }
    }
  }
}

extension E2E.ServiceFaults {
  /// A worker that gives up on a fragment after 12 s, so that a lost answer does not cost half a minute.
  static let impatient: DualStack = {
    var stack = DualStack.standard.media("FRAGMENT_TIMEOUT_S", "12")
    stack.budget.fragment = .seconds(12)
    return stack
  }()

  /// One after the other: the last one takes STS away.
  @Suite("Answers that do not come, or not in time", .dualStack(impatient), .serialized)
  struct Timeouts {
    @Test("A lost answer: that window falls back to the original, the other is dubbed", .stream(publish: .rtmp))
    func lostAnswer() async throws {
      let verdict = try await LiveStream.current.expectCaught(
        Fixture.named("counting-short"), as: .mixed, by: [.processedOnce, .identity, .originalAbsent],
        under: .answer(2, .drop, name: "one fragment:processed dropped"))
      #expect(verdict.fragments.map(\.attributedTo) == [.dubbed(0), .original])
    }

    @Test("An answer that is later than the bound: that window falls back to the original", .stream(publish: .rtmp))
    func lateAnswer() async throws {
      let verdict = try await LiveStream.current.expectCaught(
        Fixture.named("counting"), as: .mixed, by: [.order, .deadline, .identity, .originalAbsent],
        under: .answer(1, .delay(.seconds(16), keepingOrder: false), name: "delayed beyond the timeout"))
      #expect(
        verdict.fragments.map(\.attributedTo) == [WindowContent.original] + (1...4).map { WindowContent.dubbed($0) })
    }

    @Test(
      "An STS that is gone for good: what it had answered is dubbed, the rest is the original", .stream(publish: .rtmp))
    func lostService() async throws {
      let verdict = try await LiveStream.current.expectCaught(
        Fixture.named("counting"), as: .mixed, by: [.fragmentsSent, .identity, .originalAbsent],
        under: .services(name: "STS gone for good") { environment in
          try await environment.whenFragmentIsAnswered()
          try await environment.sts.kill("sts")
        })
      #expect(
        verdict.fragments.map(\.attributedTo) == [WindowContent.dubbed(0)] + Array(repeating: .original, count: 4))
    }
  }

  /// One after the other: each disturbs everything that runs in its environment.
  @Suite("Services that fail under a stream and come back", .dualStack(.standard), .serialized)
  struct Disturbances {
    @Test("A media server that stands still for two seconds loses nothing", .stream(publish: .rtmp))
    func pausedMediaServer() async throws {
      try await LiveStream.current.expectCaught(
        Fixture.named("counting-short"), as: .dubbed, by: [],
        under: .services(name: "media server paused 2 s") { environment in
          try await environment.whenFragmentIsSent()
          try await environment.media.withPaused("mediamtx") { try await Task.sleep(for: .seconds(2)) }
        })
    }

    @Test("An STS that is killed and comes back after three seconds gets everything again", .stream(publish: .rtmp))
    func restartedService() async throws {
      try await LiveStream.current.expectCaught(
        Fixture.named("counting"), as: .dubbed, by: [],
        under: .services(name: "STS killed and back after 3 s") { environment in
          try await environment.whenFragmentIsSent()
          try await environment.sts.kill("sts")
          try await Task.sleep(for: .seconds(3))
          try await environment.restartSpeech()
        })
    }

    @Test("A worker that is killed: the output ends there", .stream(publish: .rtmp))
    func killedWorker() async throws {
      try await LiveStream.current.expectCaught(
        Fixture.named("counting"), as: .dubbed, by: [.fragmentsSent, .duration],
        under: .services(name: "worker killed") { environment in
          // Between the second answer and the third fragment: nothing is under way, and half of the second one is out. Counted from
          // the second one's sending: a late answer leaves the third less time.
          let (sent, answered) = (environment.events(.fragmentData), environment.events(.fragmentProcessed))
          _ = try await sent.collect(2, timeout: .seconds(60))
          let half = ContinuousClock.now + .seconds(3)
          _ = try await answered.collect(2, timeout: .seconds(60))
          try await Task.sleep(until: half)
          try await environment.media.kill("worker")
        })
    }
  }
}

extension DualStackEnvironment {
  /// Waits until the worker has sent a fragment, from now on.
  fileprivate func whenFragmentIsSent() async throws {
    _ = try await events(.fragmentData).next(timeout: .seconds(30))
  }

  fileprivate func whenFragmentIsAnswered() async throws {
    _ = try await events(.fragmentProcessed).next(timeout: .seconds(60))
  }

  /// Fills the queue of STS with a stream that is paused, until the worker has been told to pause, and for 8 s from then.
  fileprivate func keepUnderPressure() async throws {
    let pressure = events(.backpressure)
    let contract = stack.contract
    try await SpeechSession.withStream { session in
      try await session.tell(.streamPause)
      for sequence in 0..<2 { try await session.send(.silence(seconds: 1), sequence) }
      _ = try await pressure.first(timeout: .seconds(30)) { record in
        guard case .backpressure(let event) = ObservedEvent(record, contract: contract).content else { return false }
        return event.action == .pause
      }
      try await Task.sleep(for: .seconds(8))
      try await session.tell(.streamResume)
      _ = try await session.answers(2)
      try await session.tell(.streamEnd)
    }
  }

  /// Starts STS again; a container that starts anew may get another ephemeral port.
  fileprivate func restartSpeech() async throws {
    try await sts.start("sts")
    try await sts.waitUntilReady("sts")
    let endpoint = try await sts.endpoint(of: stack[.speech].service, port: stack[.speech].number)
    try wire.setUpstream("http://\(endpoint)")
  }
}
