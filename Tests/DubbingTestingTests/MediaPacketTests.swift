import DubbingTesting
import Foundation
import Testing

@Suite("Packets of a track", .kind(.computing))
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
    try await MediaTool.make(["-i", fixture.media.path, "-map", "0:v", "-c", "copy"] + options + [url.path])
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

  @Test(
    "Over RTMP one packet is sent when the server's analysis may end, and the whole fixture after the lead",
    arguments: ["counting-brief", "counting-b-frames", "counting-late", "counting-no-video"])
  func leadOverRTMP(name: String) async throws {
    let fixture = try Fixture.named(name)
    let sent = try await sent(fixture, endingAnalysis: true)
    try await expect(sent.pictures, of: fixture, "v:0", after: sent.lead)
    let early = try #require(sent.sounds.first?.pts)
    #expect(2.1...2.6 ~= early, "behind the 2 s that the server looks at the stream")
    try await expect(Array(sent.sounds.dropFirst()), of: fixture, "a:0", after: sent.lead)
  }

  @Test(
    "Over RTSP the fixture comes after the lead, whole but for a codec's delay",
    arguments: [("counting-b-frames", 1), ("counting-late", 0), ("counting-no-video", 0)])
  func leadOverRTSP(name: String, leftOut: Int) async throws {
    let fixture = try Fixture.named(name)
    let sent = try await sent(fixture, endingAnalysis: false)
    try await expect(sent.pictures, of: fixture, "v:0", after: sent.lead)
    try await expect(sent.sounds, of: fixture, "a:0", leftOut: leftOut, after: sent.lead)
  }

  /// What a publisher would send, and the seconds before the fixture's first packet.
  private func sent(
    _ fixture: Fixture, endingAnalysis: Bool
  ) async throws -> (pictures: [MediaPacket], sounds: [MediaPacket], lead: Double) {
    let leadIn = try await LeadIn(fixture, lead: .seconds(2), endingAnalysis: endingAnalysis)
    defer { leadIn.remove() }
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).mkv")
    defer { try? FileManager.default.removeItem(at: file) }
    try await MediaTool.make(
      leadIn.input + [
        "-map", "0", "-c", "copy", "-bsf:v", leadIn.videoFilter, "-bsf:a", leadIn.audioFilter, file.path,
      ])
    return (
      try await MediaInfo.packets(of: file.path, track: "v:0"),
      try await MediaInfo.packets(of: file.path, track: "a:0"),
      leadIn.duration.seconds
    )
  }

  private func expect(
    _ sent: [MediaPacket], of fixture: Fixture, _ track: String, leftOut: Int = 0, after lead: Double
  ) async throws {
    let own = try await MediaInfo.packets(of: fixture.media.path, track: track).dropFirst(leftOut)
    #expect(sent.map(\.hash) == own.map(\.hash))
    for (sent, own) in zip(sent, own) { #expect(abs((sent.pts ?? 0) - (own.pts ?? 0) - lead) < 0.002) }
  }

  @Test(
    "That packet is sent when it is due, not when the first picture is", arguments: ["counting-brief", "counting-late"]
  )
  func leadInTime(name: String) async throws {
    let fixture = try Fixture.named(name)
    let leadIn = try await LeadIn(fixture, lead: .seconds(2), endingAnalysis: true)
    defer { leadIn.remove() }
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).txt")
    defer { try? FileManager.default.removeItem(at: file) }
    let arguments =
      ["-v", "error", "-nostdin", "-re"] + leadIn.input + [
        "-map", "0", "-c", "copy", "-bsf:v", leadIn.videoFilter, "-bsf:a", leadIn.audioFilter, "-flush_packets", "1",
        "-f", "framehash", "-hash", "md5", file.path,
      ]
    @Sendable func sent() -> [Substring] {
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      return text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    }
    // Cancelled at the end of this test, and so killed.
    async let _ = MediaTool.run("ffmpeg", arguments, timeout: .seconds(600), ending: .killed)
    try await withDeadline(.seconds(60), orThrow: DubbingError(.programTimedOut, "ffmpeg sent nothing in 60 s")) {
      while sent().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
    }
    // It is due more than two seconds before the fixture: what came with it would be there by now.
    try await Task.sleep(for: .seconds(1))
    #expect(sent().count == 1, "\(sent())")
  }
}
