import Foundation
import Subprocess

/// What ffprobe says of a media file or URL.
public struct MediaInfo: Sendable, Hashable {
  public struct VideoTrack: Sendable, Hashable {
    public var codec: String
    public var width: Int
    public var height: Int
    public var fps: Double

    public init(codec: String, width: Int, height: Int, fps: Double) {
      self.codec = codec
      self.width = width
      self.height = height
      self.fps = fps
    }
  }

  public struct AudioTrack: Sendable, Hashable {
    public var codec: String
    /// Samples per second.
    public var sampleRate: Int
    public var channels: Int

    public init(codec: String, sampleRate: Int, channels: Int) {
      self.codec = codec
      self.sampleRate = sampleRate
      self.channels = channels
    }
  }

  public var container: String
  /// Seconds.
  public var duration: Double
  public var video: VideoTrack?
  public var audio: AudioTrack?

  public init(container: String, duration: Double, video: VideoTrack?, audio: AudioTrack?) {
    self.container = container
    self.duration = duration
    self.video = video
    self.audio = audio
  }
}

/// One packet of a track, known by the hash of its payload, so that it can be recognised after a copy.
public struct MediaPacket: Sendable, Hashable {
  /// MD5 of the payload, as ffprobe prints it.
  public var hash: String
  /// Presentation time, seconds; nil where the container gives none.
  public var pts: Double?
  /// Decoding time, seconds.
  public var dts: Double?

  public init(hash: String, pts: Double?, dts: Double?) {
    self.hash = hash
    self.pts = pts
    self.dts = dts
  }
}

/// Why a file could not be read as media.
public struct ProbeError: Error, Sendable, CustomStringConvertible {
  public var path: String
  public var reason: String

  public var description: String {
    "\(path) could not be read as media\n  ffprobe   \(reason)\n  next      play it with ffplay; if ffprobe is missing install ffmpeg"
  }
}

extension MediaInfo {
  /// Reads container, codecs and duration.
  ///
  /// - Throws: ``ProbeError`` with ffprobe's own words.
  public static func probe(_ path: String) async throws -> MediaInfo {
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
          codec: $0.codecName ?? "", sampleRate: $0.sampleRate.flatMap(Int.init) ?? 0, channels: $0.channels ?? 0)
      })
  }

  /// Reads every packet of the first video or audio track (`v:0`, `a:0`), in file order.
  ///
  /// - Throws: ``ProbeError`` with ffprobe's own words.
  public static func packets(of path: String, track: String) async throws -> [MediaPacket] {
    let output = try await Probe.run(
      path,
      [
        "-select_streams", track, "-show_packets", "-show_data_hash", "md5",
        "-show_entries", "packet=pts_time,dts_time,data_hash",
      ])
    return (output.packets ?? []).map {
      MediaPacket(hash: $0.dataHash ?? "", pts: $0.ptsTime.flatMap(Double.init), dts: $0.dtsTime.flatMap(Double.init))
    }
  }
}

extension MediaInfo {
  /// Decodes every packet of a file and returns what the decoders complained of; empty when they had nothing to conceal.
  ///
  /// - Throws: ``MediaToolError`` when ffmpeg is missing or takes more than a minute.
  public static func decodingProblems(in path: String) async throws -> String {
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
    var avgFrameRate: String?

    var framesPerSecond: Double {
      let parts = (avgFrameRate ?? "").split(separator: "/").compactMap { Double($0) }
      return parts.count == 2 && parts[1] != 0 ? parts[0] / parts[1] : 0
    }
  }

  struct Packet: Decodable {
    var ptsTime: String?
    var dtsTime: String?
    var dataHash: String?
  }

  var format: Format?
  var streams: [Stream]?
  var packets: [Packet]?

  static func run(_ path: String, _ options: [String]) async throws -> Probe {
    let result: CommandResult
    do {
      result = try await MediaTool.run(
        "ffprobe", ["-v", "error", "-of", "json"] + options + [path], timeout: .seconds(60))
    } catch let error as MediaToolError {
      throw ProbeError(path: path, reason: error.description)
    }
    guard result.succeeded else { throw ProbeError(path: path, reason: result.lastWords) }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Probe.self, from: Data(result.standardOutput.utf8))
    } catch {
      throw ProbeError(path: path, reason: "its answer is not the JSON that was expected: \(error)")
    }
  }
}
