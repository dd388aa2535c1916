import Foundation

/// What a publisher sends before a fixture, so that the media server has the path and its readers, and nobody misses a thing.
///
/// The first packet of each track is laid before the fixture, seconds earlier: ffmpeg connects, its clock runs, and a filter leaves
/// these packets out. Over RTMP one of them stays: MediaMTX has no path for such a publisher before a message is stamped 2 s after
/// the first (gortmplib's `analyzePeriod`), and of what came before nobody can hear.
package struct LeadIn: Sendable {
  /// From the first packet that ffmpeg reads to the first of the fixture.
  package let duration: Duration
  /// ffmpeg's options for input and bitstream filters.
  package let input: [String]
  package let videoFilter: String
  package let audioFilter: String
  /// ffmpeg's options for its muxer.
  let muxing: [String]
  private let files: [URL]

  /// How ffmpeg's RTSP muxer has to hold packets back so that the arrival of each track's first one dates sound and picture alike.
  ///
  /// - Parameter soundOffset: from the first picture to the first sound, in seconds.
  static func muxing(soundOffset: Double) -> [String] {
    // With ffmpeg's own delay of 0.7 s up to 33 AAC frames wait for one RTP packet; with 10 ms a frame waits for the next one.
    guard soundOffset > 0.1 else { return ["-muxdelay", "0.01"] }
    // A picture need not wait for a sound that begins later, or both would be dated alike. It waits for the next picture still,
    // so the sound waits for one frame more.
    return ["-max_interleave_delta", "30000", "-muxdelay", "0.03"]
  }

  /// How long a lead takes: over RTMP in two halves, of which the first outlasts the server's analysis, and whole seconds together.
  static func duration(of lead: Duration, endingAnalysis: Bool) -> Duration {
    endingAnalysis ? .seconds(max(5, (2 * lead.seconds).rounded(.up))) : lead
  }

  /// - Parameter endingAnalysis: whether one packet is sent half-way.
  /// - Throws: ``DubbingError`` when ffmpeg cannot repack the fixture, and what writing to the temporary folder throws.
  package init(_ fixture: Fixture, lead: Duration, endingAnalysis: Bool) async throws {
    duration = Self.duration(of: lead, endingAnalysis: endingAnalysis)
    let path = FileManager.default.temporaryDirectory.appending(path: "publisher-\(UUID().uuidString)")
    let first = path.appendingPathExtension("mp4")
    let early = path.appendingPathExtension("early.mp4")
    let list = path.appendingPathExtension("ffconcat")
    files = [first, early, list]
    input = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", list.path]
    let parts = try await Parts(of: fixture, length: duration, endingAnalysis: endingAnalysis)
    // By number, since ffmpeg 5.1 gives these filters times in one unit and `tb` of another.
    let notFirst = "noise=drop='eq(n,0)'"
    videoFilter = endingAnalysis && Parts.areBoth(in: fixture) ? "noise=drop='eq(n,0)+eq(n,2)'" : notFirst
    // MediaMTX dates an RTSP publisher's tracks by the arrival of each one's first packet. ffmpeg sends an AAC frame when it has
    // the next, so the codec's delay, a frame of silence before the first picture, would make all sound 40 ms late.
    audioFilter = !endingAnalysis && parts.soundOffset < 0 ? "noise=drop='lt(n,2)'" : notFirst
    muxing = endingAnalysis ? [] : Self.muxing(soundOffset: parts.soundOffset)

    do {
      try parts.first.write(to: first)
      var lines = ["ffconcat version 1.0"]
      if let halfWay = parts.halfWay {
        try halfWay.write(to: early)
        for file in [first, early] { lines += ["file \(file.path.quoted)", "duration \((duration / 2).seconds)"] }
      } else {
        lines += ["file \(first.path.quoted)", "duration \(duration.seconds)"]
      }
      lines += ["file \(fixture.media.path.quoted)", ""]
      try Data(lines.joined(separator: "\n").utf8).write(to: list)
    } catch {
      remove()
      throw error
    }
  }

  /// What a lead is made of: read of the fixture once in a process, and laid out anew for each stream.
  struct Parts {
    let first: Data
    /// What comes half-way where the server's analysis has to be ended.
    let halfWay: Data?
    /// From the first picture to the first sound, in seconds.
    let soundOffset: Double

    static func areBoth(in fixture: Fixture) -> Bool { fixture.audio != nil && fixture.video != nil }

    /// - Parameter length: of the whole lead.
    init(of fixture: Fixture, length: Duration, endingAnalysis: Bool) async throws {
      let media = await FixtureAnalysis.shared.media(of: fixture)
      // ffmpeg's muxer holds a packet back until the other track has one as well. So the fixture's first picture comes half a
      // lead early, with its own time, and is left out where it was.
      let early = FirstPackets(fixture, pictureAfter: Self.areBoth(in: fixture) ? length / 2 : .zero)
      async let first = media.copied(FirstPackets(fixture))
      async let halfWay = endingAnalysis ? media.copied(early) : nil
      soundOffset = try await media.soundOffset()
      self.first = try await first
      self.halfWay = try await halfWay
    }
  }

  /// The first packet of each track of a fixture: what is laid before it.
  struct FirstPackets: Hashable, Sendable {
    private var fixture: String
    private var hasVideo: Bool
    private var hasAudio: Bool
    private var pictureAfter: Duration

    init(_ fixture: Fixture, pictureAfter: Duration = .zero) {
      self.fixture = fixture.name
      (hasVideo, hasAudio) = (fixture.video != nil, fixture.audio != nil)
      self.pictureAfter = pictureAfter
    }

    /// A small MP4 with these packets.
    ///
    /// - Throws: ``DubbingError`` when ffmpeg cannot copy them.
    func copied(from media: String) async throws -> Data {
      let file = FileManager.default.temporaryDirectory.appending(path: "first-\(UUID().uuidString).mp4")
      defer { try? FileManager.default.removeItem(at: file) }
      let maps = (hasVideo ? ["-map", "0:v:0"] : []) + (hasAudio ? ["-map", "1:a:0"] : [])
      let onlyFirst = "noise=drop='gt(n,0)'"
      let result = try await MediaTool.run(
        "ffmpeg",
        ["-v", "error", "-nostdin", "-y", "-itsoffset", "\(pictureAfter.seconds)", "-i", media, "-i", media] + maps + [
          "-c", "copy", "-bsf:v", onlyFirst,
          // At 0, however late the sound begins: ffmpeg's clock counts for each track from the first packet of it.
          "-bsf:a", onlyFirst + ",setts=ts=0", file.path,
        ], timeout: .seconds(60))
      guard result.succeeded else {
        throw DubbingError(
          .publishingFailed, stream: fixture, reason: "the fixture's first packets cannot be copied",
          evidence: ["ffmpeg    \(result.lastWords)"], next: "use codecs that MP4 can hold, such as H.264 and AAC")
      }
      return try Data(contentsOf: file)
    }
  }

  package func remove() {
    for file in files { try? FileManager.default.removeItem(at: file) }
  }
}

extension String {
  /// As ffmpeg reads it in a list of files.
  fileprivate var quoted: String { "'" + replacing("'", with: #"'\''"#) + "'" }
}
