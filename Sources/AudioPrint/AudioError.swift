/// Why audio could not be read or compared: what was tried, what happened, what to do next.
public struct AudioError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of failure that a caller may want to tell apart.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// The file does not exist or may not be read.
    case fileMissing
    /// The file is there, but ffmpeg finds no media in it.
    case notMedia
    /// The media has no audio track, or not the track that was asked for.
    case noAudioTrack
    /// The media ends in the middle of what its container promises, or packets in it are damaged.
    case truncated
    /// The track is there, but it holds no sample in the span that was asked for.
    case noSamples
    /// ffmpeg or ffprobe is not on the PATH.
    case toolMissing
    /// ffmpeg failed in a way that is none of the above; its own words are in the evidence.
    case decodingFailed
    /// The samples hold NaN or infinity.
    case notFinite
    /// A rate, channel count, byte count or time is outside what can be handled.
    case badFormat
  }

  /// What kind of failure this is.
  public var code: Code
  /// One sentence: what was tried and what happened.
  public var summary: String
  /// What the tool said, line by line, or the figures that led to the error.
  public var evidence: [String]
  /// What to do next, if anything is known to help.
  public var next: String?

  public init(_ code: Code, _ summary: String, evidence: [String] = [], next: String? = nil) {
    self.code = code
    self.summary = summary
    self.evidence = evidence
    self.next = next
  }

  public var description: String {
    var lines = [summary]
    for (index, line) in evidence.enumerated() {
      lines.append((index == 0 ? "  evidence  " : "            ") + line)
    }
    if let next { lines.append("  next      " + next) }
    return lines.joined(separator: "\n")
  }
}
