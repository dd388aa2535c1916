import Foundation
import Testing

@testable import DubbingTesting

@Suite("Packets of a track", .serialized)
struct MediaPacketTests {
  /// What a media server may do to a picture's packet without touching the picture.
  private static let repackings: [(what: String, file: String, options: [String])] = [
    ("parameter sets before each key picture", "a.ts", ["-bsf:v", "h264_mp4toannexb,dump_extra=freq=keyframe"]),
    ("access unit delimiters", "b.mp4", ["-bsf:v", "h264_metadata=aud=insert"]),
    (
      "SEI", "c.mp4", ["-bsf:v", "h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+hello"]
    ),
    ("another container, with start codes", "d.ts", ["-muxdelay", "0"]),
    ("RTMP's container", "e.flv", []),
  ]

  private func hashes(_ path: String) async throws -> [String] {
    try await MediaInfo.packets(of: path, track: "v:0").map(\.hash)
  }

  private func repacked(_ fixture: Fixture, _ file: String, _ options: [String]) async throws -> URL {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString)-\(file)")
    let arguments = ["-v", "error", "-nostdin", "-y", "-i", fixture.media.path, "-map", "0:v", "-c", "copy"]
    let result = try await MediaTool.run("ffmpeg", arguments + options + [url.path], timeout: .seconds(30))
    try #require(result.succeeded, "\(result.lastWords)")
    return url
  }

  @Test("A picture is recognised whatever a server lays beside it", arguments: Self.repackings.indices)
  func repackedPictures(index: Int) async throws {
    let fixture = try Fixture.named("counting-b-frames")
    let file = try await repacked(fixture, Self.repackings[index].file, Self.repackings[index].options)
    defer { try? FileManager.default.removeItem(at: file) }
    let wanted = try await hashes(fixture.media.path)
    #expect(wanted.count == 360 && Set(wanted).count > 300)
    #expect(try await hashes(file.path) == wanted, "\(Self.repackings[index].what)")
  }

  @Test("A picture with changed bytes is another picture")
  func changedPicture() async throws {
    let fixture = try Fixture.named("counting-b-frames")
    let file = try await repacked(fixture, "x.mp4", ["-bsf:v", "noise=amount='if(eq(n,100),200,0)'"])
    defer { try? FileManager.default.removeItem(at: file) }
    let pairs = zip(try await hashes(fixture.media.path), try await hashes(file.path))
    #expect(pairs.count { $0 != $1 } == 1)
  }

  @Test("A track that is not there has no packets, and the other one has")
  func missingTrack() async throws {
    let path = try Fixture.named("counting-no-video").media.path
    #expect(try await MediaInfo.packets(of: path, track: "v:0") == [])
    #expect(try await MediaInfo.packets(of: path, track: "a:0").count > 500)
  }

  @Test("Over RTMP a publisher sends one packet when the server's analysis may end, and the whole fixture after its lead")
  func leadOverRTMP() async throws {
    let fixture = try Fixture.named("counting-brief")
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).flv")
    defer { try? FileManager.default.removeItem(at: file) }
    let publisher = StreamPublisher(fixture: fixture, url: file.path, transport: .rtmp)
    let clock = ContinuousClock()
    let started = clock.now
    try await publisher.run()
    #expect(started.duration(to: clock.now) > publisher.firstPacketAfter + .seconds(fixture.duration - 0.2))

    let pictures = try await MediaInfo.packets(of: file.path, track: "v:0")
    #expect(pictures.map(\.hash) == (try await hashes(fixture.media.path)))
    #expect(abs((pictures.first?.pts ?? 0) - publisher.firstPacketAfter.seconds) < 0.001)

    let sounds = try await MediaInfo.packets(of: file.path, track: "a:0")
    let wanted = try await MediaInfo.packets(of: fixture.media.path, track: "a:0")
    let early = sounds.filter { ($0.pts ?? 0) < publisher.firstPacketAfter.seconds - 0.1 }
    #expect(early.count == 1 && (early.first?.pts ?? 0) >= StreamPublisher.analysis.seconds, "\(early)")
    #expect(sounds.dropFirst().map(\.hash) == wanted.map(\.hash))
  }
}
