import ComposeTesting
import Foundation
import SocketIOLite
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@Suite("Whose connections a tap takes", .kind(.logic))
struct TapPeersTests {
  /// The status of an answer; nil where the connection was closed without one.
  private func status(of tap: SocketIOTap) async throws -> Int? {
    let url = try #require(URL(string: tap.url))
    let request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: 60)
    let answer = try? await URLSession.shared.data(for: request)
    return (answer?.1 as? HTTPURLResponse)?.statusCode
  }

  @Test("A connection from an address that is not expected is closed before a byte of it is read, and is no anomaly")
  func refused() async throws {
    try await SocketIOTap.withTap(upstream: nil, listen: TapListen(hosts: ["127.0.0.1"], peers: ["10.0.0.2"])) { tap in
      for _ in 0..<2 {
        let status = try await status(of: tap)
        #expect(status == nil)
      }
      #expect(tap.refusedPeers() == ["127.0.0.1"])
      #expect(tap.records().isEmpty && tap.anomalies().isEmpty)
    }
  }

  @Test(
    "Those that are expected are taken, and everybody where nobody is named",
    arguments: [["127.0.0.1"], nil] as [Set<String>?])
  func taken(peers: Set<String>?) async throws {
    try await SocketIOTap.withTap(upstream: nil, listen: TapListen(hosts: ["127.0.0.1"], peers: peers)) { tap in
      // Nobody is behind the tap.
      let status = try await status(of: tap)
      #expect(status == 502)
      #expect(tap.refusedPeers() == [])
    }
  }
}
