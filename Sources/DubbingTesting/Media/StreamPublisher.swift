import Foundation

/// Publishes a fixture in real time, as an encoder would, without touching its packets.
public struct StreamPublisher: Sendable {
  /// The protocol over which a stream is published.
  public enum Transport: String, Sendable, Hashable, CaseIterable { case rtsp, rtmp }

  /// What is published.
  package var fixture: Fixture
  /// Where to.
  package var url: String
  /// Over which protocol; that of the URL.
  package var transport: Transport
  /// From the moment at which the media server has the path to the fixture's first packet, at least; more than 0.
  ///
  /// No media server replays what went by before a reader attached, and a worker that polls needs a moment for that.
  public var lead = Self.standardLead
  /// How many seconds of the fixture are published in a second.
  public var rate = 1.0
  /// Killed, without taking leave of the server, this long after its first packet.
  public var diesAfter: Duration?
  /// An ffmpeg expression in `n`: these video packets are not sent.
  public var droppedVideoPackets: String?

  /// What workers that poll once a second need.
  package static let standardLead = Duration.seconds(2)
  /// How long the publisher stays after the fixture: MediaMTX closes readers, with what waits in their queues, when it leaves.
  static let stay = Duration.milliseconds(500)

  /// A publisher that leaves nothing out and lives to its end.
  package init(fixture: Fixture, url: String, transport: Transport) {
    self.fixture = fixture
    self.url = url
    self.transport = transport
  }

  /// From the start of ``run()`` to the fixture's first packet.
  package var firstPacketAfter: Duration { leadInLength / rate }
  /// How long the fixture takes after that.
  var length: Duration { .seconds(fixture.duration) / rate }
  /// In the stream's own time.
  private var leadInLength: Duration { LeadIn.duration(of: lead * rate, endingAnalysis: transport == .rtmp) }

  /// Reads of the fixture what is laid before it, once in a process, so that ``run()`` begins at once.
  ///
  /// - Throws: ``DubbingError`` when ffmpeg cannot read or repack it.
  func prepare() async throws {
    _ = try await LeadIn.Parts(of: fixture, length: leadInLength, endingAnalysis: transport == .rtmp)
  }

  /// Returns when the whole fixture has been published.
  ///
  /// - Throws: ``DubbingError`` when ffmpeg ends with an error or does not end in time.
  package func run() async throws {
    let leadIn = try await LeadIn(fixture, lead: lead * rate, endingAnalysis: transport == .rtmp)
    defer { leadIn.remove() }
    let whole = firstPacketAfter + length + Self.stay
    let pace = ["-readrate", "\(rate)"]
    let lost = droppedVideoPackets.map { ",noise=drop='\($0)'" } ?? ""
    let input =
      leadIn.input + pace
      + ["-f", "lavfi", "-t", "\((whole * rate).seconds)", "-i", "anullsrc=r=8000:cl=mono:n=480"]
    let filters = ["-bsf:v", leadIn.videoFilter + lost, "-bsf:a", leadIn.audioFilter]
    // ffmpeg leaves no server before its last output ends. What it waits for comes in short frames: with anullsrc's own of 128 ms
    // the first sound of a late track left up to 60 ms later, and MediaMTX dates an RTSP track by that arrival.
    let staying = ["-map", "1", "-f", "null", "-"]
    let arguments =
      ["-hide_banner", "-loglevel", "warning", "-nostdin"] + pace + input + ["-map", "0", "-c", "copy"] + filters
      + format(leadIn) + [url] + staying
    if let diesAfter { return try await die(after: firstPacketAfter + diesAfter, arguments) }
    let timeout = whole + .seconds(30)
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: timeout)
    guard result.succeeded else {
      throw DubbingError(
        .publishingFailed, stream: url, reason: "publishing \(fixture.name) failed",
        evidence: ["ffmpeg    \(result.lastWords)"],
        next: "is the media server up? `make logs` shows its log")
    }
  }

  private func format(_ leadIn: LeadIn) -> [String] {
    guard transport == .rtsp else { return ["-f", "flv", "-flvflags", "no_duration_filesize"] }
    return leadIn.muxing + ["-f", "rtsp", "-rtsp_transport", "tcp"]
  }

  private func die(after time: Duration, _ arguments: [String]) async throws {
    do {
      _ = try await MediaTool.run("ffmpeg", arguments, timeout: time, ending: .killed)
    } catch let error as DubbingError where error.code == .programTimedOut {
      return
    }
    throw DubbingError(
      .publishingFailed, stream: url, reason: "publishing \(fixture.name) ended by itself before it could be killed",
      next: "kill it earlier than after \(time.text)")
  }
}
