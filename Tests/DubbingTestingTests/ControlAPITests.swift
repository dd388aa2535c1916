import ComposeKit
import DubbingTesting
import Foundation
import Synchronization
import Testing

@Suite("Media servers of several kinds", .kind(.logic))
struct ControlAPITests {
  private typealias Path = ControlAPI.Path

  /// What servers answer, in the form of MediaMTX's API reference.
  private static let answers: [(server: String, item: String, isReady: Bool, tracks: [String])] = [
    (
      "this package's relay",
      #"""
      {"name": "live/a/in", "confName": "all_others", "source": {"type": "rtspSession", "id": "5"}, "ready": true,
       "readyTime": "2026-11-25T20:00:00.000Z", "tracks": ["H264", "MPEG-4 Audio"], "bytesReceived": 10, "bytesSent": 0, "readers": []}
      """#, true, ["H264", "MPEG-4 Audio"]
    ),
    (
      "MediaMTX 1.9, publisher there",
      #"""
      {"name": "live/a/in", "confName": "all_others", "source": {"type": "rtmpConn", "id": "0a1b"}, "ready": true,
       "readyTime": "2026-11-25T20:00:00.123456789Z", "tracks": ["H264", "MPEG-4 Audio"], "bytesReceived": 10, "bytesSent": 5,
       "readers": [{"type": "rtmpConn", "id": "77"}]}
      """#, true, ["H264", "MPEG-4 Audio"]
    ),
    (
      "MediaMTX 1.9, a reader waits and nobody publishes",
      #"""
      {"name": "live/a/in", "confName": "all_others", "source": null, "ready": false, "readyTime": null, "tracks": [],
       "bytesReceived": 0, "bytesSent": 0, "readers": [{"type": "rtspSession", "id": "1"}]}
      """#, false, []
    ),
    (
      "newer MediaMTX: ready is deprecated beside available and online",
      #"""
      {"name": "live/a/in", "confName": "all_others", "source": {"type": "rtspSession", "id": "9"}, "ready": true, "readyTime": "t",
       "available": true, "availableTime": "t", "online": true, "onlineTime": "t", "tracks": ["H264"], "readers": []}
      """#, true, ["H264"]
    ),
    (
      "a server that no longer says ready",
      #"{"name": "live/a/in", "source": {"type": "rtspSession", "id": "9"}, "available": true, "online": true, "readers": []}"#,
      true, []
    ),
    (
      "a server that no longer says ready, nobody publishes",
      #"{"name": "live/a/in", "source": null, "available": false, "online": false}"#, false, []
    ),
  ]

  @Test("Relay, older and newer MediaMTX say alike what is ready", arguments: Self.answers.indices)
  func forms(index: Int) async throws {
    let answer = Self.answers[index]
    let document = #"{"itemCount": 1, "pageCount": 1, "items": [\#(answer.item)]}"#
    let paths = try await ControlAPI.paths { _ in Data(document.utf8) }
    #expect(paths.map(\.name) == ["live/a/in"], "\(answer.server)")
    #expect(paths.map(\.isReady) == [answer.isReady], "\(answer.server)")
    #expect(paths.map(\.tracks) == [answer.tracks], "\(answer.server)")
    #expect(paths.map(\.readers) == [answer.item.contains(#""readers": [{"#) ? 1 : 0], "\(answer.server)")
  }

  @Test("All pages are read, one after the other, and no more than there are")
  func pages() async throws {
    var asked: [Int] = []
    let paths = try await ControlAPI.paths { page in
      asked.append(page)
      return Data(#"{"itemCount": 3, "pageCount": 3, "items": [{"name": "p\#(page)", "ready": true}]}"#.utf8)
    }
    #expect(asked == [0, 1, 2])
    #expect(paths.map(\.name) == ["p0", "p1", "p2"])
  }

  @Test("No path at all is no page: MediaMTX says pageCount 0", arguments: [#""pageCount": 0, "#, ""])
  func empty(pageCount: String) async throws {
    let paths = try await ControlAPI.paths { _ in Data(#"{"itemCount": 0, \#(pageCount)"items": []}"#.utf8) }
    #expect(paths == [])
  }

  @Test("A page without paths ends the reading, whatever the server counts")
  func emptyPage() async throws {
    var asked = 0
    _ = try await ControlAPI.paths { _ in
      asked += 1
      return Data(#"{"itemCount": 1, "pageCount": 1000, "items": []}"#.utf8)
    }
    #expect(asked == 1)
  }

  @Test("Who waits for a path beside others asks with them, and hears what is new one interval later")
  func together() async throws {
    let (recent, start) = (RecentPaths(), ContinuousClock.now)
    let asked = Mutex(0)
    let (one, other) = (Endpoint(host: "127.0.0.1", port: 9997), Endpoint(host: "127.0.0.1", port: 9998))
    func count(_ server: Endpoint, _ milliseconds: Int) async throws -> Int {
      try await recent.paths(of: server, at: start + .milliseconds(milliseconds)) {
        let number = asked.withLock {
          $0 += 1
          return $0
        }
        return try await ControlAPI.paths { _ in
          Data(#"{"items": [\#(Array(repeating: #"{"name": "p"}"#, count: number).joined(separator: ","))]}"#.utf8)
        }
      }.count
    }
    for (server, time, heard) in [(one, 0, 1), (one, 0, 1), (one, 30, 1), (other, 30, 2), (one, 50, 3), (other, 50, 2)]
    {
      #expect(try await count(server, time) == heard, "\(server) after \(time) ms")
    }
    #expect(asked.withLock { $0 } == 3)
  }

  @Test(
    "What ffprobe says of a stream that nobody publishes tells a server that speaks RTMP from one that does not",
    arguments: [
      // ffmpeg 5.1's words: this package's relay, newer MediaMTX, and a server that says Play.Start and closes, as older ones do.
      ("[rtmp @ 0x1] Server error: NetStream.Play.StreamNotFound\nrtmp://h/a: Operation not permitted", true),
      ("[rtmp @ 0x1] Server error: NetStream.Play.Failed\nrtmp://h/a: Operation not permitted", true),
      ("rtmp://h/a: Input/output error", true),
      // Nobody listens; somebody closes at once, as docker's proxy does; a web server.
      ("[rtmp @ 0x1] Cannot open connection tcp://h?tcp_nodelay=0\nrtmp://h/a: Connection refused", false),
      ("[rtmp @ 0x1] Cannot read RTMP handshake response\nrtmp://h/a: Connection reset by peer", false),
      ("[rtmp @ 0x1] Cannot read RTMP handshake response\nrtmp://h/a: Input/output error", false),
      ("[rtmp @ 0x1] Server response validating failed\nrtmp://h/a: Input/output error", false),
    ])
  func refusals(words: String, isServer: Bool) {
    #expect(DualStackEnvironment.refusesInRTMP(words) == isServer)
  }
}
