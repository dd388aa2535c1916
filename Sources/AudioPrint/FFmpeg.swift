import Subprocess

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Runs ffmpeg and ffprobe.
enum FFmpeg {
  /// Most that is kept of what a tool prints on standard error.
  private static let messageLimit = 4 << 20

  struct Outcome {
    var tool: String
    var status: TerminationStatus
    var messages: String

    /// How it failed, for a sentence; nil if it came to its end.
    var failure: String? {
      switch status {
      case .exited(0): nil
      case .exited(let code): "\(tool) ended with exit code \(code)"
      case .signaled(let signal): "\(tool) was ended by signal \(signal)"
      }
    }
  }

  /// Runs a tool whose standard output the body reads.
  static func stream<R: Sendable>(
    _ tool: String, _ arguments: [String], body: (SubprocessOutputSequence) async throws -> R
  ) async throws -> (outcome: Outcome, result: R) {
    do {
      let result = try await run(
        .name(tool), arguments: Arguments(arguments), input: .none, output: .sequence,
        error: .string(limit: messageLimit)
      ) { execution in
        try await body(execution.standardOutput)
      }
      return (
        Outcome(tool: tool, status: result.terminationStatus, messages: result.standardError), result.closureResult
      )
    } catch let error as SubprocessError {
      throw AudioError.from(launching: tool, error)
    }
  }

  /// Runs a tool that answers with text.
  static func text(_ tool: String, _ arguments: [String]) async throws -> (output: String, outcome: Outcome) {
    do {
      let result = try await run(
        .name(tool), arguments: Arguments(arguments), input: .none, output: .string(limit: messageLimit),
        error: .string(limit: messageLimit))
      return (
        result.standardOutput, Outcome(tool: tool, status: result.terminationStatus, messages: result.standardError)
      )
    } catch let error as SubprocessError {
      throw AudioError.from(launching: tool, error)
    }
  }
}

/// What ffprobe knows about a file's audio tracks.
package enum AudioProbe {
  /// One audio track.
  package struct Track: Sendable, Hashable {
    /// Samples a second, in Hz.
    package var sampleRate: Int
    /// Presentation time of the first packet in seconds, if the container tells.
    package var startTime: Double?
    /// How ffprobe calls its codec.
    package var codec: String?
  }

  /// The audio tracks of a file or URL in order; empty if it is media without audio.
  ///
  /// - Throws: ``AudioError`` if the file is missing, is no media, or ffprobe is missing.
  package static func tracks(of path: String) async throws -> [Track] {
    let (output, outcome) = try await FFmpeg.text(
      "ffprobe",
      [
        "-v", "error", "-select_streams", "a", "-show_entries",
        "stream=codec_name,sample_rate,start_time", "-of", "json", path,
      ])
    if let failure = outcome.failure {
      throw AudioError.from(
        ffmpeg: outcome.messages.split(whereSeparator: \.isNewline).map(String.init), path: path, track: 0,
        failure: failure)
    }
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(output.utf8)).streams.map(\.track)
    } catch {
      throw AudioError(
        .decodingFailed, "ffprobe's answer about \(path) cannot be read: \(error)", evidence: [output],
        underlying: error)
    }
  }

  static func track(_ index: Int, of path: String) async throws -> Track {
    let tracks = try await tracks(of: path)
    guard tracks.indices.contains(index) else {
      throw AudioError.noTrack(index, path: path, evidence: ["audio tracks: \(tracks.count)"])
    }
    return tracks[index]
  }

  private struct Answer: Decodable {
    struct Stream: Decodable {
      var sampleRate: String?
      var startTime: String?
      var codec: String?

      enum CodingKeys: String, CodingKey {
        case sampleRate = "sample_rate"
        case startTime = "start_time"
        case codec = "codec_name"
      }

      var track: Track {
        Track(
          sampleRate: self.sampleRate.flatMap(Int.init) ?? 0, startTime: startTime.flatMap(Double.init), codec: codec)
      }
    }
    var streams: [Stream]
  }
}

extension AudioError {
  static func noTrack(_ track: Int, path: String, evidence: [String]) -> AudioError {
    AudioError(
      .noAudioTrack, "\(path) has no audio track \(track)", evidence: evidence,
      next: "`ffprobe -show_streams` lists what is in the file; audio tracks count from 0")
  }

  static func from(launching tool: String, _ error: SubprocessError) -> AudioError {
    if error.code == .executableNotFound {
      return AudioError(
        .toolMissing, "\(tool) is not on the PATH", evidence: [error.description],
        next: "install ffmpeg; this package's own make setup does it", underlying: error)
    }
    return AudioError(.decodingFailed, "\(tool) could not be run", evidence: [error.description], underlying: error)
  }

  /// Sorts a failed run of ffmpeg or ffprobe by the words that it printed; `failure` says how it ended.
  static func from(ffmpeg lines: [String], path: String, track: Int, failure: String) -> AudioError {
    let evidence = lines.isEmpty ? ["(it printed nothing)"] : Array(lines.suffix(6))
    func says(_ words: String) -> Bool { lines.contains { $0.containsIgnoringCase(words) } }
    if says("matches no streams") || says("does not contain any stream") {
      return noTrack(track, path: path, evidence: evidence)
    }
    if says("No such file or directory") || says("Permission denied") || says("Is a directory") {
      return AudioError(
        .fileMissing, "\(path) cannot be opened", evidence: evidence, next: "check the path and its permissions")
    }
    if says("moov atom not found"), MediaFile(path: path).beginsAsMP4 {
      return AudioError(
        .truncated, "\(path) is cut off: its index is missing", evidence: evidence,
        next: "let the recorder finish the file, or record to a format without an index (flv, ts, fragmented mp4)")
    }
    if says("Invalid data found") || says("Unknown format") || says("could not find codec parameters") {
      return AudioError(
        .notMedia, "\(path) is no media that ffmpeg can read", evidence: evidence, next: "check what wrote it")
    }
    return AudioError(
      .decodingFailed, "decoding \(path) failed: \(failure)", evidence: evidence,
      next: "`ffmpeg -i \(path) -f null -` shows where it stops; what is behind that has to be written anew")
  }
}
