import DubbingTesting
import Foundation
import Testing

extension E2E {
  /// The second pair (`compose/second`), known by its `stack.json` alone: another worker, another contract, other formats, a picture
  /// that is encoded anew, fragments from wherever the worker joined. Each case is judged exactly: these checks, and no others.
  @Suite("Services that nobody here wrote", .tags(.foreign))
  enum Foreign {
    static let pair = DualStack.described(by: "compose/second/stack.json", fixedPorts: Settings.fixedPorts)
    /// Three fragments, one of them for the greater part before the fixture: enough for all but a breaker and marks.
    static var short: Fixture { get throws { try .named("counting-awb") } }
    static let passthrough = StreamFault.setting(
      .sts, "SPEECH_FAULT", "passthrough", name: "second pair: the original comes back")
    static let silent = StreamFault.setting(.sts, "SPEECH_FAULT", "silent", name: "second pair: silence comes back")
    static let late = StreamFault.setting(.media, "WORKER_FAULT", "late:250", name: "second pair: dubs 250 ms late")
    static let swapped = StreamFault.setting(.media, "WORKER_FAULT", "swap:2,3", name: "second pair: two dubs swapped")
    static let failing = StreamFault.setting(.sts, "SPEECH_FAULT", "fail:2@2", name: "second pair: two answers fail")

    @Suite("As they are", .dualStack(pair))
    struct Plain {
      @Test("A stream is judged dubbed", .stream(publish: .rtmp))
      func dubbed() async throws {
        try await LiveStream.current.expectDubbed(Foreign.short)
      }

      @Test("One answer that is lost: that fragment is the original, the others are dubbed", .stream(publish: .rtmp))
      func lostAnswer() async throws {
        try await LiveStream.current.expectCaught(
          Foreign.short, as: .mixed, by: [.processedOnce, .identity, .originalAbsent],
          under: .answer(3, .drop, name: "second pair: one answer dropped"))
      }

      @Test("A service that never answers: the original is heard, and the breaker opens", .stream(publish: .rtmp))
      func neverAnswered() async throws {
        try await LiveStream.current.expectCaught(
          // While the breaker is open a segment is not sent at all.
          .named("counting"), as: .passthrough, by: [.fragmentsSent, .processedOnce, .identity, .originalAbsent],
          under: .answers(.every, .drop, name: "second pair: no answer at all"))
      }
    }

    @Suite("SPEECH_FAULT=passthrough", .dualStack(pair.under(passthrough)))
    struct Passthrough {
      @Test("A service that returns the original is judged passthrough", .stream(publish: .rtmp))
      func passthrough() async throws {
        try await LiveStream.current.expectCaught(
          Foreign.short, as: .passthrough, by: [.identity, .originalAbsent], under: Foreign.passthrough)
      }

      @Test("The lag is what flash and beep say it is, within 40 ms", .stream(publish: .rtmp))
      func lagAgreesWithMarks() async throws {
        let stream = try LiveStream.current
        let verdict = try await stream.expectDubbed(.named("flash-and-beep"))
        let marked = try MarkedLag.measured(in: stream.recording)
        // The first fragment is what was published before the fixture.
        #expect(verdict.fragments.compactMap(\.avDelta).count == 6)
        for fragment in verdict.fragments where fragment.attributedTo != .absent {
          let lag = try #require(fragment.avDelta, "fragment \(fragment.sequence)")
          let apart = abs(lag.milliseconds - marked)
          #expect(apart < 40, "fragment \(fragment.sequence): \(lag) where the marks say \(marked) ms")
        }
      }
    }

    @Suite("SPEECH_FAULT=silent", .dualStack(pair.under(silent)))
    struct Silent {
      @Test("A service that returns silence is judged silent", .stream(publish: .rtmp))
      func silent() async throws {
        try await LiveStream.current.expectCaught(
          Foreign.short, as: .silent, by: [.identity], under: Foreign.silent)
      }
    }

    @Suite("WORKER_FAULT=late:250", .dualStack(pair.under(late)))
    struct Late {
      @Test("A dub that the worker lays 250 ms too late is out of sync", .stream(publish: .rtmp))
      func late() async throws {
        let verdict = try await LiveStream.current.expectCaught(
          Foreign.short, as: .dubbed, by: [.avSync], under: Foreign.late)
        let lags = verdict.fragments.compactMap(\.avDelta).map(\.milliseconds)
        // The first fragment is what was published before the fixture.
        #expect(lags.count == 3 && lags.allSatisfy { abs($0 - 250) < 40 }, "\(lags)")
      }
    }

    @Suite("WORKER_FAULT=swap:2,3", .dualStack(pair.under(swapped)))
    struct Swapped {
      @Test("Two fragments in each other's place are not where they belong", .stream(publish: .rtmp))
      func swapped() async throws {
        try await LiveStream.current.expectCaught(
          Foreign.short, as: .failed, by: [.identity], under: Foreign.swapped)
      }
    }

    @Suite("SPEECH_FAULT=fail:2@2", .dualStack(pair.under(failing)))
    struct Breaker {
      @Test("The worker's breaker opens after two failures, and dubbing comes back", .stream(publish: .rtmp))
      func breaker() async throws {
        let verdict = try await LiveStream.current.expectCaught(
          // While the breaker is open a segment is not sent at all.
          .named("counting"), as: .mixed, by: [.fragmentsSent, .processedOnce, .identity, .originalAbsent],
          under: Foreign.failing)
        #expect(verdict.fragments.last?.attributedTo.kind == .dubbed, "dubbing comes back")
      }
    }
  }
}

/// What `scripts/av-lag.py` says of a recording of `flash-and-beep`: eyes and ears that share nothing with the judge.
private struct MarkedLag: Decodable {
  var median: Double

  enum CodingKeys: String, CodingKey { case median = "median_ms" }

  /// In ms; above 0 when the sound is late.
  static func measured(in recording: URL) throws -> Double {
    let measuring = Process()
    measuring.executableURL = URL(filePath: "/usr/bin/env")
    measuring.arguments = ["python3", "scripts/av-lag.py", recording.path, "--json", "--marks", "10"]
    let output = Pipe()
    measuring.standardOutput = output
    try measuring.run()
    // Ends when the program does, which is bounded by the recording's length.
    let data = output.fileHandleForReading.readDataToEndOfFile()
    measuring.waitUntilExit()
    try #require(measuring.terminationStatus == 0, "scripts/av-lag.py \(recording.path)")
    return try JSONDecoder().decode(MarkedLag.self, from: data).median
  }
}
