import DubbingTesting
import Foundation
import Testing

// The Swift of DubbingTesting's articles; scripts/check-docs.py compares the two.

@Suite("Dubbing", .dualStack(.described(by: "stack.json")))
struct Dubbing {
  @Test("Counting is dubbed", .stream())
  func counting() async throws {
    let verdict = try await LiveStream.current.expectDubbed(Fixture.named("counting-short"))
    #expect(verdict.fragments.count == 2)
  }
}

@Suite("My talk", .dualStack(.described(by: "stack.json")))
struct MyTalk {
  @Test("It is dubbed over both protocols", .stream(), arguments: [StreamPublisher.Transport.rtsp, .rtmp])
  func dubbed(transport: StreamPublisher.Transport) async throws {
    let fixture = try Fixture.named("my-talk")
    try await LiveStream.current.over(transport).expectDubbed(fixture)
  }
}

private func readVerdict(fixture: Fixture) async throws {
  let verdict = try await LiveStream.current.dub(fixture)
  print(verdict.table(test: "my talk"))
  for check in verdict.failedChecks { print(check.name.rawValue, check.detail) }
}

private func seeItFail(fixture: Fixture) async throws {
  let quiet = StreamFault.answer(1, name: "first answer 40 dB too quiet") { answer in
    answer.dubbedAudio = answer.dubbedAudio?.scaled(decibels: -40)
  }
  try await LiveStream.current.expectCaught(fixture, as: .dubbed, by: [.loudness], under: quiet)
}

private func describeContract() {
  var contract = Contract.standard
  contract.events[.fragmentAck] = nil  // they acknowledge nothing
  contract.events[.fragmentData]?.name = "segment"
  contract.fragmentFormats = ["m4a"]
  contract.reader = .init("one event for all") { event, direction in
    let payload = try EventPayload(event)
    switch (direction, payload["kind"]) {
    case (.toSTS, .string("bye")?): return (.streamEnd, [.streamID: payload["stream"]])
    case (.toWorker, .string("dub")?):
      return (
        .fragmentProcessed,
        [
          .streamID: payload["stream"], .sequenceNumber: payload["no"], .status: .string("success"),
          .dubbedAudio: payload["sound"],
        ]
      )
    default: return nil
    }
  }
}

private func checksOfOnesOwn(_ stack: inout DualStack) throws {
  stack.checks = [
    try .logErrors(except: "cache miss"),
    .init("twice as fast as real time") { findings in
      let slowest = findings.verdict.fragments.compactMap(\.processing).max() ?? .zero
      return slowest < .seconds(3) ? .passed("slowest \(slowest)") : .failed("one took \(slowest)")
    },
  ]
}
