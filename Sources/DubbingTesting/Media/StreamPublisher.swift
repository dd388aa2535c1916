import Foundation

/// Publishes a fixture in real time, as an encoder would, without touching its packets.
public struct StreamPublisher: Sendable {
  public enum Transport: String, Sendable, Hashable, CaseIterable { case rtsp, rtmp }

  public var fixture: Fixture
  public var url: String
  public var transport: Transport

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
    let arguments =
      ["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-i", fixture.media.path, "-map", "0", "-c", "copy"]
      + format + [url]
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: .seconds(fixture.duration + 30))
    guard result.succeeded else {
      throw StreamError(
        stream: url, reason: "publishing \(fixture.name) failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "is the media server up? `make logs` shows its log")
    }
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
      "-hide_banner", "-loglevel", "warning", "-nostdin", "-y", "-rw_timeout", "20000000", "-probesize", "200000",
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
