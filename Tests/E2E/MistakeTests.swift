import ComposeKit
import DubbingTesting
import Foundation
import Testing

extension E2E.Foreign {
  /// What somebody gets wrong who describes services for the first time, in the description of the second pair.
  @Suite("A description with one mistake")
  struct Mistakes {
    struct Mistake: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var make: @Sendable (inout DualStack) -> Void
      /// Of the error, beside address, variable and log.
      var words: [String]
    }

    static let mistakes = [
      Mistake(
        testDescription: "no extra_hosts anywhere", make: { $0.addsExtraHosts = false },
        words: ["dubber does not find STS there", "no extra_hosts for host.docker.internal", "\"extra_hosts\": true"]),
      Mistake(
        testDescription: "a variable that the worker does not read", make: { $0.stsURLVariable = "SPEECH_ADDRESS" },
        words: ["dubber was not told where the tap is", "RTMP_URL, SPEECH_URL", "\"sts_url_variable\""]),
    ]

    @Test(
      "A worker that never connects to the tap: why, and what to write, before the stream is over", arguments: mistakes)
    func nobodyConnects(_ mistake: Mistake) async throws {
      var stack = E2E.Foreign.pair
      mistake.make(&stack)
      let error = await #expect(throws: DubbingError.self) {
        try await withDualStack(stack) { environment in
          _ = try await LiveStream(
            name: "test_mistake_\(UUID().uuidString.prefix(8).lowercased())", environment: environment, transport: .rtmp
          ).dub(E2E.Foreign.short)
        }
      }
      #expect(error?.code == .nobodyConnected)
      let text = error.map { "\($0)" } ?? "none"
      for words in mistake.words + ["http://host.docker.internal:", stack.stsURLVariable, "dubber-1", "within 17"] {
        #expect(text.contains(words), "\(words) is not in: \(text)")
      }
    }

    @Test("A path that the worker does not look for: no output, and that nobody reads what is published")
    func otherPath() async throws {
      var stack = E2E.Foreign.pair
      stack.inputPath = "live/{stream}/source"
      let detail = try await withDualStack(stack) { environment in
        try await LiveStream(name: "test_mistake_path", environment: environment, transport: .rtmp).dub(
          E2E.Foreign.short)[
            .published]?.detail
      }
      let text = try #require(detail)
      for words in ["nobody was seen reading live/test_mistake_path/source", "\"input_path\"", "where dubber looks"] {
        #expect(text.contains(words), "\(words) is not in: \(text)")
      }
    }

    @Test("Without start_after, who needs the other project's network starts as soon as that is there")
    func withoutOrder() async throws {
      var stack = E2E.Foreign.pair
      stack.sts.startsAfter = []
      let isWell = try await withDualStack(stack) { environment in
        await environment.health().filter { $0.name == "speech" }.map(\.isHealthy)
      }
      #expect(isWell == [true])
    }

    @Test("A network that has another name in either project: what the other one makes, before anything is started")
    func otherNetwork() async throws {
      var stack = E2E.Foreign.pair
      stack.sts.environment["SECOND_NETWORK"] = "speech-of-nobody"
      let nothing: @Sendable (ServiceProgress) -> Void = { Issue.record("\($0) must not happen") }
      let error = await #expect(throws: ComposeError.self) {
        try await withDualStack(stack, progress: nothing) { _ in }
      }
      #expect(error?.code == .missingResource)
      let text = error.map { "\($0)" } ?? "none"
      for words in [
        "needs the network speech-of-nobody", "second-media", "makes the network second-", "same name in both",
      ] {
        #expect(text.contains(words), "\(words) is not in: \(text)")
      }
    }
  }
}
