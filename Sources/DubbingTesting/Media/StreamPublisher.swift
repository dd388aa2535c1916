import Foundation

/// Publishes a fixture in real time, as an encoder would, without touching its packets.
public struct StreamPublisher: Sendable {
  public enum Transport: String, Sendable, Hashable, CaseIterable { case rtsp, rtmp }

  public var fixture: Fixture
  public var url: String
  public var transport: Transport
  /// From the moment at which the media server has the path to the fixture's first packet; whole seconds over RTMP.
  ///
  /// No media server replays what went by before a reader attached, and a worker that polls needs a moment for that.
  public var lead = Self.standardLead
  /// Killed, without taking leave of the server, this long after its first packet.
  public var diesAfter: Duration?
  /// An ffmpeg expression in `n`: these video packets are not sent.
  public var droppedVideoPackets: String?

  public static let standardLead = Duration.seconds(2)
  /// MediaMTX has no path for an RTMP publisher before 2 s of its stream time have gone by (gortmplib's `analyzePeriod`).
  static let analysis = Duration.seconds(2)

  public init(fixture: Fixture, url: String, transport: Transport) {
    self.fixture = fixture
    self.url = url
    self.transport = transport
  }

  /// From the start of ``run()`` to the fixture's first packet.
  public var firstPacketAfter: Duration { transport == .rtmp ? Self.analysis + lead : lead }

  /// Returns when the whole fixture has been published.
  ///
  /// - Throws: ``StreamError`` when ffmpeg ends with an error or does not end in time.
  public func run() async throws {
    let list = transport == .rtmp ? try leadIn() : nil
    defer { if let list { try? FileManager.default.removeItem(at: list) } }
    let arguments =
      ["-hide_banner", "-loglevel", "warning", "-nostdin", "-re"] + input(list) + ["-map", "0", "-c", "copy"] + filters
      + format + [url]
    if let diesAfter { return try await die(after: firstPacketAfter + diesAfter, arguments) }
    let timeout = firstPacketAfter + .seconds(fixture.duration + 30)
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: timeout)
    guard result.succeeded else {
      throw StreamError(
        stream: url, reason: "publishing \(fixture.name) failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "is the media server up? `make logs` shows its log")
    }
  }

  /// Over RTSP a path is there as soon as it is announced: nothing is sent until the lead is over.
  private func input(_ list: URL?) -> [String] {
    guard let list else { return ["-itsoffset", "\(lead.seconds)", "-i", fixture.media.path] }
    return ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", list.path]
  }

  private var format: [String] {
    guard transport == .rtsp else { return ["-f", "flv", "-flvflags", "no_duration_filesize"] }
    // MediaMTX dates each track by the arrival of its first packet. With ffmpeg's own settings up to 33 AAC frames wait for
    // one RTP packet (0.7 s), and a picture waits for a sound that begins later.
    return ["-muxdelay", "0.03", "-max_interleave_delta", "30000", "-f", "rtsp", "-rtsp_transport", "tcp"]
  }

  private var filters: [String] {
    let lost = droppedVideoPackets.map { ["noise=drop='\($0)'"] } ?? []
    guard transport == .rtmp else { return lost.isEmpty ? [] : ["-bsf:v", lost[0]] }
    let start = firstPacketAfter.seconds - 0.5
    let before = "lt(pts*tb,\(start))"
    // One packet that nobody can hear yet ends the server's analysis.
    let counted = "st(0,ld(0)+between(pts*tb,\(Self.analysis.seconds),\(start)))"
    let allButOne = "noise=drop='\(before)*(lt(pts*tb,\(Self.analysis.seconds))+gt(\(counted),1))'"
    let all = "noise=drop='\(before)'"
    let (video, audio) = fixture.audio == nil ? (allButOne, all) : (all, allButOne)
    return ["-bsf:v", ([video] + lost).joined(separator: ","), "-bsf:a", audio]
  }

  /// Over RTMP the beginning of the fixture is laid before it twice, of which ``filters`` leaves a single packet.
  private func leadIn() throws -> URL {
    let name = fixture.media.path.replacing("'", with: "'\\''")
    let text = """
      ffconcat version 1.0
      file '\(name)'
      outpoint 0.1
      duration \(Self.analysis.seconds)
      file '\(name)'
      outpoint 1.2
      duration \(lead.seconds)
      file '\(name)'

      """
    let list = FileManager.default.temporaryDirectory.appending(path: "publisher-\(UUID().uuidString).ffconcat")
    try Data(text.utf8).write(to: list)
    return list
  }

  private func die(after time: Duration, _ arguments: [String]) async throws {
    do {
      _ = try await MediaTool.run("ffmpeg", arguments, timeout: time, ending: .killed)
    } catch is MediaToolError {
      return
    }
    throw StreamError(
      stream: url, reason: "publishing \(fixture.name) ended by itself before it could be killed",
      next: "kill it earlier than after \(time.text)")
  }
}

/// Records a published stream to a file while it runs, without touching its packets.
public struct StreamRecorder: Sendable {
  public var url: String
  public var file: URL

  public init(url: String, file: URL) {
    self.url = url
    self.file = file
  }

  /// Returns when the publisher has ended the stream.
  ///
  /// - Throws: ``StreamError`` when nothing could be recorded, or the stream does not end in time.
  public func run(timeout: Duration) async throws {
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let arguments = [
      "-hide_banner", "-loglevel", "warning", "-nostdin", "-y", "-rw_timeout", "60000000",
      // MediaMTX sends no width and height: they come with the first key picture, which may be a whole GOP away.
      "-probesize", "20000000", "-analyzeduration", "20000000", "-fpsprobesize", "0",
      "-i", url, "-map", "0", "-c", "copy",
      // ffmpeg writes nothing until 256 KiB are muxed: a recorder that is killed before would leave an empty file.
      "-flush_packets", "1", "-f", "flv", file.path,
    ]
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: timeout)
    guard result.succeeded else {
      throw StreamError(
        stream: url, reason: "recording failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "play \(url) by hand while a stream runs")
    }
  }
}
