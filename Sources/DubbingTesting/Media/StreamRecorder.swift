import Foundation

/// Records a published stream to a file while it runs, without touching its packets.
package struct StreamRecorder: Sendable {
  /// What is played.
  package var url: String
  /// Where it is kept, as FLV.
  package var file: URL

  /// Returns when the publisher has ended the stream.
  ///
  /// - Throws: ``DubbingError`` when nothing could be recorded, or the stream does not end in time.
  package func run(timeout: Duration) async throws {
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
      throw DubbingError(
        .recordingFailed, stream: url, reason: "recording failed", evidence: ["ffmpeg    \(result.lastWords)"],
        next: "play \(url) by hand while a stream runs")
    }
  }
}
