import Foundation
import Testing

@testable import SocketIOLite

private let wait: Duration = .seconds(60)

@Suite("What the article “Tap two services” shows", .peer("server.py"))
struct ArticleTests {
  @Test("A tap that is told its upstream later hears a question and its answer, and how long it took")
  func listenIn() async throws {
    try await SocketIOTap.withTap(upstream: nil) { tap in
      let asked = tap.events(named: "say", .toServer)
      let answered = tap.events(named: "said", .toClient)
      try tap.setUpstream(Peer.url)
      try await SocketIOClient(url: tap.url, configuration: .patient()).withConnection { client in
        try await client.emit("say", "said", 7)
        let question = try await asked.next(timeout: wait)
        let answer = try await answered.next(timeout: wait)
        #expect(question.event.payloadText == #"["said",7]"#)
        #expect(try answer.event.decode(Int.self) == 7)
        #expect(answer.time > question.time)
      }
    }
  }

  @Test("The third answer is lost, and its record names the rule that lost it")
  func loseTheThird() async throws {
    let rule = FaultRule("lose the third", .drop, event: "counted", direction: .toClient, occurrence: .nth(3))
    try await SocketIOTap.withTap(upstream: Peer.url, rules: [rule]) { tap in
      let lost = tap.queue { $0.faults.contains("lose the third") }
      let client = SocketIOClient(url: tap.url, configuration: .patient())
      let arrived = client.events(named: "counted")
      try await client.withConnection { client in
        try await client.emit("count", 4, 1)
        let indexes = try await arrived.collect(3, timeout: wait).map { try $0.decode(Index.self).index }
        #expect(indexes == [0, 1, 3])
        #expect(try await lost.next(timeout: wait).event.decode(Index.self).index == 2)
      }
    }
  }

  private struct Index: Decodable { var index: Int }
}
