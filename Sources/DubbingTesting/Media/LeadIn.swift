import Foundation

/// What a publisher sends over RTMP before a fixture, so that the media server has the path, and nobody has missed a thing.
///
/// MediaMTX has no path for an RTMP publisher before a message is stamped 2 s after the first. So the beginning of the fixture is laid
/// before it twice, of which filters leave a single packet: it ends the server's analysis when nobody can be listening yet.
struct LeadIn: Sendable {
  private let list: URL
  private let copy: URL
  /// Seconds to the end of the analysis and to the fixture's first packet.
  private let analysis: Double
  private let start: Double
  private let hasAudio: Bool

  /// - Throws: ``StreamError`` when ffmpeg cannot repack the fixture.
  init(_ fixture: Fixture, analysis: Duration, lead: Duration) async throws {
    self.analysis = analysis.seconds
    start = (analysis + lead).seconds
    hasAudio = fixture.audio != nil
    let folder = FileManager.default.temporaryDirectory
    let name = "publisher-\(UUID().uuidString)"
    list = folder.appending(path: name + ".ffconcat")
    copy = folder.appending(path: name + ".flv")
    // ffmpeg 5.1 gives a bitstream filter times in the output's unit and, as `tb`, the input's: only where both are FLV's
    // milliseconds do they belong together.
    let result = try await MediaTool.run(
      "ffmpeg",
      [
        "-v", "error", "-nostdin", "-y", "-i", fixture.media.path, "-map", "0", "-c", "copy", "-f", "flv", "-flvflags",
        "no_duration_filesize", copy.path,
      ], timeout: .seconds(30))
    guard result.succeeded else {
      remove()
      throw StreamError(
        stream: fixture.name, reason: "the fixture cannot be published over RTMP",
        evidence: ["ffmpeg    \(result.lastWords)"], next: "publish it over RTSP, or with other codecs: FLV must hold them")
    }
    let quoted = copy.path.replacing("'", with: "'\\''")
    let text = """
      ffconcat version 1.0
      file '\(quoted)'
      outpoint 0.1
      duration \(analysis.seconds)
      file '\(quoted)'
      outpoint 1.2
      duration \(lead.seconds)
      file '\(quoted)'

      """
    try Data(text.utf8).write(to: list)
  }

  var input: [String] { ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", list.path] }

  var videoFilter: String { hasAudio ? nothing : onePacket }
  var audioFilter: String { hasAudio ? onePacket : nothing }

  /// Half a second before the fixture's first packet: pictures are decoded before they are shown.
  private var end: Double { start - 0.5 }
  private var nothing: String { "noise=drop='lt(pts*tb,\(end))'" }
  private var onePacket: String {
    let counted = "st(0,ld(0)+between(pts*tb,\(analysis),\(end)))"
    return "noise=drop='lt(pts*tb,\(end))*(lt(pts*tb,\(analysis))+gt(\(counted),1))'"
  }

  func remove() {
    for file in [list, copy] { try? FileManager.default.removeItem(at: file) }
  }
}
