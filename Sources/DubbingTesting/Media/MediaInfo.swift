import Foundation
import Subprocess

/// What ffprobe says of a media file or URL.
package struct MediaInfo: Sendable, Hashable, Codable {
  /// The first video track.
  package struct VideoTrack: Sendable, Hashable, Codable {
    /// As ffmpeg calls it, such as `h264` or `aac`.
    package var codec: String
    /// Pixels.
    package var width: Int
    /// Pixels.
    package var height: Int
    /// Frames per second, on average.
    package var fps: Double

    /// A track of these figures.
    package init(codec: String, width: Int, height: Int, fps: Double) {
      self.codec = codec
      self.width = width
      self.height = height
      self.fps = fps
    }
  }

  /// The first audio track.
  package struct AudioTrack: Sendable, Hashable, Codable {
    /// As ffmpeg calls it, such as `h264` or `aac`.
    package var codec: String
    /// Samples per second.
    package var sampleRate: Int
    /// How many there are.
    package var channels: Int
    /// Presentation time of the first sample, seconds; 0 where the container gives none.
    package var startTime: Double

    /// A track of these figures.
    package init(codec: String, sampleRate: Int, channels: Int, startTime: Double = 0) {
      self.codec = codec
      self.sampleRate = sampleRate
      self.channels = channels
      self.startTime = startTime
    }
  }

  /// As ffmpeg calls it, such as `flv`.
  package var container: String
  /// Seconds.
  package var duration: Double
  /// nil: there is none.
  package var video: VideoTrack?
  /// nil: there is none.
  package var audio: AudioTrack?

  /// A file of these tracks.
  package init(container: String, duration: Double, video: VideoTrack?, audio: AudioTrack?) {
    self.container = container
    self.duration = duration
    self.video = video
    self.audio = audio
  }
}

/// One packet of a track, known by the hash of its payload, so that it can be recognised after a copy.
package struct MediaPacket: Sendable, Hashable {
  /// MD5 of the payload; of H.264 and HEVC, of the coded picture in it.
  package var hash: String
  /// Presentation time, seconds; nil where the container gives none.
  package var pts: Double?
  /// Decoding time, seconds.
  package var dts: Double?

  /// A packet of these figures.
  package init(hash: String, pts: Double?, dts: Double?) {
    self.hash = hash
    self.pts = pts
    self.dts = dts
  }
}

extension MediaInfo {
  /// Reads container, codecs and duration.
  ///
  /// - Throws: ``DubbingError`` with ffprobe's own words.
  package static func probe(_ path: String) async throws -> MediaInfo {
    let output = try await Probe.run(path, ["-show_format", "-show_streams"])
    let video = output.streams?.first { $0.codecType == "video" }
    let audio = output.streams?.first { $0.codecType == "audio" }
    return MediaInfo(
      container: output.format?.formatName ?? "",
      duration: output.format?.duration.flatMap(Double.init) ?? 0,
      video: video.map {
        VideoTrack(codec: $0.codecName ?? "", width: $0.width ?? 0, height: $0.height ?? 0, fps: $0.framesPerSecond)
      },
      audio: audio.map {
        AudioTrack(
          codec: $0.codecName ?? "", sampleRate: $0.sampleRate.flatMap(Int.init) ?? 0, channels: $0.channels ?? 0,
          startTime: $0.startTime.flatMap(Double.init) ?? 0)
      })
  }

  /// Reads every packet of the first video or audio track (`v:0`, `a:0`), in file order; none where there is no such
  /// track.
  ///
  /// Of H.264 and HEVC only the pictures count: media servers take parameter sets, access unit delimiters and SEI away and put
  /// parameter sets before key pictures (docs/media-server.md), and length fields and start codes are the container's.
  /// - Parameters:
  ///   - path: a file, or a URL that ffmpeg reads.
  ///   - track: `v:0` or `a:0`.
  ///   - limit: how many packets are read at most; nil: all.
  /// - Throws: ``DubbingError`` with ffmpeg's own words.
  package static func packets(of path: String, track: String, limit: Int? = nil) async throws -> [MediaPacket] {
    try await packets(of: path, track: track, codec: try await probe(path).codec(of: track), limit: limit)
  }

  /// The codec of `v:0` or `a:0`; nil where there is no such track.
  func codec(of track: String) -> String? { track.hasPrefix("v") ? video?.codec : audio?.codec }

  /// The same where the codec is known already; none without one.
  static func packets(of path: String, track: String, codec: String?, limit: Int? = nil) async throws -> [MediaPacket] {
    guard let codec else { return [] }
    let filter = PictureFilter.of(codec)
    let arguments =
      ["-v", "error", "-nostdin", "-copyts", "-i", path, "-map", "0:\(track)", "-c", "copy"]
      + (filter.map { ["-bsf", $0] } ?? []) + (limit.map { ["-frames", "\($0)"] } ?? []) + [
        "-f", "framehash", "-hash", "md5", "-",
      ]
    return FrameHashes(try await MediaTool.read(path, with: "ffmpeg", arguments).standardOutput).packets
  }
}

/// Bitstream filters of ffmpeg that leave the coded pictures alone, in one form.
enum PictureFilter {
  static func of(_ codec: String) -> String? {
    switch codec {
    // Rec. ITU-T H.264, table 7-1: 6 SEI, 7 and 8 parameter sets, 9 access unit delimiter.
    case "h264": "h264_mp4toannexb,filter_units=remove_types=6-9"
    // Rec. ITU-T H.265, table 7-1: 32 to 34 parameter sets, 35 access unit delimiter, 39 and 40 SEI.
    case "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-35|39-40"
    default: nil
    }
  }
}

/// What ffmpeg's `framehash` muxer prints: `stream, dts, pts, duration, size, hash`, in units of `#tb`.
struct FrameHashes {
  var packets: [MediaPacket] = []

  init(_ text: String) {
    var unit = 0.0
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#tb 0: ") {
        let parts = line.dropFirst(7).split(separator: "/").compactMap { Double($0) }
        unit = parts.count == 2 && parts[1] != 0 ? parts[0] / parts[1] : 0
      }
      let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      guard !line.hasPrefix("#"), fields.count >= 6 else { continue }
      let times = fields[1...2].map { Double($0).map { $0 * unit } }
      packets.append(MediaPacket(hash: fields[5], pts: times[1], dts: times[0]))
    }
  }
}

extension MediaInfo {
  /// Decodes every packet of a file and returns what the decoders complained of; empty when they had nothing to conceal.
  ///
  /// - Throws: ``DubbingError`` when ffmpeg is missing or takes more than a minute.
  package static func decodingProblems(in path: String) async throws -> String {
    let arguments = ["-hide_banner", "-loglevel", "error", "-xerror", "-nostdin", "-i", path, "-f", "null", "-"]
    let result = try await MediaTool.run("ffmpeg", arguments, timeout: .seconds(60))
    return result.succeeded ? result.standardError : result.lastWords
  }
}

/// The JSON that ffprobe prints, as far as it is used.
private struct Probe: Decodable {
  struct Format: Decodable {
    var formatName: String?
    var duration: String?
  }

  struct Stream: Decodable {
    var codecType: String?
    var codecName: String?
    var width: Int?
    var height: Int?
    var sampleRate: String?
    var channels: Int?
    var startTime: String?
    var avgFrameRate: String?

    var framesPerSecond: Double {
      let parts = (avgFrameRate ?? "").split(separator: "/").compactMap { Double($0) }
      return parts.count == 2 && parts[1] != 0 ? parts[0] / parts[1] : 0
    }
  }

  var format: Format?
  var streams: [Stream]?

  static func run(_ path: String, _ options: [String]) async throws -> Probe {
    let result = try await MediaTool.read(path, with: "ffprobe", ["-v", "error", "-of", "json"] + options + [path])
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Probe.self, from: Data(result.standardOutput.utf8))
    } catch {
      throw DubbingError(unreadable: path, reason: "its answer is not the JSON that was expected: \(error)")
    }
  }
}
