import Foundation

/// What is published around a fixture: its first picture before, its last one behind it, both in silence.
///
/// A worker that joins late, publishes late, or drops what fills no fragment, then loses some of this and none of the fixture.
public struct FixturePadding: Sendable, Hashable {
  /// Before the fixture.
  package var lead: Duration
  /// Behind it.
  package var tail: Duration

  /// - Parameters:
  ///   - lead: for a worker that joins late, or whose readers miss its first seconds.
  ///   - tail: for a worker that drops its tail: more than a fragment.
  public init(lead: Duration = .zero, tail: Duration = .zero) {
    self.lead = lead
    self.tail = tail
  }
}

extension Fixture {
  /// The fixture with its padding, made once in a process: pictures and sound are encoded anew.
  ///
  /// - Parameters:
  ///   - padding: what is laid around it.
  ///   - folder: where the media file is kept.
  /// - Throws: ``DubbingError`` with ffmpeg's words.
  package func padded(by padding: FixturePadding, in folder: URL) async throws -> Fixture {
    var padded = self
    padded.folder = folder.appending(
      path: "\(name)-\(Int(padding.lead.milliseconds))-\(Int(padding.tail.milliseconds))")
    padded.duration += padding.lead.seconds + padding.tail.seconds
    let (file, arguments) = (padded.media, paddingArguments(padding))
    try await FixtureAnalysis.shared.media(of: self).padded(padding) {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      let result = try await MediaTool.run("ffmpeg", arguments + [file.path], timeout: .seconds(120))
      guard result.succeeded else {
        throw DubbingError(
          stream: name, reason: "the fixture could not be padded",
          evidence: [
            "command   ffmpeg \((arguments + [file.path]).joined(separator: " "))", "ffmpeg    \(result.lastWords)",
          ],
          next: "try it with the command in the evidence, or leave the padding out")
      }
    }
    return padded
  }

  private func paddingArguments(_ padding: FixturePadding) -> [String] {
    let (lead, tail) = (padding.lead.seconds, padding.tail.seconds)
    var arguments = ["-v", "error", "-nostdin", "-y", "-i", media.path]
    if let video {
      let keyframes = max(1, Int((2 * video.fps).rounded()))
      arguments += [
        "-vf", "tpad=start_duration=\(lead):stop_duration=\(tail):start_mode=clone:stop_mode=clone", "-c:v", "libx264",
        "-preset", "veryfast", "-bf", "0", "-g", "\(keyframes)", "-pix_fmt", "yuv420p",
      ]
    }
    if audio != nil {
      arguments += [
        "-af", "adelay=\(Int(lead * 1000)):all=1,apad=pad_dur=\(tail)", "-c:a", "aac", "-b:a", "160k",
      ]
    }
    return arguments
  }
}
