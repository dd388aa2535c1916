// swift-format-ignore-file
import AudioPrint
import ComposeKit
import DubbingTesting
import SocketIOLite
import Testing

// The Swift of README.md and docs/modules.md; scripts/check-docs.py compares them.

private struct ReadMe {
  @Test("The shop answers while its stock is away")
  func shopWithoutStock() async throws {
    let shop = ComposeProject(name: "shop", files: ["compose/shop.yml"])
    let stock = ComposeProject(name: "stock", files: ["compose/stock.yml"])
    try await withComposeStacks([shop, stock]) { stacks in
      let web = try await stacks[0].endpoint(of: "web", port: 80)
      try await stacks[1].withStopped("database") {
        print("ask http://\(web)/ here")
      }
    }  // nothing is left of either, however this ended
  }

  static func client() async throws {
    let client = SocketIOClient(url: "http://localhost:3000")
    let processed = client.events(named: "fragment:processed")  // before connecting: nothing is missed
    try await client.withConnection { client in
      try await client.emit("stream:init", ["stream_id": "test"])
      let five = try await processed.collect(5, timeout: .seconds(30))  // or an error that holds what came instead
      print(five.map(\.payloadText))
    }
  }

  static func tap() async throws {
    let rule = FaultRule("lose the third", .drop, event: "fragment:processed", direction: .toClient, occurrence: .nth(3))
    try await SocketIOTap.withTap(upstream: "http://localhost:3000", rules: [rule]) { tap in
      print("tell the client to use \(tap.url)")
      print(try await tap.events(named: "fragment:data", .toServer).next(timeout: .seconds(60)))
    }
  }

  static func audio() async throws {
    let original = try await AudioDecoder.decode("original.mp4")
    let dubbed = try await AudioDecoder.decode("dubbed.wav")
    let attributor = Attributor(candidates: [
      Candidate(role: .original, clip: original, expectedStart: 0),
      Candidate(role: .dubbed(0), clip: dubbed, expectedStart: 0),
    ])
    for window in attributor.attribute(try await AudioDecoder.decode("output.flv"), windows: [(0, 6), (6, 12)]) {
      print(window.start, window.attribution, window.lagSeconds, window.coherence)
    }
  }
}

@Suite("Our pipeline", .dualStack(.described(by: "deploy/stack.json"), settings: .fromEnvironment()))
struct OurPipeline {
  @Test("The talk comes out dubbed", .stream())
  func talkIsDubbed() async throws {
    try await LiveStream.current.expectDubbed(.named("talk"))
  }
}
