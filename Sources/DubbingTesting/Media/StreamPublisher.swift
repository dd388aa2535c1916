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
    let lead = transport == .rtmp ? try await LeadIn(fixture, analysis: Self.analysis, lead: lead) : nil
    defer { lead?.remove() }
    let arguments =
      ["-hide_banner", "-loglevel", "warning", "-nostdin", "-re"] + input(lead) + ["-map", "0", "-c", "copy"]
      + filters(lead) + format + [url]
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
  private func input(_ lead: LeadIn?) -> [String] {
    lead?.input ?? ["-itsoffset", "\(self.lead.seconds)", "-i", fixture.media.path]
  }

  private var format: [String] {
    guard transport == .rtsp else { return ["-f", "flv", "-flvflags", "no_duration_filesize"] }
    // MediaMTX dates each track by the arrival of its first packet. With ffmpeg's own settings up to 33 AAC frames wait for
    // one RTP packet (0.7 s), and a picture waits for a sound that begins later.
    return ["-muxdelay", "0.03", "-max_interleave_delta", "30000", "-f", "rtsp", "-rtsp_transport", "tcp"]
  }

  private func filters(_ lead: LeadIn?) -> [String] {
    let video = (lead.map { [$0.videoFilter] } ?? []) + (droppedVideoPackets.map { ["noise=drop='\($0)'"] } ?? [])
    return (video.isEmpty ? [] : ["-bsf:v", video.joined(separator: ",")])
      + (lead.map { ["-bsf:a", $0.audioFilter] } ?? [])
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
