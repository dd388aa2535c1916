import Foundation

/// Publishes a fixture in real time, as an encoder would, without touching its packets.
public struct StreamPublisher: Sendable {
  public enum Transport: String, Sendable, Hashable, CaseIterable { case rtsp, rtmp }

  public var fixture: Fixture
  public var url: String
  public var transport: Transport
  /// Killed, without taking leave of the server, after this time.
  public var diesAfter: Duration?
  /// An ffmpeg expression in `n`: these video packets are not sent.
  public var droppedVideoPackets: String?

  public init(fixture: Fixture, url: String, transport: Transport) {
    self.fixture = fixture
    self.url = url
    self.transport = transport
  }

  /// Returns when the whole fixture has been published.
  ///
  /// - Throws: ``StreamError`` when ffmpeg ends with an error or does not end in time.
  public func run() async throws {
    let format =
      transport == .rtsp
      ? ["-f", "rtsp", "-rtsp_transport", "tcp"] : ["-f", "flv", "-flvflags", "no_duration_filesize"]
    let filter = droppedVideoPackets.map { ["-bsf:v", "noise=drop='\($0)'"] } ?? []
    let arguments =
      ["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-i", fixture.media.path, "-map", "0", "-c", "copy"]
      + filter + format + [url]
    if let diesAfter { return try await die(after: diesAfter, arguments) }
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: .seconds(fixture.duration + 30))
    guard result.succeeded else {
      throw StreamError(
        stream: url, reason: "publishing \(fixture.name) failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "is the media server up? `make logs` shows its log")
    }
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
      "-hide_banner", "-loglevel", "warning", "-nostdin", "-y", "-rw_timeout", "60000000", "-probesize", "200000",
      "-analyzeduration", "1000000", "-i", url, "-map", "0", "-c", "copy", "-f", "flv", file.path,
    ]
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: timeout)
    guard result.succeeded else {
      throw StreamError(
        stream: url, reason: "recording failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "play \(url) by hand while a stream runs")
    }
  }
}
