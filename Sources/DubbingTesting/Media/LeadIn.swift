import Foundation

/// What a publisher sends before a fixture, so that the media server has the path and its readers, and nobody misses a thing.
///
/// The first packet of each track is laid before the fixture, seconds earlier: ffmpeg connects, its clock runs, and a filter leaves
/// these packets out. Over RTMP one of them stays: MediaMTX has no path for such a publisher before a message is stamped 2 s after
/// the first (gortmplib's `analyzePeriod`), and of what came before nobody can hear.
struct LeadIn: Sendable {
  /// ffmpeg's options for input and bitstream filters.
  let input: [String]
  let videoFilter: String
  let audioFilter: String
  private let files: [URL]
  private static let margin = Duration.milliseconds(250)

  /// - Parameter analysis: how long the server looks at a stream before it has the path; nil: it does not.
  /// - Throws: ``StreamError`` when ffmpeg cannot repack the fixture, and what writing to the temporary folder throws.
  init(_ fixture: Fixture, analysis: Duration?, lead: Duration) async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "publisher-\(UUID().uuidString)")
    let first = path.appendingPathExtension("mp4")
    let list = path.appendingPathExtension("ffconcat")
    files = [first, list]
    // A sound begins with its codec's delay, so the packet that ends the analysis comes a little later than it need.
    let earlier = analysis.map { [$0 + Self.margin, lead - Self.margin] } ?? [lead]
    // By number, since ffmpeg 5.1 gives these filters times in one unit and `tb` of another.
    let all = "noise=drop='lt(n,\(earlier.count))'"
    let allButOne = "noise=drop='lt(n,\(earlier.count - 1))'"
    let hasAudio = fixture.audio != nil
    videoFilter = analysis == nil || hasAudio ? all : allButOne
    audioFilter = analysis == nil ? all : allButOne
    input = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", list.path]

    let onlyFirst = "noise=drop='gt(n,0)'"
    let result = try await MediaTool.run(
      "ffmpeg",
      [
        "-v", "error", "-nostdin", "-y", "-i", fixture.media.path, "-map", "0", "-c", "copy", "-bsf:v", onlyFirst,
        "-bsf:a", onlyFirst, first.path,
      ], timeout: .seconds(60))
    guard result.succeeded else {
      remove()
      throw StreamError(
        stream: fixture.name, reason: "the fixture's first packets cannot be copied",
        evidence: ["ffmpeg    \(result.lastWords)"], next: "use codecs that MP4 can hold, such as H.264 and AAC")
    }
    let lines =
      ["ffconcat version 1.0"] + earlier.flatMap { ["file \(first.path.quoted)", "duration \($0.seconds)"] }
      + ["file \(fixture.media.path.quoted)", ""]
    try Data(lines.joined(separator: "\n").utf8).write(to: list)
  }

  func remove() {
    for file in files { try? FileManager.default.removeItem(at: file) }
  }
}

extension String {
  /// As ffmpeg reads it in a list of files.
  fileprivate var quoted: String { "'" + replacing("'", with: #"'\''"#) + "'" }
}
