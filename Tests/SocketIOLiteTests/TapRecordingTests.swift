import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Synchronization
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@Suite("A tap's recording in memory and file", .kind(.programs))
struct TapRecordingTests {
  private func record(_ number: Int) throws -> TapRecord {
    let event = try SocketIOEvent(
      name: number % 3 == 0 ? "" : "event", namespace: number % 2 == 0 ? "/" : "/sts",
      arguments: [
        number, Data(repeating: UInt8(number % 256), count: number % 5 * 100 + (number % 100 == 70 ? 90_000 : 0)),
      ],
      ackID: number % 4 == 0 ? number : nil)
    return TapRecord(
      direction: number % 2 == 0 ? .toServer : .toClient, kind: number % 7 == 0 ? .acknowledgement : .event,
      connection: number, session: number % 2 == 0 ? "s" : nil, event: event,
      faults: number % 5 == 0 ? ["a", "bé"] : [])
  }

  @Test("What is more than fits in memory is read back from the file as it was, in order")
  func spill() throws {
    try withFolder { folder in
      let recorder = TapRecorder(maxBytes: 100_000_000, maxMemoryBytes: 100_000, spillFolder: folder.path)
      let records = try (0..<1_500).map(record)
      for record in records {
        recorder.record(record)
        #expect(recorder.sizes.memory <= 100_000)
      }
      #expect(recorder.sizes.file > 300_000)
      // It has no name: nothing can be left behind.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      let read = recorder.records
      #expect(read.count == records.count)
      for (was, now) in zip(records, read) {
        #expect(now.jsonLine(shorteningTo: nil) == was.jsonLine(shorteningTo: nil))
        #expect(now.time == was.time && now.date == was.date)
      }
      #expect(recorder.anomalies.isEmpty)
    }
  }

  @Test("Where no file can be made the newest are kept, and it is said once")
  func noFolder() throws {
    let recorder = TapRecorder(maxBytes: 100_000_000, maxMemoryBytes: 10_000, spillFolder: "/nonexistent")
    for number in 0..<500 { recorder.record(try record(number)) }
    #expect(recorder.records.last?.connection == 499 && recorder.records.count < 100)
    #expect(recorder.anomalies.count == 1 && recorder.anomalies[0].message.contains("/nonexistent"))
  }

  @Test("A record keeps no more memory than it needs, however large the read was that it came in")
  func ownMemory() throws {
    let fixture = TapFlowTests.Fixture()
    var read = ByteBufferAllocator().buffer(capacity: 65_536)
    read.writeImmutableBuffer(TapFlowTests.text(#"42["a",1]"#))
    fixture.receive(read)
    #expect(try #require(fixture.recorder.records.first).event.array.storageCapacity < 200)
  }

  @Test("Long events stay where they were read, and short ones among them keep none of it")
  func sharedMemory() throws {
    let fixture = TapFlowTests.Fixture()
    let long = String(repeating: "x", count: 64_000)
    var read = ByteBufferAllocator().buffer(capacity: 1 << 20)
    for _ in 0..<10 {
      read.writeImmutableBuffer(TapFlowTests.text(#"42["a","\#(long)"]"#))
      read.writeImmutableBuffer(TapFlowTests.text(#"42["b",1]"#))
    }
    fixture.receive(read)
    let events = fixture.recorder.records.map(\.event)
    #expect(events.count == 20)
    #expect(events.allSatisfy { $0.name == "a" || $0.array.storageCapacity < 200 })
    #expect(events.allSatisfy { $0.name == "b" || $0.array.storageCapacity == read.storageCapacity })
    #expect(events.allSatisfy { $0.name == "b" || $0.payloadText == "[\"\(long)\"]" })
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sio-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}

@Suite("A tap and an upstream that comes and goes", .kind(.programs), .peer("server.py"))
struct TapUpstreamTests {
  @Test("An upstream that is not set yet, and one that refuses, are asked for again")
  func retry() async throws {
    let url = Peer.url
    let asked = Mutex(0)
    let listener = TapListener()
    let port = try await listener.listen(
      .loopback,
      TapConnection.Environment(
        recorder: TapRecorder(maxBytes: 0), faults: FaultEngine(), limits: .init(), connectTimeout: .seconds(60),
        tls: .system,
        upstream: {
          asked.withLock {
            $0 += 1
            // Port 1 of this machine is nobody's.
            return $0 == 1 ? nil : $0 == 2 ? "http://127.0.0.1:1" : url
          }
        }))
    let (text, _) = try await URLSession.shared.data(from: #require(URL(string: "http://127.0.0.1:\(port)/health")))
    #expect(String(decoding: text, as: UTF8.self).hasPrefix("fine"))
    #expect(asked.withLock { $0 } == 3)
    await listener.close()
  }
}
